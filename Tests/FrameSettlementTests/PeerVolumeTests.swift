import Foundation
import FrameBridge
import FrameCore
import FrameEvents
import FrameProtos
import FrameSettlement
import Synchronization
import Testing

@testable import FrameProjection

@Suite("A peer with valid keys that lies in volume, or in a shape the evidence does not fit", .timeLimit(.minutes(2)))
struct PeerVolumeTests {
  /// Two frames with a treaty; A is the one that lies.
  private struct Pair {
    let a: LoopbackNode
    let b: LoopbackNode

    init() async throws {
      a = try LoopbackNode("frame-a.example", code: "AVT")
      b = try LoopbackNode("frame-b.example", code: "BVT")
      try await a.found(peers: [b])
      try await b.found(peers: [a])
    }

    var toA: LoopbackPeers { LoopbackPeers(from: b, to: a) }

    /// Follows A's script until the test has seen what it wants.
    func follow(_ peer: ScriptedPeer, until holds: @escaping @Sendable () async throws -> Bool) async throws {
      let follower = b.follower(peer)
      try await withThrowingDiscardingTaskGroup { group in
        group.addTask { try await follower.run() }
        while try await !holds() { try await Task.sleep(for: .milliseconds(5)) }
        follower.refreshMetrics()
        group.cancelAll()
      }
    }

    func sample(_ name: String, _ labels: [String: String]) -> Double {
      for family in b.registry.collect() where family.descriptor.name == name {
        for metric in family.metrics where labels.allSatisfy({ metric.labels[$0.key] == $0.value }) {
          switch metric.value {
          case .counter(let value, _), .gauge(let value): return value.doubleValue
          default: continue
          }
        }
      }
      return 0
    }

    var frauds: [EquivocationProof] { b.frauds.withLock { $0.map(\.proof) } }

    func close() async {
      await a.close()
      await b.close()
    }
  }

  private static func forever() async throws { try await Task.sleep(for: .seconds(600)) }

  @Test("P1: two heads of one size with two roots are proof, whatever stands before the witness")
  func heads() async throws {
    let pair = try await Pair()
    let signer = pair.a.signer
    let peer = ScriptedPeer(
      pair.toA,
      script: { _, send in
        try await send(ScriptedPeer.head(0, ScriptedPeer.note(signer, size: 50, root: 1)))
        try await send(ScriptedPeer.head(0, ScriptedPeer.note(signer, size: 50, root: 2)))
        try await Self.forever()
      })
    try await pair.follow(peer) { pair.frauds.count > 0 }
    #expect(pair.frauds.first?.kind == .sameSize)
    #expect(try pair.frauds.first?.verify(key: signer.verifierKey).firstSize == 50)
    await pair.close()
  }

  @Test(
    "P1: what the log has signed is witnessed also when the rest of the message is refused",
    arguments: ["sequence", "proof", "size", "announced", "flood"])
  func refusedMessages(_ what: String) async throws {
    let pair = try await Pair()
    let signer = pair.a.signer
    let peer = ScriptedPeer(
      pair.toA,
      script: { after, send in
        try await send(ScriptedPeer.head(0, ScriptedPeer.note(signer, size: 50, root: 1)))
        var attestation = PBAttestation()
        attestation.event = Data("no event".utf8)
        attestation.checkpoint = ScriptedPeer.note(signer, size: 50, root: 2)
        switch what {
        case "sequence": try await send(ScriptedPeer.item(after + 7, attestation))
        case "size":
          attestation.proof = Array(repeating: Data(repeating: 1, count: 32), count: 7_000)
          try await send(ScriptedPeer.item(after + 1, attestation))
        case "announced": try await send(ScriptedPeer.head(51, attestation.checkpoint))
        case "flood":
          for _ in 1..<ProjectionLimits.headBurst {
            try await send(ScriptedPeer.head(0, ScriptedPeer.note(signer, size: 50, root: 1)))
          }
          try await send(ScriptedPeer.head(0, attestation.checkpoint))
        default: try await send(ScriptedPeer.item(after + 1, attestation))
        }
        try await Self.forever()
      })
    try await pair.follow(peer) { pair.frauds.count > 0 }
    #expect(pair.frauds.first?.kind == .sameSize)
    await pair.close()
  }

  @Test("P1: the checkpoint of a reserve statement is witnessed like any other")
  func statements() async throws {
    let pair = try await Pair()
    let (signer, size) = (pair.a.signer, pair.a.writer.durableSize())
    _ = try await pair.b.watch(pair.toA).read(
      try await pair.a.checkpoint().note, of: pair.a.frame, key: signer.verifierKey)
    let peer = ScriptedPeer(
      pair.toA,
      statement: { honest in
        var signed = honest
        signed.checkpoint = ScriptedPeer.note(signer, size: size, root: 9)
        return signed
      })
    await pair.b.relay(peer).compare(with: pair.a.frame)
    #expect(pair.frauds.map(\.kind) == [.sameSize])
    await pair.close()
  }

  @Test("P2: an answer of 7,000 hashes, or of hashes that are none, joins nothing, and its evidence stays small")
  func longProof() async throws {
    for lie in [Array(repeating: Data(repeating: 7, count: 32), count: 7_000), [Data(repeating: 7, count: 100_000)]] {
      let pair = try await Pair()
      let key = pair.a.signer.verifierKey
      let liar = ScriptedPeer(pair.toA, proof: { _ in lie })
      _ = try await pair.b.watch(liar).read(try await pair.a.checkpoint().note, of: pair.a.frame, key: key)
      _ = try await pair.a.writer.submit(
        CommandEnvelope(
          .ledger(.issue(Amount(minorUnits: 1), memo: "")), actor: .authority(of: pair.a.frame), derivedKey: "more"))
      await #expect(throws: WitnessError.self) {
        _ = try await pair.b.watch(liar).read(try await pair.a.checkpoint().note, of: pair.a.frame, key: key)
      }
      let proof = try #require(pair.frauds.first)
      #expect(proof.kind == .inconsistent && proof.fitsEvent)
      #expect(proof.document.count < 16_384)
      _ = try proof.verify(key: key)
      await pair.close()
    }
  }

  @Test("P3: a head that is repeated without pause ends the stream, and is counted")
  func headFlood() async throws {
    let pair = try await Pair()
    let note = try await pair.a.checkpoint().note
    let streams = Mutex<[Int]>([])
    let peer = ScriptedPeer(
      pair.toA,
      script: { _, send in
        streams.withLock { $0.append(0) }
        while true {
          try await send(ScriptedPeer.head(0, note))
          streams.withLock { $0[$0.count - 1] += 1 }
        }
      })
    try await pair.follow(peer) { streams.withLock { $0.count } >= 3 }
    // One more may have been refilled while the burst was worked off.
    #expect(streams.withLock { $0.dropLast().allSatisfy { $0 <= ProjectionLimits.headBurst + 1 } })
    #expect(pair.sample("frame_projection_excess_total", ["peer": pair.a.frame.name, "kind": "heads"]) >= 2)
    #expect(pair.frauds.isEmpty)
    await pair.close()
  }

  @Test("P6: an item far ahead, or a head beyond the log that proves it, leaves no lag behind")
  func claimedSequences() async throws {
    let pair = try await Pair()
    let note = try await pair.a.checkpoint().note
    let position = try await Self.transfer(pair.a, to: pair.b, "t0")
    let attestation = try await pair.a.attest(position)
    let streams = Mutex(0)
    let peer = ScriptedPeer(
      pair.toA,
      script: { after, send in
        switch streams.withLock({ count in (count, count += 1).0 }) {
        case 0: try await send(ScriptedPeer.item(.max, attestation))
        case 1: try await send(ScriptedPeer.head(.max, note))
        default:
          try await send(ScriptedPeer.head(1, try await pair.a.checkpoint().note))
          if after == 0 { try await send(ScriptedPeer.item(1, attestation)) }
        }
        try await Self.forever()
      })
    let name = pair.a.frame
    try await pair.follow(peer) {
      try await pair.b.writer.read { $0.projection.cursor(of: name).sequence } == 1
    }
    let labels = ["peer": name.name]
    #expect(pair.sample("frame_projection_lag_events", labels) <= 1)
    #expect(pair.sample("frame_projection_rejected_events_total", ["peer": name.name, "reason": "sequence_gap"]) == 1)
    #expect(
      pair.sample("frame_projection_rejected_events_total", ["peer": name.name, "reason": "malformed_message"]) == 1)
    await pair.close()
  }

  private static func transfer(_ from: LoopbackNode, to: LoopbackNode, _ id: String) async throws -> UInt64 {
    let alice = SimFixture.agent("alice")
    let committed = try await from.settlement.submit(
      .initiate(
        TransferTerms(
          id: id, from: AgentAddress(name: alice, frame: from.frame),
          to: AgentAddress(name: SimFixture.agent("bob"), frame: to.frame), asset: from.native,
          amount: Amount(minorUnits: 1), memo: "")), actor: .agent(alice, of: from.frame),
      key: IdempotencyKey(derived: id))
    return try #require(committed.events.last?.position)
  }

  @Test("P4: events that mean nothing to us are kept as hash and position, however large they are")
  func meaningless() async throws {
    let pair = try await Pair()
    let count = 300
    // Refusals of transfers that B never sent, each with 7,000 bytes of words.
    var drafts: [EventDraft] = []
    for index in 0..<count {
      var refused = PBCrossFrameTransferRefused()
      refused.terms.transferID = "never-\(index)"
      refused.terms.origin = pair.b.frame.name
      refused.terms.destination = pair.a.frame.name
      refused.terms.memo = String(repeating: "m", count: 7_000)
      drafts.append(EventDraft(.crossFrameTransferRefused(refused)))
    }
    for chunk in 0..<3 {
      _ = try await pair.a.writer.submit(
        CommandEnvelope(
          .given(Array(drafts[chunk * 100..<chunk * 100 + 100])), actor: .node(of: pair.a.frame),
          derivedKey: "refusals/\(chunk)"))
    }
    let before = pair.b.writer.durableSize()
    let follower = pair.b.follower(pair.toA)
    let name = pair.a.frame
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await follower.run() }
      try await pair.b.until("all of them") { $0.projection.cursor(of: name).sequence == UInt64(count) }
      group.cancelAll()
    }
    let events = try await pair.b.writer.events(from: before, limit: 1_000)
    #expect(events.count == count)
    #expect(events.reduce(0) { $0 + $1.bytes.count } < count * 600)
    for event in events {
      guard case .peerEventProjected(let projected) = event.event.payload else {
        Issue.record("\(event.event.eventType) is no receipt")
        continue
      }
      #expect(projected.rejected == "unknown_transfer" && projected.event.isEmpty)
      let original = try await pair.a.writer.events(from: projected.peerPosition, limit: 1)
      #expect(projected.eventHash == original.first.map { MerkleHash.leaf($0.bytes).data })
    }
    await pair.close()
  }

  @Test(
    "P4: what one peer has recorded in a minute is limited, in events and in bytes, and more so what costs it nothing")
  func allowance() {
    let start = SimFixture.start
    var allowance = PeerAllowance()
    #expect(allowance.pause(at: start) == nil)
    allowance.charge(events: 2_000, bytes: 2_000 * 300, idle: 2_000, at: start)
    #expect(allowance.pause(at: start)?.kind == .idle)
    #expect(allowance.pause(at: start)?.wait == .seconds(40))
    #expect(allowance.pause(at: start + .seconds(41)) == nil)
    allowance.charge(events: 1, bytes: 64 << 20, idle: 0, at: start + .seconds(41))
    #expect(allowance.pause(at: start + .seconds(41))?.kind == .bytes)
    // A minute at full speed: no more than the limits and what may come at once.
    var (events, time) = (0, start + .seconds(600))
    allowance = PeerAllowance()
    while time < start + .seconds(660) {
      if let wait = allowance.pause(at: time)?.wait {
        time = time + wait
      } else {
        allowance.charge(events: 256, bytes: 0, idle: 256, at: time)
        events += 256
      }
    }
    #expect(events <= 2 * ProjectionLimits.idleEventsPerMinute + 512)
  }

  @Test("P5: questions about transfers that never were leave refusals in the log and nothing in memory")
  func questions() async throws {
    let pair = try await Pair()
    let (a, b) = (pair.a, pair.b)
    var positions: [UInt64] = []
    _ = try await b.settlementServer.resolve(transferID: "the-first", from: a.frame)
    let held = try await b.writer.read { SnapshotFields.encode($0.settlement).count }
    for index in 0..<200 {
      let decision = try await b.settlementServer.resolve(transferID: "invented-\(index)", from: a.frame)
      #expect(decision.outcome == .refused && decision.reason == SettlementState.neverSeen)
      positions.append(decision.position)
    }
    // A minute's sum by whole seconds is all that may have grown.
    #expect(try await b.writer.read { SnapshotFields.encode($0.settlement).count } <= held + 61 * 16)
    let name = a.frame
    #expect(try await b.writer.read { $0.settlement.incoming("invented-7", from: name) } == nil)
    // Asked again, and asked in another way: the log answers.
    #expect(try await b.settlementServer.resolve(transferID: "invented-7", from: a.frame).position == positions[7])
    let alice = AgentAddress(name: SimFixture.agent("alice"), frame: a.frame)
    let bob = AgentAddress(name: SimFixture.agent("bob"), frame: b.frame)
    let terms = try TransferTerms(
      id: "invented-7", from: alice, to: bob, asset: a.native, amount: Amount(minorUnits: 100), memo: ""
    ).message
    let late = try await b.settlementServer.credit(terms, from: a.frame)
    #expect(late.outcome == .refused && late.position == positions[7])
    #expect(try await b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance)
    // Nor does it pass by the stream, nor after a restart.
    let position = try await Self.transfer(a, to: b, "invented-8")
    let follower = b.follower(pair.toA)
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await follower.run() }
      try await b.until("received") { $0.projection.cursor(of: name).position == position }
      group.cancelAll()
    }
    #expect(try await b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance)
    await b.writer.shutdown()
    let again = try LoopbackNode("frame-b.example", code: "BVT", directory: b.directory, key: b.key)
    #expect(try await again.settlementServer.resolve(transferID: "invented-199", from: name).position == positions[199])
    #expect(try await again.settlementServer.credit(terms, from: name).position == positions[7])
    await again.close()
    await a.close()
  }

  @Test("P5: a refusal that is found by its subject is the one of these terms, or a conflict")
  func refusedTerms() async throws {
    let pair = try await Pair()
    let (a, b) = (pair.a, pair.b)
    func terms(_ amount: Int64) throws -> PBTransferTerms {
      try TransferTerms(
        id: "t", from: AgentAddress(name: SimFixture.agent("alice"), frame: a.frame),
        to: AgentAddress(name: SimFixture.agent("nobody"), frame: b.frame), asset: a.native,
        amount: Amount(minorUnits: amount), memo: ""
      ).message
    }
    let first = try await b.settlementServer.credit(terms(100), from: a.frame)
    #expect(first.outcome == .refused && first.reason == "unknown_agent")
    #expect(try await b.settlementServer.credit(terms(100), from: a.frame) == first)
    await #expect(throws: SettlementError.transferConflict("t")) {
      _ = try await b.settlementServer.credit(terms(101), from: a.frame)
    }
    #expect(try await b.settlementServer.resolve(transferID: "t", from: a.frame) == first)
    await pair.close()
  }
}
