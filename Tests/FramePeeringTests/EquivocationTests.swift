import Foundation
import FrameCore
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProtos
import Logging
import Synchronization
import Testing

@testable import FrameTreaty
@testable import FramePeering

@Suite("A peer whose log has two histories")
struct EquivocationTests {
  private let a = Names.a
  private let b = Names.b

  /// A, with a treaty with B whose log key is known here.
  private func established() throws -> (book: Book, key: LogSigner) {
    let signer = logSigner(b)
    let theirs = describe(b, fingerprint: "SHA256:bb")
    var book = Book(a)
    let ours = describe(a, fingerprint: "SHA256:aa")
    try book.run(
      .requestOutgoing(
        invitationID: "i1", ours: ours, theirs: theirs, pin: pin("bb"), expires: start + .seconds(3600)),
      as: a.authority)
    try book.run(
      .peerApproved(
        peer: b, invitationID: "i1", approver: theirs, ourFingerprint: "SHA256:aa",
        document: try signedTreaty("i1", ours, theirs)), as: b.node)
    return (book, signer)
  }

  /// Two notes of one size.
  private func proof(_ signer: LogSigner, _ roots: [UInt8] = [1, 2]) -> EquivocationProof {
    let notes = roots.map { root in
      Data(signer.sign(note: "\(b.name)\n7\n\(Data(repeating: root, count: 32).base64EncodedString())\n").utf8)
    }
    return EquivocationProof(
      kind: .sameSize, key: signer.verifierKey.text, first: notes[0], second: notes[1], proof: [])
  }

  @Test("B19: the proof is recorded with both notes, the treaty is stopped, and a restart does not forget it")
  func stops() throws {
    var (book, signer) = try established()
    try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: a.node)
    #expect(book.types.last == "PeerEquivocationProven")
    let position = UInt64(book.events.count - 1)
    for state in [book.state, book.replayed] {
      #expect(throws: FederationError.equivocated(b, position: position)) { try state.requireEstablished(b) }
      #expect(state.establishedPeers.isEmpty)
      #expect(try state.equivocations[b]?.proof.verify(key: signer.verifierKey).firstSize == 7)
    }
    let directory = PeerDirectory(frame: a)
    directory.update(book.state)
    #expect(throws: FederationError.equivocated(b, position: position)) { try directory.requireEstablished(b) }
    // Said again, it changes nothing.
    let before = book.events.count
    try book.run(.reportEquivocation(peer: b, proof: proof(signer, [3, 4])), as: a.node)
    #expect(book.events.count == before)
  }

  @Test("B19: only notes that the treaty's key signed and that contradict each other stop a treaty")
  func unproven() throws {
    var (book, signer) = try established()
    let before = book.events.count
    let stranger = LogSigner(name: b.name, privateKey: .init())
    for harmless in [proof(signer, [1, 1]), proof(stranger)] {
      #expect {
        try book.run(.reportEquivocation(peer: b, proof: harmless), as: a.node)
      } throws: { ($0 as? FederationError)?.code == "equivocation_unproven" }
    }
    #expect(throws: FederationError.unknownPeer(Names.c)) {
      try book.run(.reportEquivocation(peer: Names.c, proof: proof(signer)), as: a.node)
    }
    #expect(throws: FederationError.self) {
      try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: b.node)
    }
    #expect(book.events.count == before)
    try book.state.requireEstablished(b)
  }

  @Test("a treaty that both operators establish anew ends the stop; the proof stays in the log")
  func anew() throws {
    var (book, signer) = try established()
    try book.run(.reportEquivocation(peer: b, proof: proof(signer)), as: a.node)
    try book.run(.revoke(peer: b, reason: "two histories"), as: a.authority)
    var theirs = describe(b, fingerprint: "SHA256:bb")
    signer = LogSigner(name: b.name, privateKey: .init())
    theirs.logVerifierKey = signer.verifierKey.text
    let ours = describe(a, fingerprint: "SHA256:aa")
    try book.run(
      .requestOutgoing(
        invitationID: "i2", ours: ours, theirs: theirs, pin: pin("bb"), expires: start + .seconds(3600)),
      as: a.authority)
    let text = try TreatyDocument(treatyID: "i2", revision: 0, inviter: ours, invitee: theirs)
    try book.run(
      .peerApproved(
        peer: b, invitationID: "i2", approver: theirs, ourFingerprint: "SHA256:aa",
        document: text.countersigned(text.signed(by: logSigner(a)), by: signer)), as: b.node)
    try book.state.requireEstablished(b)
    #expect(book.state.establishedPeers == [b])
    #expect(book.types.contains("PeerEquivocationProven"))
  }

  /// Notes with an extension line of this length, which together do not fit an event.
  private func large(_ signer: LogSigner, _ length: Int = 60_000) -> EquivocationProof {
    let notes = [UInt8(1), 2].map { root in
      let text = "\(b.name)\n7\n\(Data(repeating: root, count: 32).base64EncodedString())\n"
      return Data(signer.sign(note: text + String(repeating: "x", count: length) + "\n").utf8)
    }
    return EquivocationProof(
      kind: .sameSize, key: signer.verifierKey.text, first: notes[0], second: notes[1], proof: [])
  }

  @Test("P2: notes that do not fit an event are recorded by their hash, sizes and roots; the treaty is stopped")
  func filed() throws {
    var (book, signer) = try established()
    let proof = large(signer)
    try book.run(.reportEquivocation(peer: b, proof: proof), as: a.node)
    let event = try #require(book.events.last)
    #expect(event.bytes.count < 1_000)
    guard case .peerEquivocationProven(let recorded) = event.event.payload else {
      Issue.record("\(event.event.eventType)")
      return
    }
    #expect(recorded.evidenceSha256 == proof.digest && recorded.evidenceBytes == UInt64(proof.document.count))
    #expect(recorded.firstSize == 7 && recorded.firstRoot != recorded.secondRoot && recorded.first.isEmpty)
    for state in [book.state, book.replayed] {
      #expect(throws: FederationError.self) { try state.requireEstablished(b) }
      #expect(state.equivocations[b]?.filed == proof.digest)
    }
  }

  private final class Reports: Sendable {
    struct Refused: Error {}
    let isBroken = Mutex(true)
    let taken = Mutex<[EquivocationProof]>([])
  }

  @Test(
    "P2: a proof that cannot be recorded stops the treaty all the same, and is taken to the log again until it is in it"
  )
  func unrecorded() async throws {
    let (start, signer) = try established()
    let book = Mutex(start)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-watch-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = PeerDirectory(frame: a)
    directory.update(book.withLock { $0.state })
    let registry = MetricRegistry()
    let metrics = WitnessMetrics(registry)
    let reports = Reports()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let node = a.node
    let watch = PeerLogWatch(
      witness: try Witness(directory: folder, signer: logSigner(a), clock: SystemClock(), metrics: metrics),
      evidence: EvidenceFolder(folder.appendingPathComponent("evidence")), peers: NoPeers(), directory: directory,
      metrics: metrics, logger: logger
    ) { peer, proof in
      if reports.isBroken.withLock({ $0 }) { throw Reports.Refused() }
      reports.taken.withLock { $0.append(proof) }
      directory.update(
        try book.withLock { book in
          try book.run(.reportEquivocation(peer: peer, proof: proof), as: node)
          return book.state
        })
    }
    let proof = large(signer)
    _ = try await watch.read(note(signer, 1), of: b, key: signer.verifierKey)
    // Also in a note that breaks the form of notes: the log has signed it all the same.
    await #expect(throws: WitnessError.self) {
      _ = try await watch.read(Data("\(proof.second)junk\n".utf8), of: b, key: signer.verifierKey)
    }
    #expect(throws: FederationError.equivocated(b, position: nil)) { try directory.requireEstablished(b) }
    #expect(watch.unrecorded(b)?.kind == .sameSize)
    let name = b.name
    func gauge() -> Double? {
      for family in registry.collect() where family.descriptor.name == "frame_peer_equivocations" {
        for metric in family.metrics where metric.labels["peer"] == name {
          if case .gauge(let value) = metric.value { return value.doubleValue }
        }
      }
      return nil
    }
    #expect(gauge() == 1)
    await watch.recordAgain()
    #expect(watch.unrecorded(b) != nil)
    reports.isBroken.withLock { $0 = false }
    await watch.recordAgain()
    #expect(watch.unrecorded(b) == nil && gauge() == 1)
    #expect(throws: FederationError.self) { try directory.requireEstablished(b) }
    let taken = try #require(reports.taken.withLock { $0.first })
    #expect(!taken.fitsEvent)
    #expect(try await watch.filed(taken.digest) == taken)
  }

  @Test("B19: the peer itself is shown the proof for which its treaty is stopped")
  func shown() async throws {
    let (start, signer) = try established()
    let book = Mutex(start)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-watch-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = PeerDirectory(frame: a)
    directory.update(book.withLock { $0.state })
    let metrics = WitnessMetrics(MetricRegistry())
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let node = a.node
    let watch = PeerLogWatch(
      witness: try Witness(directory: folder, signer: logSigner(a), clock: SystemClock(), metrics: metrics),
      evidence: EvidenceFolder(folder.appendingPathComponent("evidence")), peers: NoPeers(), directory: directory,
      metrics: metrics, logger: logger
    ) { peer, proof in
      directory.update(
        try book.withLock { book in
          try book.run(.reportEquivocation(peer: peer, proof: proof), as: node)
          return book.state
        })
    }
    func submission(_ root: UInt8, old: UInt64) -> Data {
      CheckpointSubmission(oldSize: old, proof: [], note: note(signer, root)).body
    }
    #expect(try await watch.add(submission(1, old: 0), from: b).status == 200)
    #expect(try await watch.add(submission(2, old: 7), from: b).status == 422)
    // Whatever it comes with from then on.
    for root in [UInt8(1), 2] {
      guard case .equivocated(let proof) = try await watch.add(submission(root, old: 7), from: b) else {
        Issue.record("it is not shown")
        return
      }
      #expect(try proof.verify(key: signer.verifierKey).firstSize == 7)
    }
    await #expect(throws: FederationError.unknownPeer(Names.c)) {
      _ = try await watch.add(submission(1, old: 7), from: Names.c)
    }
  }

  /// A note of size 7.
  private func note(_ signer: LogSigner, _ root: UInt8) -> Data {
    Data(signer.sign(note: "\(b.name)\n7\n\(Data(repeating: root, count: 32).base64EncodedString())\n").utf8)
  }
}

/// Nobody is asked for anything.
private struct NoPeers: PeerCalling {
  private func nobody(_ peer: FrameID) -> PeerCallError { .unavailable(peer: peer, why: "there is none") }
  func credit(
    _ peer: FrameID, _ terms: PBTransferTerms, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision { throw nobody(peer) }
  func resolve(
    _ peer: FrameID, transferID: String, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision { throw nobody(peer) }
  func subscribe(
    _ peer: FrameID, after sequence: UInt64, of log: PeerLog?,
    onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws { throw nobody(peer) }
  func reserveStatement(_ peer: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement {
    throw nobody(peer)
  }
  func addCheckpoint(_ peer: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer {
    throw nobody(peer)
  }
  func consistencyProof(
    _ peer: FrameID, from first: UInt64, to second: UInt64, timeout: Duration
  ) async throws -> [Data] { throw nobody(peer) }
}
