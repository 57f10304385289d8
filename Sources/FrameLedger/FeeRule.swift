internal import FrameCore

/// What a transfer within the frame costs its sender, on top of the amount; it goes to the fee pool.
package struct FeeRule: Sendable, Hashable {
  /// Hundredths of a percent of the amount, 0 to 10,000; the share is rounded down to whole minor units.
  package let basisPoints: Int64
  /// Minor units, 0 or more.
  package let fixed: Int64

  package static let none = FeeRule(unchecked: 0, 0)

  /// - Throws: `LedgerError.invalidFeeRule`.
  package init(basisPoints: Int64, fixed: Int64) throws {
    guard (0...10_000).contains(basisPoints), fixed >= 0 else {
      throw LedgerError.invalidFeeRule(basisPoints: basisPoints, fixed: fixed)
    }
    self.init(unchecked: basisPoints, fixed)
  }

  private init(unchecked basisPoints: Int64, _ fixed: Int64) {
    self.basisPoints = basisPoints
    self.fixed = fixed
  }

  /// - Parameter amount: minor units, positive.
  /// - Throws: `AmountError.overflow`.
  package func fee(on amount: Int64) throws -> Int64 {
    // The quotient fits: the share is at most the amount itself.
    let share = Int64(10_000).dividingFullWidth(amount.multipliedFullWidth(by: basisPoints)).quotient
    let (sum, overflow) = share.addingReportingOverflow(fixed)
    guard !overflow else { throw AmountError.overflow("\(share) + \(fixed)") }
    return sum
  }
}
