/// When rounds are due: at once, then on a fixed grid, each a little later by that tick's jitter. A round that overruns
/// makes the ticks it covered skipped ones, never queued ones (O15). Counted by the steady clock: a wall clock that is set back
/// would put the next round off by as much.
struct TickGrid: Equatable {
  let start: Duration
  let interval: Duration
  private(set) var tick: Int64 = 0

  init(start: Duration, interval: Duration) {
    self.start = start
    self.interval = interval
  }

  /// Moves to the next tick that is still ahead of `now`.
  /// - Parameter jitter: 0 to 1; moves the tick by up to a tenth of the interval.
  /// - Returns: how many ticks were skipped, and when the next one is due.
  mutating func advance(after now: Duration, jitter: Double) -> (skipped: Int64, due: Duration) {
    let step = max(interval.nanoseconds, 1)
    let passed = (now - start).nanoseconds / step
    let next = max(passed, tick) + 1
    let skipped = next - tick - 1
    tick = next
    let offset = Int64(Double(step) * 0.1 * min(max(jitter, 0), 1))
    return (skipped, start + interval * next + .nanoseconds(offset))
  }
}
