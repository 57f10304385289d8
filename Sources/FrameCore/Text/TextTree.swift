import Foundation

/// A JSON or YAML text as it was read: names in their order, numbers as they are written.
package enum TextTree: Sendable, Equatable {
  package struct Member: Sendable, Equatable {
    package let name: String
    package let value: TextTree

    package init(_ name: String, _ value: TextTree) {
      self.name = name
      self.value = value
    }
  }

  case null
  case boolean(Bool)
  case number(String)
  case string(String)
  case list([TextTree])
  /// No name is there twice, unless the reader was told to leave that to the caller.
  case object([Member])

  /// - Throws: ``TextFailure``.
  package init(json data: Data, _ limits: JSONReader.Limits) throws(TextFailure) {
    do { self = try JSONReader.read(data, limits) { try TextTree(&$0) } } catch let failure as TextFailure {
      throw failure
    } catch {
      throw TextFailure.ofWhole("cannot be read")
    }
  }

  /// The reader's bound on depth is also that of this recursion.
  private init(_ reader: inout JSONReader) throws {
    switch try reader.kind() {
    case .object:
      var members: [Member] = []
      try reader.object { name, reader in members.append(Member(name, try TextTree(&reader))) }
      self = .object(members)
    case .list:
      var elements: [TextTree] = []
      try reader.array { reader in elements.append(try TextTree(&reader)) }
      self = .list(elements)
    case .string: self = .string(try reader.string())
    case .number: self = .number(try reader.numeral())
    case .boolean: self = .boolean(try reader.boolean())
    case .null:
      try reader.null()
      self = .null
    }
  }

  // MARK: Looking into it

  /// Nil for what is not there, and for what has no members.
  package subscript(_ name: String) -> TextTree? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var list: [TextTree]? { if case .list(let elements) = self { elements } else { nil } }
  package var members: [Member]? { if case .object(let members) = self { members } else { nil } }

  /// A whole number as it is written; nil for `1.0`, `1e3`, and what is too large.
  package var wholeNumber: UInt64? { if case .number(let text) = self { UInt64(text) } else { nil } }

  /// A name that is there twice, in this or further in.
  package var nameTwice: String? {
    switch self {
    case .null, .boolean, .number, .string: return nil
    case .list(let elements): return elements.lazy.compactMap(\.nameTwice).first
    case .object(let members):
      var seen: Set<String> = []
      for member in members where !seen.insert(member.name).inserted { return member.name }
      return members.lazy.compactMap(\.value.nameTwice).first
    }
  }

  /// A name that stands beside another that is the same but for case and underscores, in this or further in.
  package var nameInTwoSpellings: String? {
    switch self {
    case .null, .boolean, .number, .string: return nil
    case .list(let elements): return elements.lazy.compactMap(\.nameInTwoSpellings).first
    case .object(let members):
      var seen: Set<String> = []
      for member in members where !seen.insert(member.name.lowercased().replacing("_", with: "")).inserted {
        return member.name
      }
      return members.lazy.compactMap(\.value.nameInTwoSpellings).first
    }
  }

  // MARK: Writing

  /// As JSON.
  /// - Parameter indented: two spaces a level, for people; else without white space.
  package func json(indented: Bool = false, sorted: Bool = false) -> String {
    var text = ""
    write(to: &text, indented: indented ? 0 : nil, sorted: sorted)
    return text
  }

  private func write(to text: inout String, indented level: Int?, sorted: Bool) {
    func line(_ level: Int?) {
      guard let level else { return }
      text += "\n" + String(repeating: "  ", count: level)
    }
    let inner = level.map { $0 + 1 }
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .number(let numeral): text += numeral
    case .string(let value): Self.write(value, to: &text)
    case .list(let elements) where elements.isEmpty: text += "[]"
    case .list(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        line(inner)
        element.write(to: &text, indented: inner, sorted: sorted)
      }
      line(level)
      text += "]"
    case .object(let members) where members.isEmpty: text += "{}"
    case .object(let members):
      text += "{"
      for (index, member) in (sorted ? members.sorted { $0.name < $1.name } : members).enumerated() {
        if index > 0 { text += "," }
        line(inner)
        Self.write(member.name, to: &text)
        text += level == nil ? ":" : ": "
        member.value.write(to: &text, indented: inner, sorted: sorted)
      }
      line(level)
      text += "}"
    }
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7f}"..<"\u{a0}", "\u{2028}", "\u{2029}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
