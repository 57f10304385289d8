import Crypto
import Foundation
@testable import FrameAudit
import FrameCore
import FrameLedger
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProtos
import GRDB
import Logging
import Synchronization

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// A log as a version of this program left it, committed as text: its table, its checkpoint file, and what is true of it.
struct StoredLog {
  /// What is true of the log, whatever version reads it.
  struct Facts: Codable, Equatable {
    let format: UInt32
    let size: UInt64
    /// RFC 6962 root of all events, in base64.
    let root: String
    /// The lines of the supply equation, minor units.
    let supply: [String: Int64]
    /// By frame, whatever log of it.
    let wrapped: [String: Int64]
    /// How many events of each type there are.
    let types: [String: Int]
  }

  static let signer = LogSigner(
    name: "frame-a.example", privateKey: key(of: "the log key of the committed logs: it guards nothing"))

  /// `Tests/Fixtures/logs`, one folder a format.
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/logs")

  let url: URL

  init(_ name: String) { url = Self.folder.appendingPathComponent(name) }

  private static func key(of text: String) -> Curve25519.Signing.PrivateKey {
    do {
      return try Curve25519.Signing.PrivateKey(rawRepresentation: SHA256.hash(data: Data(text.utf8)))
    } catch { preconditionFailure("any 32 bytes are a private key: \(error)") }
  }

  var sql: String { get throws { try String(contentsOf: url.appendingPathComponent("log.sql"), encoding: .utf8) } }
  var checkpoint: Data { get throws { try Data(contentsOf: url.appendingPathComponent("checkpoint")) } }
  var facts: Facts {
    get throws {
      try JSONDecoder().decode(Facts.self, from: Data(contentsOf: url.appendingPathComponent("facts.json")))
    }
  }

  /// Makes the log's directory out of the text.
  func restore(to directory: URL) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let database = try DatabaseQueue(path: directory.appendingPathComponent("log.sqlite").path)
    let text = try sql
    try database.writeWithoutTransaction { try $0.execute(sql: text) }
    try database.close()
    try checkpoint.write(to: directory.appendingPathComponent("checkpoint"))
  }

  /// Commits the log in `directory` as text.
  func write(from directory: URL, _ facts: Facts) throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Self.dump(directory).write(to: url.appendingPathComponent("log.sql"), atomically: true, encoding: .utf8)
    try Data(contentsOf: directory.appendingPathComponent("checkpoint")).write(
      to: url.appendingPathComponent("checkpoint"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(facts) + Data("\n".utf8)).write(to: url.appendingPathComponent("facts.json"))
  }

  /// The log's table as SQL, one event a line.
  static func dump(_ directory: URL) throws -> String {
    let database = try DatabaseQueue(path: directory.appendingPathComponent("log.sqlite").path)
    defer { try? database.close() }
    return try database.writeWithoutTransaction { db in
      var lines: [String] = []
      for pragma in ["application_id", "user_version"] {
        lines.append("PRAGMA \(pragma) = \(try Int.fetchOne(db, sql: "PRAGMA \(pragma)") ?? 0);")
      }
      lines += try String.fetchAll(db, sql: "SELECT sql FROM sqlite_schema ORDER BY name").map { "\($0);" }
      lines.append("BEGIN;")
      lines += try Row.fetchAll(db, sql: "SELECT position, hex(bytes) AS bytes FROM events ORDER BY position").map {
        "INSERT INTO events VALUES (\($0["position"] as Int), x'\($0["bytes"] as String)');"
      }
      lines.append("COMMIT;")
      return lines.joined(separator: "\n") + "\n"
    }
  }

  /// What an audit and a count say of the log in `directory`.
  static func facts(_ directory: URL) throws -> (facts: Facts, report: AuditReport) {
    let report = try LogAudit.run(directory: directory, key: signer.verifierKey)
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    var types: [String: Int] = [:]
    var format: UInt32 = 0
    try reader.scan(from: 0, to: report.size) { _, bytes in
      let event = try PBEvent(serializedBytes: bytes)
      types[event.eventType.name, default: 0] += 1
      if case .frameFounded(let founded) = event.payload { format = founded.format }
    }
    let facts = Facts(
      format: format, size: report.size, root: report.root.base64EncodedString(),
      supply: Dictionary(uniqueKeysWithValues: report.statement.lines.map { ($0.name, Int64(clamping: $0.amount)) }),
      wrapped: Dictionary(
        report.statement.wrapped.map { name, units in (String(name.prefix { $0 != "+" }), Int64(clamping: units)) },
        uniquingKeysWith: +),
      types: types)
    return (facts, report)
  }

  // MARK: Writing one

  static func writer<State: FrameState & HasLedger>(
    _ directory: URL, _ initial: State, clock: any FrameClock, snapshots: SnapshotPolicy = .none
  ) throws -> Writer<State> {
    try Writer(
      directory: directory, initial: initial, guard: LedgerGuard<State>(), signer: signer, clock: clock,
      metrics: LogMetrics(MetricRegistry()),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), snapshots: snapshots)
  }

  /// The types of event of the first version's `events.proto`.
  private static let firstTypes: Set<EventType> = [
    .frameFounded, .agentRegistered, .tokensIssued, .tokensBurned, .tokensTransferred, .crossFrameTransferInitiated,
    .crossFrameTransferSettled, .crossFrameTransferRefused, .crossFrameTransferCompensated,
    .crossRegistryTransferLocked, .crossRegistryTransferCredited, .crossRegistryTransferCompleted,
    .crossRegistryTransferRefused, .crossRegistryTransferAborted, .tokensBridgeLocked, .wrappedTokensIssued,
    .wrappedTokensRedeemed, .tokensBridgeUnlocked, .bridgeBreakerOpened, .bridgeBreakerClosed,
    .frameInvitationRequested, .frameInvitationApproved, .frameInvitationRejected, .frameFederationEstablished,
    .frameFederationRevoked, .peerBundleRotated, .peerEventProjected,
  ]

  /// The step as the first version would have recorded it; nil when it could not.
  private static func first(_ step: RecordedHistory.Step) -> RecordedHistory.Step? {
    // It had no operators, and so no agents with a dot in their names.
    guard step.actor.operatorName == nil,
      step.drafts.allSatisfy({ draft in
        firstTypes.contains(draft.payload.eventType) && !draft.postings.contains { $0.owner.hasPrefix("acme.") }
      })
    else { return nil }
    let drafts = step.drafts.map { draft in
      guard case .frameFederationEstablished(var event) = draft.payload else { return draft }
      event.document = Data()
      return EventDraft(.frameFederationEstablished(event), postings: draft.postings)
    }
    return RecordedHistory.Step(actor: step.actor, drafts: drafts)
  }

  /// Writes the recorded history with the present code, a second between commands, and signs a checkpoint of it.
  /// - Parameter isFirst: only what the first version knew, with the checkpoint file in the form that it had then: one note.
  static func make(in directory: URL, isFirst: Bool = false) async throws {
    let history = try RecordedHistory(logKey: signer.verifierKey)
    let clock = SetClock()
    let node = NodeState(frame: history.frame, native: history.native, fees: .none)
    let writer = try writer(directory, GivenState(node: node), clock: clock)
    do {
      let steps = isFirst ? history.steps.compactMap(first) : history.steps
      for (number, step) in steps.enumerated() {
        clock.set(RecordedHistory.start + Int64(number) * 1_000_000_000)
        _ = try await writer.submit(
          CommandEnvelope(
            step.drafts, actor: step.actor, key: IdempotencyKey("step-\(number)", caller: step.actor),
            digest: CommandDigest.of("step", "\(number)")))
      }
      let signed = try await writer.checkpoint()
      if isFirst { try signed.note.write(to: directory.appendingPathComponent("checkpoint")) }
    } catch {
      await writer.shutdown()
      throw error
    }
    await writer.shutdown()
  }
}

/// A clock that shows what it was set to.
final class SetClock: FrameClock {
  private let time = Mutex(FrameTime(unixNanoseconds: RecordedHistory.start))

  func now() -> FrameTime { time.withLock { $0 } }
  func set(_ nanoseconds: Int64) { time.withLock { $0 = FrameTime(unixNanoseconds: nanoseconds) } }
  func sleep(for duration: Duration) async throws { time.withLock { $0 = $0 + duration } }
}
