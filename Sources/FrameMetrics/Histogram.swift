import Synchronization

/// A distribution over fixed buckets. Values are in the family's base unit, for latencies seconds.
///
/// Observing is lock-free. `_count` is always the sum of the buckets of the same reading, so `+Inf` and `_count` agree.
///
/// `@unchecked Sendable` is right: `counts` is memory that this object owns from `init` to `deinit` and touches through
/// atomics alone; every other stored property is Sendable by itself.
package final class Histogram: Instrument, @unchecked Sendable {
  package let buckets: Buckets
  private let bounds: [Double]
  private let counts: UnsafeMutablePointer<Atomic<UInt64>>
  private let sum = Atomic<UInt64>(0)
  private let exemplars = Mutex<[Int: Exemplar]>([:])

  package init(buckets: Buckets = .latency) {
    self.buckets = buckets
    bounds = buckets.bounds
    counts = .allocate(capacity: buckets.bounds.count + 1)
    for index in 0...buckets.bounds.count { (counts + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counts.deinitialize(count: bounds.count + 1)
    counts.deallocate()
  }

  /// Counts `value`; NaN is ignored, since it belongs to no bucket and would spoil the sum.
  package func observe(_ value: Double) {
    guard !value.isNaN else { return }
    counts[bucket(of: value)].wrappingAdd(1, ordering: .relaxed)
    sum.addDouble(value)
  }

  /// Counts a duration, in seconds.
  package func observe(_ duration: Duration) {
    observe(duration.inSeconds)
  }

  /// Counts `value` and remembers `exemplar` as the latest example in its bucket.
  package func observe(_ value: Double, exemplar: Exemplar?) {
    observe(value)
    if let exemplar, !value.isNaN { exemplars.withLock { $0[bucket(of: value)] = exemplar } }
  }

  /// Runs `body` and counts how long it took, whether it returned or threw.
  @discardableResult
  package func time<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let start = ContinuousClock.now
    defer { observe(ContinuousClock.now - start) }
    return try body()
  }

  /// Runs `body` in the caller's isolation and counts how long it took, whether it returned or threw.
  @discardableResult
  package func time<Result, Failure: Error>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let start = ContinuousClock.now
    defer { observe(ContinuousClock.now - start) }
    return try await body()
  }

  package var count: UInt64 { snapshot().count }
  package var total: Double { Double(bitPattern: sum.load(ordering: .relaxed)) }

  /// The first bucket whose bound is not below `value`.
  @inline(__always)
  private func bucket(of value: Double) -> Int {
    bounds.withUnsafeBufferPointer { bounds in
      var low = 0
      var high = bounds.count
      while low < high {
        let middle = (low &+ high) &>> 1
        if bounds[middle] < value { low = middle &+ 1 } else { high = middle }
      }
      return low
    }
  }

  func snapshot() -> HistogramSnapshot {
    let sum = total
    return HistogramSnapshot(
      buckets: buckets, counts: (0...bounds.count).map { counts[$0].load(ordering: .relaxed) }, sum: sum,
      exemplars: exemplars.withLock { $0 })
  }

  func read() -> MetricValue? {
    .histogram(snapshot())
  }

  func reset() {
    for index in 0...bounds.count { counts[index].store(0, ordering: .relaxed) }
    sum.store(0, ordering: .relaxed)
    exemplars.withLock { $0 = [:] }
  }
}

/// A histogram's state at one moment.
package struct HistogramSnapshot: Sendable {
  package let buckets: Buckets
  /// Per bucket, not cumulative; the last is above every bound.
  package let counts: [UInt64]
  package let sum: Double
  package let exemplars: [Int: Exemplar]

  package var count: UInt64 { counts.reduce(0, &+) }
}

extension Duration {
  /// The duration as a number of seconds.
  var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
