/// A DNS host name in its one spelling, so that no two spellings of a name are ever taken for two names: lower case, without the
/// dot at the end, in ASCII (RFC 1123 §2.1, RFC 5890 §2.3.2.1; `_` is allowed, since ids of frames may have it).
///
/// Never an address: what a browser or a resolver could read as a number is no name (WHATWG URL, "ends in a number").
public struct HostName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let text: String

  /// - Throws: a `Refusal` `invalid_host_name` that says what is wrong.
  public init(_ text: String) throws(Refusal) {
    var name = text.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    if let why = Self.fault(name) {
      throw Refusal(
        "invalid_host_name", .invalid, "'\(text.prefix(100))' is not a host name: \(why).",
        remedy:
          "Use labels of a-z, 0-9, '-' and '_' with dots between them, for example shop.example; international names as xn--."
      )
    }
    self.text = name
  }

  private static func fault(_ name: String) -> String? {
    guard (1...253).contains(name.utf8.count) else { return "it has not 1 to 253 bytes" }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      guard (1...63).contains(label.utf8.count) else { return "a label has not 1 to 63 bytes" }
      guard label.utf8.allSatisfy(isLabelByte) else { return "it has another character than a-z, 0-9, '-' and '_'" }
      // Also what Punycode makes of a name that is ASCII already: `xn--shop-` would be `shop` again.
      guard label.first != "-", label.last != "-" else { return "a label begins or ends with '-'" }
      guard !label.hasPrefix("xn--") || label.utf8.count > 4 else { return "a label is not IDNA" }
    }
    guard let last = labels.last, !isNumber(last) else { return "it is an address" }
    return nil
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func isNumber(_ label: Substring) -> Bool {
    if label.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) { return true }
    return label.hasPrefix("0x") && label.dropFirst(2).allSatisfy(\.isHexDigit)
  }

  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}
