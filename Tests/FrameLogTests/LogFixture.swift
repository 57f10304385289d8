import Crypto
import Foundation
import FrameCore
import FrameMetrics
import FrameProtos
import Logging
import Synchronization

@testable import FrameEvents
@testable import FrameLog

/// A state that counts: enough to see what the writer does with any state.
struct CounterState: FrameState, Equatable {
  enum Command: Sendable {
    case add(Int64)
    /// As many events as there are amounts.
    case addAll([Int64])
    case memo(bytes: Int)
    case nothing
    case refuse
  }

  var total: Int64 = 0
  var events: UInt64 = 0
  var times: [FrameTime] = []

  func decide(_ command: Command, _ context: DecisionContext) throws -> [EventDraft] {
    switch command {
    case .add(let amount): [Self.draft(amount)]
    case .addAll(let amounts): amounts.map { Self.draft($0) }
    case .memo(let bytes): [Self.draft(1, memo: String(repeating: "m", count: bytes))]
    case .nothing: []
    case .refuse: throw Refusal("no", .refused, "The state refuses.", remedy: "Ask for something else.")
    }
  }

  mutating func evolve(_ recorded: RecordedEvent) {
    guard case .tokensIssued(let event) = recorded.event.payload else { return }
    total += event.amount
    events += 1
    times.append(recorded.time)
  }

  mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.field("total", &total)
    try fields.field("events", &events)
    try fields.field("times", &times)
  }

  private static func draft(_ amount: Int64, memo: String = "") -> EventDraft {
    var event = PBTokensIssued()
    event.amount = amount
    event.memo = memo
    return EventDraft(.tokensIssued(event))
  }
}

/// Refuses the amount -13.
struct CounterGuard: AppendGuard {
  func check(_ draft: EventDraft, actor: SPIFFEID, state: CounterState) throws {
    guard case .tokensIssued(let event) = draft.payload, event.amount == -13 else { return }
    throw Refusal("unlucky", .refused, "-13 is refused.", remedy: "Use another number.")
  }
}

final class LogFixture: Sendable {
  let directory: URL
  let frame: FrameID
  let signer: LogSigner
  let clock = SteppedClock()

  init() throws {
    frame = try FrameID("frame-a.example")
    signer = LogSigner(name: frame.name, privateKey: .init())
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-log-\(UUID().uuidString)")
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func writer(
    in other: URL? = nil, metrics: LogMetrics = LogMetrics(MetricRegistry()), snapshots: SnapshotPolicy = .none,
    engine: @escaping @Sendable (URL) throws -> any StorageEngine = { try SQLiteEngine(directory: $0) }
  ) throws -> Writer<CounterState> {
    try Writer(
      directory: other ?? directory, initial: CounterState(), guard: CounterGuard(), signer: signer, clock: clock,
      metrics: metrics, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      snapshots: snapshots, openEngine: engine)
  }

  func envelope(
    _ command: CounterState.Command, key: String = UUID().uuidString, digest: String = "same"
  ) throws -> CommandEnvelope<CounterState.Command> {
    let actor = SPIFFEID.authority(of: frame)
    return CommandEnvelope(
      command, actor: actor, key: try IdempotencyKey(key, caller: actor), digest: CommandDigest.of(digest))
  }

  /// A copy of the directory as a crash would leave it: the files as they are, the lock not held.
  func copy() throws -> URL {
    let target = directory.appendingPathExtension(UUID().uuidString)
    try FileManager.default.copyItem(at: directory, to: target)
    return target
  }
}

/// A clock whose time the test sets.
final class SteppedClock: FrameClock {
  private let time = Mutex(FrameTime(unixNanoseconds: 1_000))

  func now() -> FrameTime { time.withLock { $0 } }
  func set(_ nanoseconds: Int64) { time.withLock { $0 = FrameTime(unixNanoseconds: nanoseconds) } }
  func sleep(for duration: Duration) async throws { time.withLock { $0 = $0 + duration } }
}

/// Wraps the real engine; fails, or waits, when the test says so.
final class ScriptedEngine: StorageEngine {
  final class Script: Sendable {
    struct DiskFull: Error {}

    private let failing = Mutex(false)
    private let storing = Mutex(false)
    let entered = DispatchSemaphore(value: 0)
    let proceed = DispatchSemaphore(value: 0)
    let waits: Bool

    init(waits: Bool = false) { self.waits = waits }

    /// - Parameter stored: the batch reaches the disk, but the writer is told that it failed.
    func fail(stored: Bool = false) {
      failing.withLock { $0 = true }
      storing.withLock { $0 = stored }
    }

    fileprivate func append(_ events: [RecordedEvent], to engine: SQLiteEngine) throws -> Duration {
      if waits {
        entered.signal()
        proceed.wait()
      }
      guard failing.withLock({ $0 }) else { return try engine.append(events) }
      if storing.withLock({ $0 }) { try engine.append(events) }
      throw DiskFull()
    }
  }

  private let engine: SQLiteEngine
  private let script: Script

  init(_ directory: URL, _ script: Script) throws {
    engine = try SQLiteEngine(directory: directory)
    self.script = script
  }

  func size() throws -> UInt64 { try engine.size() }
  func scan(from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws {
    try engine.scan(from: first, limit: limit, body)
  }
  func append(_ events: [RecordedEvent]) throws -> Duration { try script.append(events, to: engine) }
  func close() throws { try engine.close() }
}
