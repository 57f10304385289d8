import Synchronization

/// A total that only grows.
///
/// Incrementing by integers is one atomic addition on a stripe of the calling thread; nothing waits, and no count is
/// ever lost. The integer part stays exact up to 2^64.
package final class Counter: Instrument {
  private let whole = StripedCount()
  /// Bits of the Double that holds what was added as a fraction.
  private let fraction = Atomic<UInt64>(0)
  private let absent = Atomic<Bool>(false)
  private let exemplar = Mutex<Exemplar?>(nil)
  /// Spares scrapes the lock of the many counters that never had an exemplar.
  private let hasExemplar = Atomic<Bool>(false)

  package init() {}

  package func increment() {
    whole.add(1)
  }

  package func increment(by amount: UInt64) {
    whole.add(amount)
  }

  /// Adds `amount`; a negative amount is ignored, since a counter never falls.
  package func increment(by amount: Int) {
    guard amount > 0 else { return }
    whole.add(UInt64(amount))
  }

  /// Adds `amount`; a negative or not finite amount is ignored, since a counter never falls.
  package func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    fraction.addDouble(amount)
  }

  /// Adds `amount` and remembers `exemplar` as the latest example of what is counted.
  package func increment(by amount: UInt64 = 1, exemplar: Exemplar?) {
    whole.add(amount)
    guard let exemplar else { return }
    self.exemplar.withLock { $0 = exemplar }
    hasExemplar.store(true, ordering: .releasing)
  }

  /// Takes over the total of a counter kept elsewhere (the kernel's, a library's), for collectors; nil when it cannot be
  /// read now, and then the series is left out of the exposition. Do not mix with `increment`.
  package func mirror(_ total: Double?) {
    if let total { fraction.store(total.bitPattern, ordering: .relaxed) }
    absent.store(total == nil, ordering: .relaxed)
  }

  /// The current total.
  package var value: Double { number.doubleValue }

  private var number: MetricNumber {
    let part = Double(bitPattern: fraction.load(ordering: .relaxed))
    let total = whole.sum()
    if let exact = UInt64(exactly: part) { return .unsigned(total &+ exact) }
    return .double(Double(total) + part)
  }

  func read() -> MetricValue? {
    guard !absent.load(ordering: .relaxed) else { return nil }
    return .counter(number, hasExemplar.load(ordering: .acquiring) ? exemplar.withLock { $0 } : nil)
  }

  /// Starts again from zero, as a restarted process would; for swift-metrics, whose counters can be reset.
  func reset() {
    whole.reset()
    fraction.store(0, ordering: .relaxed)
  }
}
