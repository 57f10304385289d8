/// Text as a person may see it on a terminal or in a log, whoever wrote it.
///
/// A memo, a note, a reason or a frame's id comes from others. What it may hold besides letters can move a cursor, end a line, turn the
/// direction of what follows, or stand between two letters unseen, and so show a person something that nobody said. Here
/// such a character is spelled `\u{202E}`, and a line stays one line. What is shown has lost nothing, but is for eyes only: programs
/// get the text itself, in JSON.
///
/// Showing what is shown already changes nothing.
public struct Shown: Sendable, Hashable, CustomStringConvertible {
  public let text: String

  public init(_ text: some StringProtocol) {
    // Nearly everything: nothing to look up in Unicode's tables.
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) {
      self.text = String(text)
    } else {
      self.text = Self.map(text) { "\\u{\(String($0.value, radix: 16, uppercase: true))}" }
    }
  }

  public var description: String { text }

  /// JSON that means the same, with nothing in it that a terminal obeys or that stays unseen: outside of strings JSON is ASCII, and
  /// within them every character has a spelling of its own.
  public static func json(_ document: String) -> String {
    if document.utf8.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 0x0a }) { return document }
    return map(document, keeping: "\n") { scalar in
      Character(scalar).utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }
  }

  // MARK: What is spelled out

  private static func map(
    _ text: some StringProtocol, keeping kept: Unicode.Scalar? = nil, _ spelled: (Unicode.Scalar) -> String
  ) -> String {
    var result = ""
    var marks = marksMax
    for scalar in text.unicodeScalars {
      if isMark(scalar) {
        marks += 1
      } else {
        // A mark belongs to a letter; after anything else it would sit on what is ours.
        marks = scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? 0 : marksMax
      }
      if scalar == kept || (isVisible(scalar) && !(isMark(scalar) && marks > marksMax)) {
        result.unicodeScalars.append(scalar)
      } else {
        result += spelled(scalar)
      }
    }
    return result
  }

  /// More marks than this on one letter cover the lines above and below it.
  private static let marksMax = 3

  private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.value > 0x2ff else { return false }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return false
    }
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if (0x20..<0x7f).contains(scalar.value) { return true }
    // Blank though it is a symbol.
    if scalar.value == 0x2800 { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      return false
    default:
      // Fillers, joiners and variation selectors are of other categories, and no less unseen.
      return !scalar.properties.isDefaultIgnorableCodePoint && !scalar.properties.isNoncharacterCodePoint
    }
  }

  // MARK: Columns

  /// How many columns of a terminal it takes.
  public var columns: Int {
    text.utf8.count == text.unicodeScalars.count
      ? text.utf8.count : text.unicodeScalars.reduce(0) { $0 + Self.columns($1) }
  }

  private static func columns(_ scalar: Unicode.Scalar) -> Int {
    if isMark(scalar) && scalar.properties.generalCategory != .spacingMark { return 0 }
    return wide.contains { $0.contains(scalar.value) } ? 2 : 1
  }

  /// What Unicode's East Asian Width calls wide, by its blocks.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff,
    0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x1b000...0x1b2ff, 0x1f300...0x1f64f, 0x1f680...0x1f6ff,
    0x1f900...0x1f9ff, 0x20000...0x3fffd,
  ]

  /// As wide as `columns` at least.
  public func padded(to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - self.columns))
  }
}

extension StringProtocol {
  /// For messages: what others wrote, cut at `limit` characters, as a person may see it.
  public func shown(_ limit: Int) -> String { Shown(prefix(limit)).text }
}
