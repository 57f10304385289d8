import Foundation

/// Comma-separated values (RFC 4180), UTF-8 without a byte order mark.
package enum CSV {
  package struct Failure: WordedError, CustomStringConvertible {
    package let description: String
    package var plainWords: String { description }
  }

  /// The rows that have anything in them.
  /// - Throws: ``Failure`` for quotes that are not around a whole field, which other readers take apart in other ways.
  package static func rows(_ data: Data) throws -> [[String]] {
    guard !data.starts(with: [0xef, 0xbb, 0xbf]) else {
      throw Failure(description: "it begins with a byte order mark; save it as UTF-8 without one")
    }
    guard let text = String(validating: data, as: UTF8.self) else { throw Failure(description: "it is not UTF-8") }
    var (rows, row, field): ([[String]], [String], String) = ([], [], "")
    /// Of the field that is being read.
    var (isQuoted, isOpen, line) = (false, false, 1)
    func refusal(_ why: String) -> Failure { Failure(description: "line \(line): \(why)") }
    func endField() {
      row.append(field)
      (field, isQuoted) = ("", false)
    }
    func endRow() {
      endField()
      if row != [""] { rows.append(row) }
      row = []
    }
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      if scalar == "\n" { line += 1 }
      switch scalar {
      case "\"" where isOpen && scalars.first == "\"":
        field.append("\"")
        scalars.removeFirst()
      case "\"" where isOpen: isOpen = false
      case _ where isOpen: field.unicodeScalars.append(scalar)
      case "\"" where field.isEmpty && !isQuoted: (isQuoted, isOpen) = (true, true)
      case "\"": throw refusal("a quote stands within a field; quote the whole field and double it")
      case ",": endField()
      case "\n": endRow()
      case "\r" where scalars.first == "\n": continue
      case "\r", "\0": throw refusal("it has a control character")
      case _ where isQuoted: throw refusal("something stands after a closing quote")
      default: field.unicodeScalars.append(scalar)
      }
    }
    guard !isOpen else { throw refusal("a quoted field does not end") }
    endRow()
    return rows
  }
}
