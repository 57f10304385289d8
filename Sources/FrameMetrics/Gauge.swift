import Synchronization

/// A value that goes up and down.
///
/// Setting is exact for every `Int64` and every `Double`; concurrent increments lose nothing while the value stays
/// within 2^53 of zero, where a Double counts exactly.
package final class Gauge: Instrument {
  /// Bits of the value as a Double, or one of two NaN patterns that no arithmetic yields.
  private let bits: Atomic<UInt64>
  /// The value when `bits` is `wideBits`: an integer that a Double cannot hold. Written before `bits`, so whoever sees
  /// `wideBits` reads an integer that was really set.
  private let wide = Atomic<Int64>(0)

  private static let wideBits: UInt64 = 0x7ff8_f7a3_0000_0001
  private static let absentBits: UInt64 = 0x7ff8_f7a3_0000_0002
  private static let exactLimit: Int64 = 1 << 53

  /// A gauge that reads 0, or that is left out of the exposition until it is first set.
  package init(absent: Bool = false) {
    bits = Atomic(absent ? Self.absentBits : 0)
  }

  package func set(_ value: Double) {
    bits.store(value.bitPattern, ordering: .releasing)
  }

  package func set(_ value: Int64) {
    if value.magnitude <= UInt64(Self.exactLimit) {
      bits.store(Double(value).bitPattern, ordering: .releasing)
    } else {
      wide.store(value, ordering: .relaxed)
      bits.store(Self.wideBits, ordering: .releasing)
    }
  }

  package func set(_ value: Int) {
    set(Int64(value))
  }

  /// 1 for true, 0 for false.
  package func set(_ value: Bool) {
    set(Int64(value ? 1 : 0))
  }

  /// Leaves the series out of the exposition until it is set again: what cannot be known is omitted, never NaN.
  package func clear() {
    bits.store(Self.absentBits, ordering: .releasing)
  }

  package func increment(by amount: Double = 1) {
    var current = bits.load(ordering: .acquiring)
    while true {
      let next = (double(current) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(
        expected: current, desired: next, successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
      if exchanged { return }
      current = original
    }
  }

  package func decrement(by amount: Double = 1) {
    increment(by: -amount)
  }

  /// The current value; 0 while absent.
  package var value: Double { double(bits.load(ordering: .acquiring)) }

  private func double(_ bits: UInt64) -> Double {
    switch bits {
    case Self.wideBits: Double(wide.load(ordering: .relaxed))
    case Self.absentBits: 0
    default: Double(bitPattern: bits)
    }
  }

  func read() -> MetricValue? {
    let current = bits.load(ordering: .acquiring)
    switch current {
    case Self.absentBits: return nil
    case Self.wideBits: return .gauge(.signed(wide.load(ordering: .relaxed)))
    default:
      let value = Double(bitPattern: current)
      if let whole = Int64(exactly: value), whole.magnitude <= UInt64(Self.exactLimit) { return .gauge(.signed(whole)) }
      return .gauge(.double(value))
    }
  }
}
