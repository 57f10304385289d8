/// The treaty's rate for the bridge is written in the currency of the frame that is held to it. Money of either frame passes the bridge,
/// and so many units a minute are let through of the one as of the other, whatever their scales.
enum BridgeRate {
  /// - Parameters:
  ///   - limit: minor units a minute, as the treaty has them.
  ///   - written: the currency that it is written in.
  ///   - moved: the currency of what is to pass.
  /// - Returns: minor units of `moved`. Never more than was signed: what a coarser currency cannot say is cut off.
  static func units(_ limit: Int64, writtenIn written: UInt8, of moved: UInt8) -> Int64 {
    var units = max(0, limit)
    for _ in written..<max(written, moved) {
      let (more, overflow) = units.multipliedReportingOverflow(by: 10)
      // Beyond every amount that there can be, so it limits nothing.
      if overflow { return .max }
      units = more
    }
    for _ in moved..<max(written, moved) { units /= 10 }
    return units
  }
}
