/// How much of something may happen: so much a minute, and so much at once. Kept by our own clock alone.
package struct TokenBucket: Sendable {
  private let perSecond: Double
  private let burst: Double
  private var tokens: Double
  private var filled: FrameTime?

  /// - Parameter burst: what may happen at once; a minute's worth when nil.
  package init(perMinute: Int, burst: Int? = nil) { self.init(perMinute, per: .seconds(60), burst: burst) }

  /// - Parameter burst: what may happen at once; all of it when nil.
  package init(_ count: Int, per time: Duration, burst: Int? = nil) {
    perSecond = Double(count) / time.inSeconds
    self.burst = Double(burst ?? count)
    tokens = self.burst
  }

  /// Takes `count`, or nothing.
  /// - Returns: false when there is less.
  package mutating func take(_ count: Int = 1, at now: FrameTime) -> Bool {
    fill(now)
    guard tokens >= Double(count) else { return false }
    tokens -= Double(count)
    return true
  }

  /// Takes `count` also when there is less: what has happened is paid for later.
  package mutating func charge(_ count: Int, at now: FrameTime) {
    fill(now)
    tokens -= Double(count)
  }

  /// How long until everything is paid for; zero when it is.
  package mutating func debt(at now: FrameTime) -> Duration {
    fill(now)
    return tokens >= 0 ? .zero : .seconds(-tokens / perSecond)
  }

  private mutating func fill(_ now: FrameTime) {
    // A clock that goes back fills nothing.
    let elapsed = filled.map { max(0, (now - $0).inSeconds) } ?? 0
    tokens = min(burst, tokens + elapsed * perSecond)
    filled = now
  }
}
