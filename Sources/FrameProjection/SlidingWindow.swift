package import FrameCore
package import FrameLog

/// A sum over the last minute, for rate limits that are decided from event times alone (so a replay decides alike).
///
/// Kept by whole seconds, so that it never holds more than 61 numbers; it forgets up to one second late, never early.
package struct SlidingWindow: Sendable, Equatable {
  private var buckets: [(second: Int64, sum: Int64)] = []
  private static let seconds: Int64 = 60

  package init() {}

  package mutating func add(_ amount: Int64, at time: FrameTime) {
    let second = Self.second(time)
    buckets.removeAll { $0.second < second - Self.seconds }
    if let last = buckets.last, last.second >= second {
      buckets[buckets.count - 1].sum = last.sum.addingReportingOverflow(amount).overflow ? .max : last.sum + amount
    } else {
      buckets.append((second, amount))
    }
  }

  /// The sum of what was added in the minute before `now`, saturating.
  package func sum(at now: FrameTime) -> Int64 {
    let oldest = Self.second(now) - Self.seconds
    return buckets.reduce(into: Int64(0)) { total, bucket in
      guard bucket.second >= oldest else { return }
      let (sum, overflow) = total.addingReportingOverflow(bucket.sum)
      total = overflow ? .max : sum
    }
  }

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
