/// One series' labels, sorted by name, with their exposition form rendered once.
package final class LabelSet: Sendable {
  package let pairs: [Pair]
  /// `a="x",b="y"` with values escaped; empty without labels.
  let rendered: [UInt8]

  package struct Pair: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package static let empty = LabelSet([])

  package init(_ pairs: [Pair]) {
    let pairs = pairs.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var bytes: [UInt8] = []
    for (index, pair) in pairs.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      Self.render(name: pair.name, value: pair.value, into: &bytes)
    }
    self.pairs = pairs
    rendered = bytes
  }

  convenience init(names: [String], values: [String]) {
    self.init(zip(names, values).map { Pair($0, $1) })
  }

  package subscript(name: String) -> String? {
    pairs.first { $0.name == name }?.value
  }

  static func render(name: String, value: String, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(UInt8(ascii: "="))
    bytes.append(UInt8(ascii: "\""))
    escape(value, quotes: true, into: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends `text` with backslash and line feed escaped, and quotes too where they end the text.
  static func escape(_ text: String, quotes: Bool, into bytes: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\\")])
      case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
      case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "\"")])
      default: bytes.append(byte)
      }
    }
  }
}
