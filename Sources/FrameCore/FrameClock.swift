import Foundation

/// Wall time, steady time and waiting, injected so that tests own all three.
///
/// What ends at a time that people name (a licence, a hold, an invitation) is compared with ``now()``. How long something took
/// or may take is the difference of two ``steady()``: the wall clock is set by people and by NTP, forwards and back.
public protocol FrameClock: Sendable {
  /// What time it is, as far as the machine knows.
  func now() -> FrameTime
  /// Grows by what really passed, whatever is done to the wall clock. Only differences mean something.
  func steady() -> Duration
  /// - Throws: `CancellationError`.
  func sleep(for duration: Duration) async throws
}

extension FrameClock {
  /// A clock that nobody sets is as steady as its wall time: right for clocks that a test moves by hand.
  public func steady() -> Duration { .nanoseconds(now().unixNanoseconds) }
}

/// The machine's clock.
public struct SystemClock: FrameClock {
  public init() {}

  public func now() -> FrameTime {
    let time = Self.read(CLOCK_REALTIME)
    // A machine whose clock is beyond the year 2262 has the last time that can be said.
    let (scaled, overflow) = time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, beyond) = scaled.addingReportingOverflow(time.nanoseconds)
    return FrameTime(unixNanoseconds: overflow || beyond ? (time.seconds < 0 ? .min : .max) : sum)
  }

  /// Time asleep counts: a machine that was suspended for an hour was not stepped by an hour.
  public func steady() -> Duration {
    let time = Self.read(CLOCK_BOOTTIME)
    return .seconds(time.seconds) + .nanoseconds(time.nanoseconds)
  }

  public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }

  private static func read(_ clock: clockid_t) -> (seconds: Int64, nanoseconds: Int64) {
    var t = timespec()
    clock_gettime(clock, &t)
    return (Int64(t.tv_sec), Int64(t.tv_nsec))
  }
}
