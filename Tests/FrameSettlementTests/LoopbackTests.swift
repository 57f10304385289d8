import Crypto
import Foundation
import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameMetrics
@testable import FrameProjection
import FrameProtos
import FrameSettlement
import Testing

@Suite("Two frames with real logs and proofs", .serialized)
struct LoopbackTests {
  let alice = SimFixture.agent("alice")
  let bob = SimFixture.agent("bob")

  /// Both frames running all their services; stopped and removed at the end.
  private func withFrames(
    _ body: (_ a: LoopbackNode, _ b: LoopbackNode, _ toB: LoopbackPeers, _ coordinator: TransferCoordinator)
      async throws
      -> Void
  ) async throws {
    let a = try LoopbackNode("frame-a.example", code: "AVT")
    let b = try LoopbackNode("frame-b.example", code: "BVT")
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    let (toB, toA) = (LoopbackPeers(from: a, to: b), LoopbackPeers(from: b, to: a))
    let coordinator = a.coordinator(toB)
    try await withThrowingDiscardingTaskGroup { group in
      for follower in [a.follower(toB) { await coordinator.observe($0) }, b.follower(toA)] {
        group.addTask { try await follower.run() }
      }
      for coordinator in [coordinator, b.coordinator(toA)] { group.addTask { try await coordinator.run() } }
      for relay in [a.relay(toB), b.relay(toA)] { group.addTask { try await relay.run() } }
      try await body(a, b, toB, coordinator)
      group.cancelAll()
    }
    await a.close()
    await b.close()
  }

  private func request(_ amount: Int64 = 100, to: String = "bob@frame-b.example") throws -> TransferRequest {
    TransferRequest(from: alice, to: try AgentAddress(to), amount: Amount(minorUnits: amount), memo: "")
  }

  private func expectMirror(_ a: LoopbackNode, _ b: LoopbackNode, _ amount: Int64) async throws {
    #expect(try await a.balance(.clearing(b.frame)) == amount)
    #expect(try await b.balance(.clearing(a.frame)) == -amount)
    #expect(try await b.balance(.liquid(bob)) == SimFixture.startBalance + amount)
    #expect(try await a.balance(.liquid(alice)) == SimFixture.startBalance - amount)
    #expect(try await a.balance(.held(alice)) == 0)
  }

  @Test("2pc completes while the caller waits; a retry with the same key finds it, with another body conflicts")
  func twoPhase() async throws {
    try await withFrames { a, b, _, coordinator in
      let key = IdempotencyKey(derived: "key")
      let actor = SPIFFEID.agent(alice, of: a.frame)
      let receipt = try await coordinator.transfer(try request(), backend: .twoPhase, key: key, actor: actor)
      #expect(receipt.state == .completed)
      #expect(receipt.transfer.peerPosition != nil)
      let again = try await coordinator.transfer(try request(), backend: .twoPhase, key: key, actor: actor)
      #expect(again.replayed)
      #expect(again.transfer == receipt.transfer)
      await #expect(throws: LogError.self) {
        _ = try await coordinator.transfer(try request(101), backend: .twoPhase, key: key, actor: actor)
      }
      try await expectMirror(a, b, 100)
      let refused = try await coordinator.transfer(
        try request(5, to: "nobody@frame-b.example"), backend: .twoPhase, key: IdempotencyKey(derived: "k2"),
        actor: actor)
      #expect(refused.state == .refused)
      #expect(refused.transfer.reason == "unknown_agent")
      try await expectMirror(a, b, 100)
    }
  }

  @Test("async answers after the local append, is carried by SF-4 and settles; refused there is paid back")
  func async() async throws {
    try await withFrames { a, b, _, coordinator in
      let actor = SPIFFEID.agent(alice, of: a.frame)
      for index in 0..<20 {
        let receipt = try await coordinator.transfer(
          try request(10), backend: .async, key: IdempotencyKey(derived: "k\(index)"), actor: actor)
        #expect(receipt.state == .pending || receipt.state == .completed)
      }
      _ = try await coordinator.transfer(
        try request(7, to: "nobody@frame-b.example"), backend: .async, key: IdempotencyKey(derived: "n"), actor: actor)
      try await a.until("everything settled") { $0.settlement.openPeers.isEmpty }
      try await expectMirror(a, b, 200)
    }
  }

  @Test("with the peer down 2pc says pending in time and keeps the money held; it completes when the peer is back")
  func peerDown() async throws {
    try await withFrames { a, b, toB, coordinator in
      toB.set(.down)
      let began = ContinuousClock.now
      let receipt = try await coordinator.transfer(
        try request(), backend: .twoPhase, key: IdempotencyKey(derived: "k"), actor: .agent(alice, of: a.frame),
        wait: .milliseconds(300))
      #expect(ContinuousClock.now - began < .seconds(30), "the caller's wait is bounded")
      #expect(receipt.state == .pending)
      #expect(receipt.isInDoubt)
      #expect(try await a.balance(.held(alice)) == 100)
      toB.set(.up)
      try await a.until("the transfer is decided") { $0.settlement.openPeers.isEmpty }
      #expect(try await coordinator.receipt(receipt.transfer.id).state == .completed)
      try await expectMirror(a, b, 100)
    }
  }

  @Test("a transfer that the peer never answers about does not hold up those it can decide")
  func unanswerable() async throws {
    try await withFrames { a, b, toB, coordinator in
      toB.set(.down)
      var ids: [String] = []
      for number in 0..<3 {
        let receipt = try await coordinator.transfer(
          try request(), backend: .twoPhase, key: IdempotencyKey(derived: "k\(number)"),
          actor: .agent(alice, of: a.frame),
          wait: .milliseconds(10))
        ids.append(receipt.transfer.id)
      }
      toB.neverAnswer(about: ids[0])
      toB.set(.up)
      try await a.until("all but one are decided") { $0.settlement.openTransfers(to: b.frame).count == 1 }
      #expect(try await coordinator.receipt(ids[0]).isInDoubt)
      #expect(try await a.balance(.held(alice)) == 100)
      #expect(try await b.balance(.liquid(bob)) == SimFixture.startBalance + 200)
    }
  }

  @Test("B4: an answer lost after the credit is asked for again: completed once, never refunded, never doubled")
  func lostAnswer() async throws {
    try await withFrames { a, b, toB, coordinator in
      toB.set(.losesAnswers)
      let receipt = try await coordinator.transfer(
        try request(), backend: .twoPhase, key: IdempotencyKey(derived: "k"), actor: .agent(alice, of: a.frame),
        wait: .milliseconds(300))
      #expect(receipt.state == .pending)
      let (peerA, id) = (a.frame, receipt.transfer.id)
      try await b.until("credited there") { $0.settlement.decision(id, from: peerA) != nil }
      toB.set(.up)
      try await a.until("the transfer is decided") { $0.settlement.openPeers.isEmpty }
      try await expectMirror(a, b, 100)
    }
  }

  @Test("the bridge relays by itself: locked, issued, redeemed, unlocked, and both sides' statements agree")
  func bridge() async throws {
    try await withFrames { a, b, toB, _ in
      let (peerA, peerB, native, bob) = (a.frame, b.frame, a.native, bob)
      _ = try await a.bridge.submit(
        .lock(id: "l", destination: b.frame, from: alice, recipient: bob, amount: Amount(minorUnits: 500)),
        actor: .agent(alice, of: a.frame), key: IdempotencyKey(derived: "l"))
      try await b.until("issued") { $0.ledger.balance(.wrapped(bob, native)) == 500 }
      try await a.until("issue attested") { $0.bridge.peer(peerB).outbound.inFlight == 0 }
      _ = try await b.bridge.submit(
        .redeem(id: "r", origin: a.frame, from: bob, recipient: alice, amount: Amount(minorUnits: 200)),
        actor: .agent(bob, of: b.frame), key: IdempotencyKey(derived: "r"))
      try await a.until("unlocked") { $0.bridge.peer(peerB).outbound.unlocked == 200 }
      try await b.until("unlock attested") { $0.bridge.peer(peerA).inbound.inFlight == 0 }
      #expect(try await a.balance(.bridgeReserve(b.frame)) == 300)
      let signed = try await toB.reserveStatement(b.frame, timeout: .seconds(1))
      let seen = try WitnessedCheckpoint.unseen(signed.checkpoint, of: b.frame, key: b.signer.verifierKey)
      let statement = try ReserveStatements.verify(signed, from: b.frame, for: a.frame, by: seen)
      #expect(statement.asDestination.issued == 500)
      #expect(statement.asDestination.redeemed == 200)
      await #expect(throws: BridgeError.self) {
        let other = try WitnessedCheckpoint.unseen(
          try await a.checkpoint().note, of: a.frame, key: a.signer.verifierKey)
        _ = try ReserveStatements.verify(signed, from: b.frame, for: a.frame, by: other)
      }
      await a.relay(toB).compare(with: b.frame)
      #expect(try await a.writer.read { $0.bridge.peer(peerB).breaker } == nil)
    }
  }

  @Test("B13: an attestation whose event, position, proof or checkpoint was changed does not verify")
  func tampered() async throws {
    try await withFrames { a, b, _, _ in
      let position = try await a.writer.submit(
        CommandEnvelope(
          .settlement(
            .initiate(
              TransferTerms(
                id: "t", from: AgentAddress(name: alice, frame: a.frame), to: AgentAddress(name: bob, frame: b.frame),
                asset: a.native, amount: Amount(minorUnits: 100), memo: ""))), actor: .agent(alice, of: a.frame),
          derivedKey: "t")
      ).events.last?.position
      let attestation = try await a.attest(try #require(position))
      _ = try AttestedEvent(unseen: attestation, from: a.frame, key: a.signer.verifierKey)
      for change in [
        { (a: inout PBAttestation) in a.event.append(0) }, { $0.position += 1 }, { $0.proof = [] },
        { $0.proof = $0.proof.map { Data($0.reversed()) } }, { $0.checkpoint = Data() },
        {
          $0.checkpoint = Data(
            String(decoding: $0.checkpoint, as: UTF8.self).replacing("frame-a", with: "frame-b").utf8)
        },
      ] as [(inout PBAttestation) -> Void] {
        var changed = attestation
        change(&changed)
        #expect(throws: (any Error).self) {
          _ = try AttestedEvent(unseen: changed, from: a.frame, key: a.signer.verifierKey)
        }
      }
    }
  }

  @Test("a follower that was given junk stops at it, holds what came before, and catches up once the peer is honest")
  func junkInStream() async throws {
    let a = try LoopbackNode("frame-a.example", code: "AVT")
    let b = try LoopbackNode("frame-b.example", code: "BVT")
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    for index in 0..<5 {
      _ = try await a.coordinator(LoopbackPeers(from: a, to: b)).transfer(
        try request(10), backend: .async, key: IdempotencyKey(derived: "k\(index)"), actor: .agent(alice, of: a.frame))
    }
    let toA = LoopbackPeers(from: b, to: a)
    toA.tampering { message in if message.item.sequence == 3 { message.item.attestation.event.append(1) } }
    let follower = b.follower(toA)
    let (peer, bob) = (a.frame, bob)
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await follower.run() }
      try await b.until("the two before the junk") { $0.projection.cursor(of: peer).sequence == 2 }
      toA.tampering(nil)
      try await b.until("everything") { $0.projection.cursor(of: peer).sequence == 5 }
      group.cancelAll()
    }
    #expect(try await b.balance(.liquid(bob)) == SimFixture.startBalance + 50)
    await a.close()
    await b.close()
  }

  @Test("restart: what was locked before is resolved, and the stream resumes at its cursor")
  func restart() async throws {
    let (keyA, keyB) = (Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey())
    let first = try LoopbackNode("frame-a.example", code: "AVT", key: keyA)
    let b = try LoopbackNode("frame-b.example", code: "BVT", key: keyB)
    try await first.found(peers: [b])
    try await b.found(peers: [first])
    let down = LoopbackPeers(from: first, to: b, .down)
    let receipt = try await first.coordinator(down).transfer(
      try request(), backend: .twoPhase, key: IdempotencyKey(derived: "k"), actor: .agent(alice, of: first.frame),
      wait: .milliseconds(1))
    #expect(receipt.state == .pending)
    await first.writer.shutdown()

    let second = try LoopbackNode("frame-a.example", code: "AVT", directory: first.directory, key: keyA)
    #expect(try await second.balance(.held(alice)) == 100)
    let coordinator = second.coordinator(LoopbackPeers(from: second, to: b))
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await coordinator.run() }
      try await second.until("resolved after the restart") { $0.settlement.openPeers.isEmpty }
      group.cancelAll()
    }
    try await expectMirror(second, b, 100)
    await second.close()
    await b.close()
  }
}
