package import FrameCore
package import FrameEvents

/// A sum over the last minute, for rate limits that are decided from events alone (so a replay decides alike).
///
/// Counted by what the clock said when each event was decided, also when it was set meanwhile: what was added in the minute
/// around a reading counts, what is further away on either side was added under another clock and says nothing about this
/// minute. So a window that a step of the clock left full is closed for two minutes at most.
///
/// Kept by whole seconds, so that it never holds more than 121 numbers; it forgets up to one second late, never early.
package struct SlidingWindow: Sendable, Equatable {
  /// In the order of their seconds, each second once.
  private var buckets: [(second: Int64, sum: Int64)] = []
  private static let seconds: Int64 = 60

  package init() {}

  /// - Parameter time: what the clock said (`RecordedEvent.clock`).
  package mutating func add(_ amount: Int64, at time: FrameTime) {
    let second = Self.second(time)
    buckets.removeAll { !Self.isNear($0.second, second) }
    let index = buckets.lastIndex { $0.second <= second }
    if let index, buckets[index].second == second {
      buckets[index].sum.addSaturating(amount)
    } else {
      buckets.insert((second, amount), at: index.map { $0 + 1 } ?? 0)
    }
  }

  /// The sum of what was added in the minute before `now`, saturating.
  package func sum(at now: FrameTime) -> Int64 {
    let second = Self.second(now)
    return buckets.reduce(into: Int64(0)) { total, bucket in
      if Self.isNear(bucket.second, second) { total.addSaturating(bucket.sum) }
    }
  }

  private static func isNear(_ a: Int64, _ b: Int64) -> Bool { (b - seconds...b + seconds).contains(a) }

  private static func second(_ time: FrameTime) -> Int64 { time.unixNanoseconds / 1_000_000_000 }

  package static func == (a: Self, b: Self) -> Bool {
    a.buckets.elementsEqual(b.buckets) { $0 == $1 }
  }
}

extension SlidingWindow: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(buckets.map(\.second))
    output.write(buckets.map(\.sum))
  }

  package init(from input: inout SnapshotInput) throws {
    let seconds: [Int64] = try input.read()
    let sums: [Int64] = try input.read()
    guard seconds.count == sums.count else { throw SnapshotRefusal.damaged("a window has more seconds than sums") }
    buckets = zip(seconds, sums).map { (second: $0, sum: $1) }
  }
}
