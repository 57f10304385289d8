/// An exact amount in minor units. Decimal strings at every API edge, never a float.
public struct Amount: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// Signed minor units (1.00 at scale 2 is 100).
  public let minorUnits: Int64

  public static let zero = Amount(minorUnits: 0)

  public init(minorUnits: Int64) { self.minorUnits = minorUnits }

  /// Parses a plain decimal such as `12.50`: optional leading `-`, at least one digit before the point, no exponent, no
  /// separators, no spaces, and no more decimal places than `scale` unless they are zeros.
  /// - Throws: ``AmountError``.
  public init(_ text: String, scale: UInt8) throws(AmountError) {
    var bytes = Substring(text).utf8
    let negative = bytes.first == UInt8(ascii: "-")
    if negative { bytes = bytes.dropFirst() }
    var units: Int64 = 0
    var decimals = -1
    var sawDigit = false
    for byte in bytes {
      if byte == UInt8(ascii: ".") {
        guard decimals < 0, sawDigit else { throw .malformed(text) }
        decimals = 0
        continue
      }
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .malformed(text) }
      let digit = Int64(byte - UInt8(ascii: "0"))
      sawDigit = true
      if decimals >= 0 {
        decimals += 1
        if decimals > Int(scale) {
          guard digit == 0 else { throw .tooPrecise(text, scale: scale) }
          continue
        }
      }
      units = try Self.appending(digit, to: units, negative: negative, text)
    }
    guard sawDigit, decimals != 0, text.utf8.count <= 40 else { throw .malformed(text) }
    var missing = Int(scale) - min(max(decimals, 0), Int(scale))
    while missing > 0 {
      units = try Self.appending(0, to: units, negative: negative, text)
      missing -= 1
    }
    self.minorUnits = units
  }

  private static func appending(
    _ digit: Int64, to units: Int64, negative: Bool, _ text: String
  ) throws(AmountError) -> Int64 {
    let (shifted, o1) = units.multipliedReportingOverflow(by: 10)
    let (sum, o2) = negative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
    guard !o1, !o2 else { throw .overflow(text) }
    return sum
  }

  /// The exact decimal string with `scale` decimal places; the inverse of ``init(_:scale:)``.
  public func decimal(scale: UInt8) -> String {
    Self.decimal(String(minorUnits.magnitude), isNegative: minorUnits < 0, scale)
  }

  /// The same for a sum of amounts: what 64 bits hold per account, many accounts together need not.
  public static func decimal(sum: Int128, scale: UInt8) -> String {
    decimal(String(sum.magnitude), isNegative: sum < 0, scale)
  }

  private static func decimal(_ magnitude: String, isNegative: Bool, _ scale: UInt8) -> String {
    let sign = isNegative ? "-" : ""
    guard scale > 0 else { return sign + magnitude }
    let width = Int(scale) + 1
    let padded = String(repeating: "0", count: max(0, width - magnitude.utf8.count)) + magnitude
    return "\(sign)\(padded.dropLast(Int(scale))).\(padded.suffix(Int(scale)))"
  }

  /// The same value at another scale, 1:1; nil when it does not fit exactly (CONFORMANCE B18: refuse, never round).
  public func rescaled(from: UInt8, to: UInt8) -> Amount? {
    var units = minorUnits
    var scale = from
    while scale < to {
      let (next, overflow) = units.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      units = next
      scale += 1
    }
    while scale > to {
      guard units % 10 == 0 else { return nil }
      units /= 10
      scale -= 1
    }
    return Amount(minorUnits: units)
  }

  /// - Throws: ``AmountError/overflow(_:)``.
  public func adding(_ other: Amount) throws(AmountError) -> Amount {
    let (sum, overflow) = minorUnits.addingReportingOverflow(other.minorUnits)
    guard !overflow else { throw .overflow("\(minorUnits) + \(other.minorUnits)") }
    return Amount(minorUnits: sum)
  }

  /// - Throws: ``AmountError/overflow(_:)``.
  public func subtracting(_ other: Amount) throws(AmountError) -> Amount {
    let (difference, overflow) = minorUnits.subtractingReportingOverflow(other.minorUnits)
    guard !overflow else { throw .overflow("\(minorUnits) - \(other.minorUnits)") }
    return Amount(minorUnits: difference)
  }

  public var description: String { String(minorUnits) }
  public static func < (a: Self, b: Self) -> Bool { a.minorUnits < b.minorUnits }
}

/// Why a decimal string or a sum is not an amount.
public enum AmountError: FrameError, Hashable {
  case malformed(String)
  case tooPrecise(String, scale: UInt8)
  case overflow(String)
  case notPositive(String)

  public var code: String {
    switch self {
    case .malformed: "invalid_amount"
    case .tooPrecise: "amount_too_precise"
    case .overflow: "amount_overflow"
    case .notPositive: "amount_not_positive"
    }
  }
  public var kind: FrameErrorKind { .invalid }
  public var message: String {
    switch self {
    case .malformed(let s): "'\(s.prefix(60))' is not a decimal amount."
    case .tooPrecise(let s, let scale): "'\(s.prefix(60))' has more than \(scale) decimal places."
    case .overflow(let s): "'\(s.prefix(60))' is more than an account can hold."
    case .notPositive(let s): "'\(s.prefix(60))' is not greater than zero."
    }
  }
  public var remedy: String {
    switch self {
    case .malformed: "Write digits with at most one point, for example \"12.50\"."
    case .tooPrecise: "Use the currency's number of decimal places."
    case .overflow: "Use a smaller amount."
    case .notPositive: "Use a positive amount."
    }
  }
}
