import Foundation
import FrameCore
import FrameEvents
import FrameLog
import FrameMetrics
import Logging
import Testing

@testable import FramePeering

/// What a witness says of our own log, and what it takes to be believed (decision 0035).
@Suite("Our own log at its witnesses")
struct CheckpointSubmitterTests {
  private struct PaperLog: WitnessedLog {
    let signer: LogSigner
    let size: UInt64

    func checkpoint() async throws -> SignedCheckpoint { try note(size) }
    func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] { [] }

    func note(_ size: UInt64) throws -> SignedCheckpoint {
      let root = Data(repeating: UInt8(truncatingIfNeeded: size), count: 32).base64EncodedString()
      let text = signer.sign(note: "\(signer.verifierKey.name)\n\(size)\n\(root)\n")
      return try SignedCheckpoint(note: Data(text.utf8), key: signer.verifierKey)
    }
  }

  private struct Claiming: CheckpointWitness {
    let name = "w.example"
    let key: CosignatureKey
    let isTrusted: Bool
    let answer: WitnessAnswer
    func add(_ body: Data) async throws -> WitnessAnswer { answer }
  }

  private func round(
    _ answer: @escaping (PaperLog) throws -> WitnessAnswer, isTrusted: Bool, acceptsFork: Bool = false
  ) async throws -> (error: WitnessError?, behind: Double?) {
    let log = PaperLog(signer: logSigner(Names.a), size: 5)
    let registry = MetricRegistry()
    let metrics = WitnessMetrics(registry)
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-courier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let key = try CosignatureKey(witnessOf: logSigner(Names.b).verifierKey)
    let witness = Claiming(key: key, isTrusted: isTrusted, answer: try answer(log))
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let courier = CheckpointSubmitter(
      log: log, logKey: log.signer.verifierKey, witnesses: { [witness] },
      cosignatures: Cosignatures(directory: directory, key: log.signer.verifierKey, metrics: metrics),
      acceptsFork: acceptsFork, clock: SystemClock(), metrics: metrics, logger: logger)
    var found: WitnessError?
    do { _ = try await courier.round() } catch let error as WitnessError { found = error }
    let family = registry.collect().first { $0.descriptor.name == "frame_log_behind_witness_events" }
    guard case .gauge(let value)? = family?.metrics.first?.value else { return (found, nil) }
    return (found, value.doubleValue)
  }

  @Test(
    "R4: a bare number above our log is a suspicion from a witness that the operator chose, and nothing from a peer")
  func bareNumber() async throws {
    let claim: (PaperLog) throws -> WitnessAnswer = { _ in .conflict(size: 99, note: Data()) }
    let chosen = try await round(claim, isTrusted: true)
    #expect(chosen.error == .ownLogSuspected(witness: "w.example", claimed: 99, size: 5))
    #expect(chosen.error?.isAboutOwnLog == true)
    #expect(chosen.behind == 94)
    let peer = try await round(claim, isTrusted: false)
    #expect(peer.error == nil && peer.behind == 0)
    let accepted = try await round(claim, isTrusted: true, acceptsFork: true)
    #expect(accepted.error == nil && accepted.behind == 94)
    let largest = try await round({ _ in .conflict(size: .max, note: Data()) }, isTrusted: true)
    #expect(largest.error != nil, "no number ends the process")
  }

  @Test("a note that our own key signed is proof, whoever shows it; one of another size is not")
  func shown() async throws {
    for isTrusted in [true, false] {
      let proof = try await round({ .conflict(size: 9, note: try $0.note(9).note) }, isTrusted: isTrusted)
      #expect(proof.error == .ownLogBehind(witness: "w.example", seen: 9, size: 5))
      #expect(proof.behind == 4)
    }
    let other = try await round({ .conflict(size: 9, note: try $0.note(8).note) }, isTrusted: false)
    #expect(other.error == nil)
  }
}
