import Foundation

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z.
public struct FrameTime: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let unixNanoseconds: Int64

  public init(unixNanoseconds: Int64) { self.unixNanoseconds = unixNanoseconds }

  /// The nearest time that can be said: certificates may carry dates up to the year 9999, nanoseconds end in 2262.
  public init(_ date: Date) {
    let nanoseconds = (date.timeIntervalSince1970 * 1e9).rounded(.towardZero)
    self.init(unixNanoseconds: Int64(exactly: nanoseconds) ?? (nanoseconds < 0 ? .min : .max))
  }

  public var date: Date { Date(timeIntervalSince1970: seconds) }
  /// Seconds since the epoch as Prometheus wants timestamps (float64, exact to about 0.2 µs today).
  public var seconds: Double { Double(unixNanoseconds) / 1e9 }

  public static func + (a: Self, d: Duration) -> Self { .init(unixNanoseconds: a.unixNanoseconds &+ d.nanoseconds) }
  public static func - (a: Self, d: Duration) -> Self { .init(unixNanoseconds: a.unixNanoseconds &- d.nanoseconds) }
  public static func - (a: Self, b: Self) -> Duration { .nanoseconds(a.unixNanoseconds &- b.unixNanoseconds) }
  public static func < (a: Self, b: Self) -> Bool { a.unixNanoseconds < b.unixNanoseconds }

  /// RFC 3339, UTC, microseconds.
  public var description: String {
    var time = unixNanoseconds / 1_000_000_000
    var micros = (unixNanoseconds % 1_000_000_000) / 1000
    if micros < 0 {
      micros += 1_000_000
      time -= 1
    }
    var seconds = time_t(time)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ n: Int, _ width: Int) -> String {
      let s = String(n)
      return String(repeating: "0", count: max(0, width - s.count)) + s
    }
    return pad(Int(parts.tm_year) + 1900, 4) + "-" + pad(Int(parts.tm_mon) + 1, 2) + "-" + pad(Int(parts.tm_mday), 2)
      + "T" + pad(Int(parts.tm_hour), 2) + ":" + pad(Int(parts.tm_min), 2) + ":" + pad(Int(parts.tm_sec), 2)
      + "." + pad(Int(micros), 6) + "Z"
  }
}

extension Duration {
  /// Whole nanoseconds, saturating.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, o2) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    return o2 ? (seconds < 0 ? .min : .max) : sum
  }

  /// As seconds, for metrics.
  public var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}

/// Wall time and waiting, injected so that tests own both.
public protocol FrameClock: Sendable {
  func now() -> FrameTime
  /// - Throws: `CancellationError`.
  func sleep(for duration: Duration) async throws
}

/// The machine's clock.
public struct SystemClock: FrameClock {
  public init() {}

  public func now() -> FrameTime {
    var t = timespec()
    clock_gettime(CLOCK_REALTIME, &t)
    return FrameTime(unixNanoseconds: Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec))
  }

  public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
