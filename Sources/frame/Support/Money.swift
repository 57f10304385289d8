/// Amounts as people read them: with their currency, and with words where the node has a sign.
enum Money {
  /// `5.00 AVT`, of `AVT@frame-a.example`: of a frame's own currency the code says enough.
  static func text(_ decimal: String, _ asset: String) -> String {
    "\(decimal) \(asset.prefix { $0 != "@" })"
  }

  /// What stands between us and somebody; of a negative amount it is they who owe.
  static func owed(_ decimal: String, _ asset: String, to them: String, us: String = "us") -> String {
    let digits = decimal.hasPrefix("-") ? String(decimal.dropFirst()) : decimal
    guard digits.contains(where: { ("1"..."9").contains($0) }) else { return text(digits, asset) }
    return text(digits, asset) + (decimal.hasPrefix("-") ? " owed by \(them) to \(us)" : " owed by \(us) to \(them)")
  }
}
