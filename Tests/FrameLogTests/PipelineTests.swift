import Dispatch
import Foundation
import FrameCore
import FrameMetrics
import Logging
import Synchronization
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite("pipelined group commit") struct PipelineTests {
  /// A writer whose commits wait for the test, and which says when it has decided something.
  private final class Pipeline: Sendable {
    let fixture: LogFixture
    let script = ScriptedEngine.Script(waits: true)
    let writer: Writer<CounterState>
    private let decided: DecisionSignal

    init() throws {
      let (fixture, script, decided) = (try LogFixture(), self.script, DecisionSignal())
      writer = try Writer(
        directory: fixture.directory, initial: CounterState(), guard: decided, signer: fixture.signer,
        clock: fixture.clock, metrics: LogMetrics(MetricRegistry()),
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        openEngine: { try ScriptedEngine($0, script) })
      (self.fixture, self.decided) = (fixture, decided)
    }

    func submit(_ amount: Int64, key: String) -> Task<Committed, any Error> {
      Task { [writer, fixture] in try await writer.submit(fixture.envelope(.add(amount), key: key)) }
    }

    func untilCommitting() async { await wait(for: script.entered) }
    func untilDecided() async { await wait(for: decided.signal) }
    func letOneCommit() { script.proceed.signal() }

    private func wait(for semaphore: DispatchSemaphore) async {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          semaphore.wait()
          continuation.resume()
        }
      }
    }
  }

  /// Refuses what `CounterGuard` refuses, and signals each decision.
  private struct DecisionSignal: AppendGuard {
    let signal = DispatchSemaphore(value: 0)

    func check(_ draft: EventDraft, actor: SPIFFEID, state: CounterState) throws {
      defer { signal.signal() }
      try CounterGuard().check(draft, actor: actor, state: state)
    }
  }

  @Test("a batch is decided while the one before it is being made durable, and is answered after it")
  func overlap() async throws {
    let pipeline = try Pipeline()
    let first = pipeline.submit(1, key: "a")
    await pipeline.untilCommitting()
    await pipeline.untilDecided()
    let second = pipeline.submit(2, key: "b")
    // The first commit is still held back: the second command could not be decided by a writer that waits for it.
    await pipeline.untilDecided()
    #expect(pipeline.writer.durableSize() == 0)
    pipeline.letOneCommit()
    #expect(try await first.value.events.map(\.position) == [0])
    await pipeline.untilCommitting()
    #expect(pipeline.writer.durableSize() == 1)
    pipeline.letOneCommit()
    #expect(try await second.value.events.map(\.position) == [1])
    #expect(pipeline.writer.durableSize() == 2)
    await pipeline.writer.shutdown()
  }

  @Test("a look at the state is answered only when what it saw is durable")
  func reads() async throws {
    let pipeline = try Pipeline()
    let first = pipeline.submit(5, key: "a")
    await pipeline.untilCommitting()
    let looked = DispatchSemaphore(value: 0)
    let answered = Mutex(false)
    let read = Task {
      let total = try await pipeline.writer.read { state in
        looked.signal()
        return state.total
      }
      let size = pipeline.writer.durableSize()
      answered.withLock { $0 = true }
      return (total, size)
    }
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        looked.wait()
        continuation.resume()
      }
    }
    #expect(!answered.withLock { $0 })
    pipeline.letOneCommit()
    let (total, size) = try await read.value
    #expect(total == 5)
    #expect(size == 1)
    _ = try await first.value
    await pipeline.writer.shutdown()
  }

  @Test("when a write fails, what was decided meanwhile on top of it is not answered as done, seen, or refused")
  func failure() async throws {
    let pipeline = try Pipeline()
    let first = pipeline.submit(1, key: "a")
    await pipeline.untilCommitting()
    await pipeline.untilDecided()
    let second = pipeline.submit(2, key: "b")
    await pipeline.untilDecided()
    let rest = [pipeline.submit(3, key: "c"), pipeline.submit(-13, key: "d"), pipeline.submit(1, key: "a")]
    let read = Task { try await pipeline.writer.read { $0.total } }
    pipeline.script.fail()
    pipeline.letOneCommit()
    for task in [first, second] + rest {
      // Even a refusal was decided on what may not be there after a restart.
      await #expect { try await task.value } throws: { ($0 as? LogError)?.code == "log_stopped" }
    }
    await #expect { try await read.value } throws: { ($0 as? LogError)?.code == "log_stopped" }
    #expect(pipeline.writer.durableSize() == 0)
    await #expect(throws: LogError.self) { try await pipeline.writer.run() }
    let again = try pipeline.fixture.writer()
    #expect(again.durableSize() == 0)
    await again.shutdown()
  }

  @Test("B1: a key that is repeated while its first use is being made durable has one effect and the first result")
  func repetition() async throws {
    let pipeline = try Pipeline()
    let first = pipeline.submit(7, key: "k")
    await pipeline.untilCommitting()
    let again = pipeline.submit(7, key: "k")
    let other = Task {
      try await pipeline.writer.submit(pipeline.fixture.envelope(.add(8), key: "k", digest: "other"))
    }
    let seen = Task { try await pipeline.writer.committed(key: pipeline.fixture.envelope(.nothing, key: "k").key) }
    pipeline.letOneCommit()
    let events = try await first.value.events
    #expect(try await again.value == Committed(events: events, replayed: true))
    await #expect { try await other.value } throws: { ($0 as? LogError)?.code == "idempotency_conflict" }
    // Asked before or after the first use was taken up; never something that is not durable.
    if let found = try await seen.value { #expect(found == Committed(events: events, replayed: true)) }
    #expect(pipeline.writer.durableSize() == 1)
    await pipeline.writer.shutdown()
  }

  @Test("under many callers every batch reaches the store alone, in order and without a gap, and nobody waits for ever")
  func order() async throws {
    let fixture = try LogFixture()
    let order = OrderedEngine.Order()
    let writer = try fixture.writer { try OrderedEngine($0, order) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<8 {
        group.addTask {
          for round in 0..<60 {
            let key = "\(caller)-\(round)"
            switch round % 4 {
            case 0:
              let positions = try await writer.submit(fixture.envelope(.addAll([1, 1]), key: key)).events.map(
                \.position)
              #expect(positions[1] == positions[0] + 1)
              #expect(writer.durableSize() > positions[1])
            case 1:
              await #expect(throws: Refusal.self) { try await writer.submit(fixture.envelope(.refuse)) }
            case 2:
              let events = try await writer.read { $0.events }
              #expect(writer.durableSize() >= UInt64(events))
            default:
              let before = "\(caller)-\(round - 3)"
              #expect(try await writer.submit(fixture.envelope(.addAll([1, 1]), key: before)).replayed)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(writer.durableSize() == 8 * 15 * 2)
    #expect(order.violations == 0)
    await writer.shutdown()
  }

  @Test("shutting down serves what waits behind a commit that is under way")
  func shutdown() async throws {
    let pipeline = try Pipeline()
    let first = pipeline.submit(1, key: "a")
    await pipeline.untilCommitting()
    await pipeline.untilDecided()
    let second = pipeline.submit(2, key: "b")
    await pipeline.untilDecided()
    let end = Task { await pipeline.writer.shutdown() }
    pipeline.letOneCommit()
    pipeline.letOneCommit()
    #expect(try await first.value.events[0].position == 0)
    #expect(try await second.value.events[0].position == 1)
    await end.value
    let again = try pipeline.fixture.writer()
    #expect(try await again.read { $0.total } == 3)
    await again.shutdown()
  }

  @Test(
    "the time since which the writer is busy is that of the oldest batch that is not durable, and 0 when there is none")
  func busySince() throws {
    let registry = MetricRegistry()
    let metrics = LogMetrics(registry)
    let turns = BatchOrder()
    func since() -> Double? {
      guard
        case .gauge(let value)? = registry.collect().first(where: {
          $0.descriptor.name == "frame_log_busy_since_timestamp_seconds"
        })?.metrics.first?.value
      else { return nil }
      return value.doubleValue
    }
    #expect(since() == 0)
    #expect(turns.begin(at: FrameTime(unixNanoseconds: 5_000_000_000), metrics) == 0)
    #expect(turns.begin(at: FrameTime(unixNanoseconds: 6_000_000_000), metrics) == 1)
    #expect(since() == 5)
    turns.end(0, nil, metrics)
    #expect(since() == 6)
    turns.end(1, nil, metrics)
    #expect(since() == 0)
  }

  @Test("an answer that rests on two batches is given when both have ended, with the failure of either")
  func deferred() throws {
    let metrics = LogMetrics(MetricRegistry())
    let turns = BatchOrder()
    let answers = Mutex<[LogError?]>([])
    let answer: BatchOrder.Answer = { failure in answers.withLock { $0.append(failure) } }
    turns.deliver([answer])
    #expect(answers.withLock { $0 } == [nil])
    _ = turns.begin(at: .init(unixNanoseconds: 1), metrics)
    _ = turns.begin(at: .init(unixNanoseconds: 2), metrics)
    turns.deliver([answer])
    turns.end(0, nil, metrics)
    #expect(answers.withLock { $0.count } == 1)
    turns.end(1, .stopped("x"), metrics)
    #expect(answers.withLock { $0 } == [nil, .stopped("x")])
    turns.deliver([answer])
    #expect(answers.withLock { $0.last } == .some(.stopped("x")))
    #expect(turns.failure == .stopped("x"))
  }
}

/// Wraps the real engine and notices a batch that comes out of order or while another is being stored.
private final class OrderedEngine: StorageEngine {
  final class Order: Sendable {
    private let state = Mutex((next: UInt64(0), storing: false, violations: 0))

    var violations: Int { state.withLock(\.violations) }

    func begin(_ events: [RecordedEvent]) {
      state.withLock { state in
        if state.storing { state.violations += 1 }
        state.storing = true
        for event in events {
          if event.position != state.next { state.violations += 1 }
          state.next += 1
        }
      }
    }

    func end() { state.withLock { $0.storing = false } }
  }

  private let engine: SQLiteEngine
  private let order: Order

  init(_ directory: URL, _ order: Order) throws {
    engine = try SQLiteEngine(directory: directory)
    self.order = order
  }

  func size() throws -> UInt64 { try engine.size() }
  func scan(from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws {
    try engine.scan(from: first, limit: limit, body)
  }
  func append(_ events: [RecordedEvent]) throws -> Duration {
    order.begin(events)
    defer { order.end() }
    return try engine.append(events)
  }
  func close() throws { try engine.close() }
}
