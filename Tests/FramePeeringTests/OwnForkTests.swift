import Foundation
@testable import FrameEvents
import FrameCore
import FrameLog
import FrameMetrics
import FrameProtos
import Logging
import Testing

@testable import FrameTreaty
@testable import FramePeering

/// A log whose key has signed another history too: a copy of its node ran (decision 0035).
@Suite("Our own log with two histories")
struct OwnForkTests {
  /// A log of numbered leaves, and what another copy of its node made of it from some event on.
  private struct TreeLog: WitnessedLog {
    let signer: LogSigner
    var tree = MerkleTree()

    init(_ signer: LogSigner, size: UInt64, otherFrom: UInt64 = .max) {
      self.signer = signer
      for number in 0..<size {
        tree.append(MerkleHash.leaf(Data("\(number < otherFrom ? "event" : "other") \(number)".utf8)))
      }
    }

    func checkpoint() async throws -> SignedCheckpoint { try note(tree.size) }

    func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] {
      tree.consistencyProof(from: first, to: second).map(\.data)
    }

    func note(_ size: UInt64) throws -> SignedCheckpoint {
      let root = tree.root(at: size).data.base64EncodedString()
      let text = signer.sign(note: "\(signer.verifierKey.name)\n\(size)\n\(root)\n")
      return try SignedCheckpoint(note: Data(text.utf8), key: signer.verifierKey)
    }
  }

  private struct Answering: CheckpointWitness {
    let name = Names.b.name
    let key: CosignatureKey
    let answer: WitnessAnswer
    func add(_ body: Data) async throws -> WitnessAnswer { answer }
  }

  private let signer = logSigner(Names.a)

  private func round(
    _ log: TreeLog, _ answer: WitnessAnswer, acceptsFork: Bool = false
  ) async throws -> (error: WitnessError?, forked: Double?) {
    let registry = MetricRegistry()
    let metrics = WitnessMetrics(registry)
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-fork-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let witness = Answering(key: try CosignatureKey(witnessOf: logSigner(Names.b).verifierKey), answer: answer)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let courier = CheckpointSubmitter(
      log: log, logKey: signer.verifierKey, witnesses: { [witness] },
      cosignatures: Cosignatures(directory: directory, key: signer.verifierKey, metrics: metrics),
      acceptsFork: acceptsFork, clock: SystemClock(), metrics: metrics, logger: logger)
    var found: WitnessError?
    do { _ = try await courier.round() } catch let error as WitnessError { found = error }
    #expect(courier.isBehind == (found != nil))
    let family = registry.collect().first { $0.descriptor.name == "frame_log_forked" }
    guard case .gauge(let value)? = family?.metrics.first?.value else { return (found, nil) }
    return (found, value.doubleValue)
  }

  @Test("B19: a witness that last cosigned a checkpoint that our log never had shows that it has two histories")
  func conflict() async throws {
    let (ours, other) = (TreeLog(signer, size: 9), TreeLog(signer, size: 9, otherFrom: 6))
    for size in [UInt64(7), 9] {
      let found = try await round(ours, .conflict(size: size, note: try other.note(size).note))
      #expect(found.error == .ownLogForked(witness: Names.b.name, size: size))
      #expect(found.error?.isAboutOwnLog == true && found.forked == 1)
    }
    // What is common to both is ours, and so is an earlier size.
    for note in [try other.note(6), try ours.note(3)] {
      let found = try await round(ours, .conflict(size: note.size, note: note.note))
      #expect(found.error == nil && found.forked == 0, "\(note.size)")
    }
    // A stranger's signature says nothing, nor does a note of another size than the answer's.
    let stranger = TreeLog(LogSigner(name: Names.a.name, privateKey: .init()), size: 9, otherFrom: 6)
    for answer in [
      WitnessAnswer.conflict(size: 7, note: try stranger.note(7).note),
      .conflict(size: 8, note: try other.note(7).note), .conflict(size: 7, note: Data()),
    ] {
      #expect(try await round(ours, answer).error == nil)
    }
    let accepted = try await round(ours, .conflict(size: 7, note: try other.note(7).note), acceptsFork: true)
    #expect(accepted.error == nil && accepted.forked == 1, "told to go on, it is visible all the same")
  }

  @Test("B19: a peer's proof of two histories stops us when our key signed it, and a peer's word for one does not")
  func proof() async throws {
    let (ours, other) = (TreeLog(signer, size: 9), TreeLog(signer, size: 9, otherFrom: 6))
    let same = EquivocationProof(
      .sameSize, key: signer.verifierKey, first: try ours.note(8), second: try other.note(8))
    // Whichever copy of the node is asked.
    for log in [ours, other, TreeLog(signer, size: 2)] {
      let found = try await round(log, .equivocated(same))
      #expect(found.error?.code == "log_has_two_histories" && found.forked == 1)
    }
    let two = EquivocationProof(
      .inconsistent, key: signer.verifierKey, first: try ours.note(7), second: try other.note(9), proof: [])
    #expect(try await round(ours, .equivocated(two)).error == .ownLogForked(witness: Names.b.name, size: 9))
    #expect(try await round(other, .equivocated(two)).error == .ownLogForked(witness: Names.b.name, size: 7))
    #expect(
      try await round(TreeLog(signer, size: 2), .equivocated(two)).error
        == .ownLogBehind(witness: Names.b.name, seen: 7, size: 2))
    // Nobody signs a consistency proof: with one that it made up, a peer could call any two notes a contradiction.
    let madeUp = EquivocationProof(
      .inconsistent, key: signer.verifierKey, first: try ours.note(7), second: try ours.note(9), proof: [])
    _ = try madeUp.verify(key: signer.verifierKey)
    let stranger = LogSigner(name: Names.a.name, privateKey: .init())
    let foreign = EquivocationProof(
      .sameSize, key: stranger.verifierKey, first: try TreeLog(stranger, size: 9).note(8),
      second: try TreeLog(stranger, size: 9, otherFrom: 6).note(8))
    for claim in [madeUp, foreign] {
      let found = try await round(ours, .equivocated(claim))
      #expect(found.error == nil && found.forked == 0)
    }
  }

  @Test("the proof goes over the wire as it is, and what is none leaves a refusal")
  func wire() throws {
    let (ours, other) = (TreeLog(signer, size: 9), TreeLog(signer, size: 9, otherFrom: 6))
    let proof = EquivocationProof(
      .inconsistent, key: signer.verifierKey, first: try ours.note(7), second: try other.note(9),
      proof: [Data(repeating: 7, count: 32)])
    var reply = PBAddCheckpointReply(.equivocated(proof))
    #expect(reply.status == 403)
    reply = try PBAddCheckpointReply(serializedBytes: try reply.serializedBytes() as [UInt8])
    #expect(try WitnessAnswer(reply, from: Names.b) == .equivocated(proof))
    reply.equivocation = Data("{}".utf8)
    #expect(try WitnessAnswer(reply, from: Names.b) == .forbidden("the log has two histories (inconsistent)"))
    reply.equivocation = Data(repeating: 0x20, count: EquivocationProof.documentBytesMax + 1)
    #expect(try WitnessAnswer(reply, from: Names.b).status == 403)
  }

  @Test(
    "B19: a peer whose treaty is stopped may still have its checkpoint looked at, and do nothing else",
    .timeLimit(.minutes(5)))
  func stoppedPeer() async throws {
    let (a, b) = try await TestFrame.federated()
    _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    let (ours, other) = (TreeLog(signer, size: 9), TreeLog(signer, size: 9, otherFrom: 6))
    b.directory.suspend(
      a.id,
      for: EquivocationProof(.sameSize, key: signer.verifierKey, first: try ours.note(8), second: try other.note(8)))
    await #expect {
      _ = try await a.channels.credit(b.id, terms("t"), timeout: .seconds(30))
    } throws: { error in
      guard case PeerCallError.refused(_, "peer_equivocated", _) = error else { return false }
      return true
    }
    // It reaches the witness.
    _ = try await a.channels.addCheckpoint(b.id, body: Data(), timeout: .seconds(30))
    await a.stop()
    await b.stop()
  }
}
