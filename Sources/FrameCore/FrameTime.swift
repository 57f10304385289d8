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

  /// Saturating: what lies beyond the last time that can be said is that time, never one on the other side of the epoch.
  public static func + (a: Self, d: Duration) -> Self {
    let (sum, overflow) = a.unixNanoseconds.addingReportingOverflow(d.nanoseconds)
    return .init(unixNanoseconds: overflow ? (d < .zero ? .min : .max) : sum)
  }

  /// Saturating, as the addition is.
  public static func - (a: Self, d: Duration) -> Self {
    let (difference, overflow) = a.unixNanoseconds.subtractingReportingOverflow(d.nanoseconds)
    return .init(unixNanoseconds: overflow ? (d < .zero ? .max : .min) : difference)
  }

  /// Exact: a duration can say more than twice what a time can.
  public static func - (a: Self, b: Self) -> Duration {
    let (difference, overflow) = a.unixNanoseconds.subtractingReportingOverflow(b.unixNanoseconds)
    return overflow
      ? .nanoseconds(a.unixNanoseconds) - .nanoseconds(b.unixNanoseconds) : .nanoseconds(difference)
  }

  /// On either side: of what lies further ahead than that, the clock has been set back since.
  public func isWithin(_ distance: Duration, of other: Self) -> Bool {
    let difference = self - other
    return difference <= distance && difference >= .zero - distance
  }

  public static func < (a: Self, b: Self) -> Bool { a.unixNanoseconds < b.unixNanoseconds }

  /// RFC 3339, UTC, microseconds.
  public var description: String {
    var time = unixNanoseconds / 1_000_000_000
    var rest = unixNanoseconds % 1_000_000_000
    if rest < 0 {
      rest += 1_000_000_000
      time -= 1
    }
    let micros = rest / 1000
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
