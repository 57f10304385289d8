internal import FrameCore

/// What a transfer within the frame costs its sender, on top of the amount; it goes to the fee pool.
package struct FeeRule: Sendable, Hashable {
  /// The rule as it is written down.
  package struct Terms: Sendable, Hashable, CustomStringConvertible {
    /// Hundredths of a percent of the amount, 0 to 10,000; the share is rounded down to whole minor units.
    package var basisPoints: Int64
    /// Minor units on top of the share, 0 or more.
    package var fixed: Int64
    /// The fee is never less, minor units, 0 or more.
    package var minimum: Int64
    /// The fee is never more, minor units, not below `minimum`; nil: no ceiling.
    package var maximum: Int64?

    package init(basisPoints: Int64 = 0, fixed: Int64 = 0, minimum: Int64 = 0, maximum: Int64? = nil) {
      self.basisPoints = basisPoints
      self.fixed = fixed
      self.minimum = minimum
      self.maximum = maximum
    }

    package var description: String {
      "\(basisPoints) basis points plus \(fixed), at least \(minimum)" + (maximum.map { ", at most \($0)" } ?? "")
    }
  }

  package let terms: Terms

  package static let none = FeeRule(unchecked: Terms())

  /// - Throws: `LedgerError.invalidFeeRule`.
  package init(_ terms: Terms) throws {
    guard (0...10_000).contains(terms.basisPoints), terms.fixed >= 0, terms.minimum >= 0,
      terms.maximum.map({ $0 >= terms.minimum }) ?? true
    else { throw LedgerError.invalidFeeRule(terms) }
    self.init(unchecked: terms)
  }

  /// - Throws: `LedgerError.invalidFeeRule`.
  package init(basisPoints: Int64, fixed: Int64, minimum: Int64 = 0, maximum: Int64? = nil) throws {
    try self.init(Terms(basisPoints: basisPoints, fixed: fixed, minimum: minimum, maximum: maximum))
  }

  private init(unchecked terms: Terms) { self.terms = terms }

  /// The share rounded down, plus the fixed part, brought between floor and ceiling. Exact: nothing on the way overflows.
  /// - Parameter amount: minor units, positive.
  /// - Throws: `AmountError.overflow` when there is no ceiling and the fee does not fit.
  package func fee(on amount: Int64) throws -> Int64 {
    let share = Int128(amount) * Int128(terms.basisPoints) / 10_000
    var fee = max(share + Int128(terms.fixed), Int128(terms.minimum))
    if let maximum = terms.maximum { fee = min(fee, Int128(maximum)) }
    guard let exact = Int64(exactly: fee) else { throw AmountError.overflow("\(share) + \(terms.fixed)") }
    return exact
  }
}
