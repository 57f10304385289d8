/// A currency: the frame that issues it, its code and its scale. Scale is part of the identity (CONFORMANCE B18), and so
/// is the origin (B17): an asset is native where `origin` is the frame itself, and wrapped everywhere else.
public struct Asset: Hashable, Sendable, CustomStringConvertible {
  public let origin: FrameID
  /// 2 to 12 of `A-Z 0-9`, starting with a letter.
  public let code: String
  /// Decimal places of one minor unit, 0 to 9.
  public let scale: UInt8

  /// - Throws: ``IdentifierError/currency(_:)`` or ``IdentifierError/scale(_:)``.
  public init(origin: FrameID, code: String, scale: Int) throws(IdentifierError) {
    let upper = UInt8(ascii: "A")...UInt8(ascii: "Z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard (2...12).contains(code.utf8.count), let first = code.utf8.first, upper.contains(first),
      code.utf8.allSatisfy({ upper.contains($0) || digits.contains($0) })
    else { throw .currency(code) }
    guard (0...9).contains(scale) else { throw .scale(scale) }
    self.origin = origin
    self.code = code
    self.scale = UInt8(scale)
  }

  /// So many minor units of it as people read them: `12.50 AVT`.
  public func money(_ minorUnits: Int64) -> String {
    "\(Amount(minorUnits: minorUnits).decimal(scale: scale)) \(code)"
  }

  /// `AVT@frame-a.example`.
  public var description: String { "\(code)@\(origin.name)" }
}
