import Crypto
import Foundation
@testable import FrameAudit
import FrameCore
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProtos
import Logging
import Synchronization

@testable import FrameLedger

/// A frame with a ledger and nothing else, in a directory of its own.
final class LedgerFixture: Sendable {
  let directory: URL
  let frame: FrameID
  let native: Asset
  let key: Curve25519.Signing.PrivateKey
  let registry = MetricRegistry()
  let clock = ManualClock()

  var authority: SPIFFEID { .authority(of: frame) }
  var node: SPIFFEID { .node(of: frame) }
  var signer: LogSigner { LogSigner(name: frame.name, privateKey: key) }

  init(_ name: String = "frame-a.example") throws {
    frame = try FrameID(name)
    native = try Asset(origin: frame, code: "AVT", scale: 2)
    key = Curve25519.Signing.PrivateKey()
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-ledger-\(UUID().uuidString)")
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func state(fees: FeeRule = .none) -> LedgerState { LedgerState(frame: frame, native: native, fees: fees) }

  func writer(
    fees: FeeRule = .none, in other: URL? = nil, snapshots: SnapshotPolicy = .none
  ) throws -> Writer<LedgerState> {
    try Writer(
      directory: other ?? directory, initial: state(fees: fees), guard: LedgerGuard(), signer: signer, clock: clock,
      metrics: LogMetrics(MetricRegistry()),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), snapshots: snapshots)
  }

  func agent(_ name: String) throws -> SPIFFEID { .agent(try AgentName(name), of: frame) }

  func command(
    _ command: LedgerCommand, by actor: SPIFFEID, key: String = UUID().uuidString
  ) throws -> CommandEnvelope<LedgerCommand> {
    CommandEnvelope(command, actor: actor, key: try IdempotencyKey(key, caller: actor), digest: command.digest)
  }
}

extension LedgerFixture {
  /// An auditor of the writer's log that freezes its mint.
  func auditor(_ writer: Writer<LedgerState>) throws -> SupplyAuditor {
    try SupplyAuditor(
      directory: directory, frame: frame, checkpoint: { try await writer.checkpoint() },
      freeze: { [frame] drift in
        let command = LedgerCommand.reportDrift(drift)
        _ = try await writer.submit(
          CommandEnvelope(
            command, actor: .node(of: frame), key: IdempotencyKey(derived: UUID().uuidString), digest: command.digest))
      }, clock: clock, metrics: AuditMetrics(registry),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }
}

/// The ledger's services on a writer of a ledger alone.
struct PlainLedgerWriter: RoomWriter {
  let writer: Writer<LedgerState>

  func submit<View: Sendable>(
    _ command: LedgerCommand, actor: SPIFFEID, key: IdempotencyKey,
    then view: @escaping @Sendable (LedgerState) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await writer.submit(
      CommandEnvelope(command, actor: actor, key: key, digest: command.digest), then: view)
  }

  func submit(
    _ commands: [(command: LedgerCommand, key: IdempotencyKey)], actor: SPIFFEID
  ) async -> [Result<Committed, any Error>] {
    await writer.submit(
      contentsOf: commands.map {
        CommandEnvelope($0.command, actor: actor, key: $0.key, digest: $0.command.digest)
      })
  }

  func read<View: Sendable>(_ look: @escaping @Sendable (LedgerState) throws -> View) async throws -> View {
    try await writer.read(look)
  }
}

/// Time that moves only when told to.
final class ManualClock: FrameClock {
  private let time = Mutex(FrameTime(unixNanoseconds: 1_000_000_000))

  func now() -> FrameTime { time.withLock { $0 } }
  func set(_ new: FrameTime) { time.withLock { $0 = new } }
  func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    time.withLock { $0 = $0 + duration }
    await Task.yield()
  }
}
