import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameMetrics
import FrameProtos
import Logging
import Synchronization

@testable import FrameWorkload

enum Frames {
  static let a = try! FrameID("frame-a.example")  // Constants that the grammar allows.
  static let b = try! FrameID("frame-b.example")
}

/// A clock that moves only when a test says so; whoever sleeps on it wakes when it moves far enough.
final class TestClock: FrameClock {
  private struct Kept {
    var now = FrameTime(unixNanoseconds: 1_767_225_600_000_000_000)
    var watchers: [UUID: AsyncStream<Void>.Continuation] = [:]
  }
  private let state = Mutex(Kept())

  func now() -> FrameTime { state.withLock { $0.now } }

  func sleep(for duration: Duration) async throws {
    let id = UUID()
    let (moves, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let end = state.withLock { state in
      state.watchers[id] = continuation
      return state.now + duration
    }
    defer { state.withLock { _ = $0.watchers.removeValue(forKey: id) } }
    if now() >= end { return }
    for await _ in moves where now() >= end { return }
    throw CancellationError()
  }

  func advance(by duration: Duration) {
    let watchers = state.withLock { state in
      state.now = state.now + duration
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.yield() }
  }
}

/// The writer as this room sees it: decides in order, forgets nothing, takes a key once.
final class MemoryWriter: RoomWriter {
  private struct Kept {
    var state: IdentityState
    var events: [RecordedEvent] = []
    var actors: [SPIFFEID] = []
    var keys: Set<IdempotencyKey> = []
    var isDown = false
  }
  private let held: Mutex<Kept>
  private let clock: TestClock

  init(_ frame: FrameID, clock: TestClock) {
    held = Mutex(Kept(state: IdentityState(frame: frame)))
    self.clock = clock
  }

  struct Down: Error {}

  var events: [RecordedEvent] { held.withLock { $0.events } }
  var types: [String] { events.map(\.event.eventType.name) }
  var actors: [SPIFFEID] { held.withLock { $0.actors } }
  func setDown(_ isDown: Bool) { held.withLock { $0.isDown = isDown } }

  func submit<View: Sendable>(
    _ command: IdentityCommand, actor: SPIFFEID, key: IdempotencyKey,
    then view: @escaping @Sendable (IdentityState) -> View
  ) async throws -> (committed: Committed, view: View) {
    let now = clock.now()
    return try held.withLock { held in
      guard !held.isDown else { throw Down() }
      guard held.keys.insert(key).inserted else {
        return (Committed(events: [], replayed: true), view(held.state))
      }
      var recorded: [RecordedEvent] = []
      for draft in try held.state.decide(command, DecisionContext(now: now, actor: actor)) {
        let event = RecordedEvent(event: .with { $0.payload = draft.payload }, bytes: Data())
        held.state.evolve(event)
        recorded.append(event)
        held.actors.append(actor)
      }
      held.events += recorded
      return (Committed(events: recorded, replayed: false), view(held.state))
    }
  }

  func submit(
    _ commands: [(command: IdentityCommand, key: IdempotencyKey)], actor: SPIFFEID
  ) async -> [Result<Committed, any Error>] {
    var results: [Result<Committed, any Error>] = []
    for (command, key) in commands {
      do { results.append(.success(try await submit(command, actor: actor, key: key))) } catch {
        results.append(.failure(error))
      }
    }
    return results
  }

  func read<View: Sendable>(_ look: @escaping @Sendable (IdentityState) throws -> View) async throws -> View {
    try look(held.withLock { $0.state })
  }
}

/// An authority, its log and its entries, in memory.
struct WorkloadFixture: Sendable {
  static let policy = AuthorityPolicy(
    caLifetime: .seconds(86_400), jwtKeyLifetime: .seconds(86_400), x509SVIDLifetime: .seconds(3600),
    refreshHint: .seconds(300))
  let clock = TestClock()
  let registry = MetricRegistry()
  let writer: MemoryWriter
  let authority: FrameAuthority
  let metrics: WorkloadMetrics
  let keeper: AuthorityRotation
  let entries: EntryBook

  init() throws {
    writer = MemoryWriter(Frames.a, clock: clock)
    authority = try FrameAuthority.ephemeral(frame: Frames.a, policy: Self.policy, clock: clock)
    metrics = WorkloadMetrics(registry)
    keeper = AuthorityRotation(
      authority: authority, writer: writer, clock: clock, metrics: metrics, logger: Logger(label: "test"))
    entries = EntryBook(frame: Frames.a, writer: writer, clock: clock, metrics: metrics)
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let family = registry.collect().first { $0.descriptor.name == name }
    let metric = family?.metrics.first { metric in labels.allSatisfy { metric.labels[$0.key] == $0.value } }
    return switch metric?.value {
    case .counter(let number, _): number.doubleValue
    case .gauge(let number): number.doubleValue
    default: nil
    }
  }

  @discardableResult
  func enter(_ path: String, _ selectors: Selector..., hint: String = "") async throws -> RegistrationEntry {
    try await entries.create(
      try SPIFFEID(trustDomain: Frames.a, path: path), selectors: selectors, x509Lifetime: nil, jwtLifetime: nil,
      hint: hint, actor: .authority(of: Frames.a))
  }
}

/// The code of what `body` throws; nil when it does not.
func refusal(_ body: () async throws -> Void) async -> String? {
  do {
    try await body()
    return nil
  } catch { return (error as? any FrameError)?.code ?? "\(error)" }
}
