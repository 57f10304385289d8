extension Int64 {
  /// The sum, or nil when it does not fit.
  @inlinable
  package func sum(with other: Int64) -> Int64? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// Adds as much as fits: for what has been recorded, by a log that nobody guarded, and must not end who reads it.
  @inlinable
  package mutating func addSaturating(_ other: Int64) {
    let (sum, overflow) = addingReportingOverflow(other)
    self = overflow ? (other < 0 ? .min : .max) : sum
  }
}
