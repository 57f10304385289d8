import Foundation
import FrameCore

/// What commands print: results on stdout, everything else on stderr.
///
/// Every line goes through ``Shown``: much of what is printed was written by others, and none of it may move the cursor or pass for a
/// line of ours. What programs read (JSON, files as they are) leaves it as it is.
enum Output {
  /// `--json` is among the arguments: then errors are JSON too, and nothing else is on stderr.
  static let isJSON = CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("--json")

  // MARK: For people

  /// One line with what was wrong, its code and what to do about it; with `--json` one JSON object.
  static func error(_ error: any FrameError, status: ExitStatus) {
    guard !isJSON else { return put(ProblemDocument.json(of: error, status: status), to: .errors) }
    put("error: \(error.message.sentence) [\(error.code)] \(error.remedy)", to: .errors)
    for line in (error as? CLIError)?.details ?? [] { put("  \(line)", to: .errors) }
  }

  /// A line for people, on stderr.
  static func note(_ text: String) {
    if !isJSON { put(text, to: .errors) }
  }

  /// A line of the result, on stdout.
  static func line(_ text: String) { put(text, to: .output) }

  /// Lines of the result: a text that is meant to have several.
  static func lines(_ text: String) { lines(text, to: .output) }

  /// Several lines of our own on stderr.
  static func notes(_ text: String) { lines(text, to: .errors) }

  /// `name  value` lines, values aligned; fields without a value are left out.
  static func fields(_ fields: [(String, String?)]) {
    let known = fields.compactMap { name, value in value.map { (Shown(name), Shown($0)) } }
    let width = known.map(\.0.columns).max() ?? 0
    for (name, value) in known { put(name.padded(to: width + 2) + value.text, to: .output) }
  }

  /// Columns under their titles, as wide as their widest cell.
  static func table(_ titles: [String], _ rows: [[String]]) {
    let cells = ([titles] + rows).map { $0.map { Shown($0) } }
    let widths = titles.indices.map { column in cells.map { $0[column].columns }.max() ?? 0 }
    for row in cells {
      let line = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell.text : cell.padded(to: widths[column] + 2)
      }
      put(line.joined(), to: .output)
    }
  }

  // MARK: For programs

  /// The node's answer as JSON: indented, sorted keys. What a terminal would obey is spelled `\u001b`, which means the same.
  static func json(_ data: Data) {
    guard let tree = try? TextTree(json: data, APIClient.answerLimits) else {
      return lines(String(decoding: data, as: UTF8.self))
    }
    // Numbers stay as they were written, however many digits they have.
    write(Data((Shown.json(tree.json(indented: true, sorted: true)) + "\n").utf8), to: .output)
  }

  static func json(_ value: some Encodable) throws { json(try JSONEncoder().encode(value)) }

  /// A file as it is, to be stored; on a terminal it is shown instead.
  static func file(_ bytes: Data) {
    guard isatty(STDOUT_FILENO) == 1 else { return write(bytes, to: .output) }
    lines(String(decoding: bytes, as: UTF8.self))
  }

  // MARK: Writing

  private static func lines(_ text: String, to stream: StandardStream) {
    // Asked by byte: a carriage return before it would make one character of both.
    let ended = text.utf8.last == UInt8(ascii: "\n") ? text[..<text.utf8.index(before: text.endIndex)] : text[...]
    for line in ended.split(separator: "\n", omittingEmptySubsequences: false) { put(String(line), to: stream) }
  }

  /// The only way of a text to a terminal.
  private static func put(_ text: String, to stream: StandardStream) {
    write(Data((Shown(text).text + "\n").utf8), to: stream)
  }

  private static func write(_ bytes: Data, to stream: StandardStream) { stream.write(bytes) }
}
