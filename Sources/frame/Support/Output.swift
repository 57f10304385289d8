import Foundation
import FrameCore

/// What commands print: results on stdout, everything else on stderr.
enum Output {
  /// One line with what was wrong, its code and what to do about it.
  static func error(_ error: any FrameError) {
    note("error: \(error.message) [\(error.code)] \(error.remedy)")
  }

  /// A line for people, on stderr.
  static func note(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// A line of the result, on stdout.
  static func line(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// The node's answer as JSON: indented, sorted keys.
  static func json(_ data: Data) {
    guard let object = try? JSONSerialization.jsonObject(with: data, options: [.fragmentsAllowed]),
      let pretty = try? JSONSerialization.data(
        withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed])
    else { return line(String(decoding: data, as: UTF8.self)) }
    line(String(decoding: pretty, as: UTF8.self))
  }

  /// `name  value` lines, values aligned; fields without a value are left out.
  static func fields(_ fields: [(String, String?)]) {
    let known = fields.compactMap { name, value in value.map { (name, $0) } }
    let width = known.map(\.0.count).max() ?? 0
    for (name, value) in known {
      line(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + value)
    }
  }

  /// Columns under their titles, as wide as their widest cell.
  static func table(_ titles: [String], _ rows: [[String]]) {
    let widths = titles.indices.map { column in
      ([titles] + rows).map { $0[column].count }.max() ?? 0
    }
    for row in [titles] + rows {
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell.padding(toLength: widths[column] + 2, withPad: " ", startingAt: 0)
      }
      line(cells.joined())
    }
  }
}
