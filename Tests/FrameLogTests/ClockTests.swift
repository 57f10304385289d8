import FrameCore
import FrameMetrics
import Logging
import Synchronization
import Testing

@testable import FrameEvents
@testable import FrameLog

/// A wall clock that is set and a steady one that is not.
private final class SetClock: FrameClock {
  private struct Times {
    var steady = Duration.seconds(5_000)
    var ahead = Duration.zero
  }
  private let times = Mutex(Times())
  static let start = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  func now() -> FrameTime { times.withLock { Self.start + ($0.steady - .seconds(5_000)) + $0.ahead } }
  func steady() -> Duration { times.withLock { $0.steady } }
  func sleep(for duration: Duration) async throws { pass(duration) }
  func pass(_ duration: Duration) { times.withLock { $0.steady += duration } }
  func set(ahead: Duration) { times.withLock { $0.ahead = ahead } }
}

@Suite("The log when the clock is set")
struct ClockTests {
  private static let days: Duration = .seconds(400 * 86_400)

  private func writer(
    _ fixture: LogFixture, _ clock: any FrameClock, _ registry: MetricRegistry = MetricRegistry()
  ) throws -> Writer<CounterState> {
    try Writer(
      directory: fixture.directory, initial: CounterState(), guard: CounterGuard(), signer: fixture.signer,
      clock: clock, metrics: LogMetrics(registry),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  private func gauge(_ registry: MetricRegistry, _ name: String, _ label: String? = nil) -> Double? {
    let family = registry.collect().first { $0.descriptor.name == name }
    let metric = family?.metrics.first { metric in
      label.map { value in metric.labels.pairs.contains { $0.value == value } } ?? true
    }
    return switch metric?.value {
    case .gauge(let value): value.doubleValue
    case .counter(let value, _): value.doubleValue
    default: nil
    }
  }

  @Test("a step forward of a running node that is taken back in time never reaches the log, and is named")
  func transient() async throws {
    let (fixture, clock, registry) = (try LogFixture(), SetClock(), MetricRegistry())
    let writer = try writer(fixture, clock, registry)
    func append() async throws -> RecordedEvent {
      clock.pass(.seconds(10))
      return try #require(try await writer.submit(fixture.envelope(.add(1))).events.first)
    }
    _ = try await append()
    clock.set(ahead: Self.days)
    let during = try await append()
    #expect(during.time == SetClock.start + .seconds(20), "time goes on as the steady clock counts it")
    #expect(gauge(registry, "frame_clock_held_seconds") == Double(400 * 86_400))
    #expect(gauge(registry, "frame_clock_steps_total", "forward") == 1)
    clock.set(ahead: .zero)
    let after = try await append()
    #expect(after.time == SetClock.start + .seconds(30) && after.clock == after.time)
    #expect(gauge(registry, "frame_clock_held_seconds") == 0)
    #expect(gauge(registry, "frame_clock_log_ahead_seconds") == 0)
    #expect(gauge(registry, "frame_clock_steps_total", "back") == 0)
    #expect(gauge(registry, "frame_clock_returns_total", "forward") == 1)
    await writer.shutdown()
  }

  @Test("a clock that is set back and right again soon is followed both times at once, and the return is counted")
  func backAndAgain() async throws {
    let (fixture, clock, registry) = (try LogFixture(), SetClock(), MetricRegistry())
    let writer = try writer(fixture, clock, registry)
    func append() async throws -> RecordedEvent {
      clock.pass(.seconds(10))
      return try #require(try await writer.submit(fixture.envelope(.add(1))).events.first)
    }
    _ = try await append()
    clock.set(ahead: .seconds(-3_600))
    #expect(try await append().clock == SetClock.start + .seconds(20 - 3_600))
    clock.set(ahead: .zero)
    let right = try await append()
    #expect(right.clock == SetClock.start + .seconds(30) && right.time == right.clock)
    #expect(writer.time.now() == right.clock)
    #expect(gauge(registry, "frame_clock_held_seconds") == 0)
    #expect(gauge(registry, "frame_clock_steps_total", "back") == 1)
    #expect(gauge(registry, "frame_clock_steps_total", "forward") == 0)
    #expect(gauge(registry, "frame_clock_returns_total", "back") == 1)
    await writer.shutdown()
  }

  @Test("a step that stands is followed; back again, event times stand still and each event says what the clock said")
  func lasting() async throws {
    let (fixture, clock, registry) = (try LogFixture(), SetClock(), MetricRegistry())
    let writer = try writer(fixture, clock, registry)
    func append() async throws -> RecordedEvent {
      clock.pass(.seconds(1))
      return try #require(try await writer.submit(fixture.envelope(.add(1))).events.first)
    }
    _ = try await append()
    clock.set(ahead: Self.days)
    _ = try await append()
    clock.pass(ClockGuard.standing)
    let ahead = try await append()
    #expect(ahead.time > SetClock.start + Self.days)
    clock.set(ahead: .zero)
    for _ in 0..<3 {
      let event = try await append()
      #expect(event.time == ahead.time && event.clock == clock.now())
      #expect(try RecordedEvent(bytes: event.bytes) == event, "it is in the stored bytes")
    }
    #expect(try #require(gauge(registry, "frame_clock_log_ahead_seconds")) > Double(399 * 86_400))
    #expect(gauge(registry, "frame_clock_steps_total", "back") == 1)
    await writer.shutdown()

    // A node that starts behind its log serves, and says so.
    let again = MetricRegistry()
    let next = try self.writer(fixture, clock, again)
    #expect(try #require(gauge(again, "frame_clock_log_ahead_seconds")) > Double(399 * 86_400))
    let event = try #require(try await next.submit(fixture.envelope(.add(1))).events.first)
    #expect(event.time == ahead.time && event.clock == clock.now())
    let times = try await next.events(from: 0, limit: 100).map(\.time)
    #expect(times == times.sorted())
    await next.shutdown()
  }
}
