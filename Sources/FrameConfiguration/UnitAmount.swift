import FrameCore

/// An amount in whole units of a currency that is known only later: how much of a peer's money it is depends on the peer's scale.
package struct UnitAmount: Sendable, Equatable, CustomStringConvertible {
  /// In the fewest decimal places that say it, so that `1000` and `1000.00` are one amount.
  package let decimal: String

  /// The finest that any currency has (``Asset/scale``).
  static let placesMax = 9

  /// - Throws: ``AmountError`` for what is no amount of any currency.
  package init(_ text: String) throws(AmountError) {
    let fraction = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().first ?? ""
    let places = UInt8(min(fraction.count - fraction.reversed().prefix { $0 == "0" }.count, Self.placesMax))
    decimal = try Amount(text, scale: places).decimal(scale: places)
  }

  /// - Throws: ``AmountError`` for what the currency cannot say exactly, or not at all.
  package func amount(scale: UInt8) throws(AmountError) -> Amount { try Amount(decimal, scale: scale) }

  package var isNegative: Bool { decimal.hasPrefix("-") }
  package var description: String { decimal }
}

extension NodeConfiguration.TreatyDefaults {
  /// How much of a peer's money the limits are.
  /// - Throws: a `Refusal` that names the setting and the currency.
  package func bridge(in foreign: Asset) throws -> (cap: Amount, ratePerMinute: Amount) {
    func amount(_ setting: String, _ limit: UnitAmount) throws -> Amount {
      do { return try limit.amount(scale: foreign.scale) } catch {
        let why =
          if case .tooPrecise = error { "it has \(foreign.scale) decimal places" } else {
            "that is more than it can count"
          }
        throw Refusal(
          "treaty_limit_unfit", .invalid,
          "\(setting) of frame.yaml, \(limit), cannot be a limit in \(foreign) exactly: \(why).",
          remedy: "Set it to an amount that the peer's currency has, and start the node again; docs/configuration.md.")
      }
    }
    return (
      try amount("treaty.bridge_cap", bridgeCap),
      try amount("treaty.bridge_rate_per_minute", bridgeRatePerMinute)
    )
  }
}
