import Foundation
import Testing

/// No input ends the process: whatever could, by its form, is on a list with the reason why nothing from outside reaches it.
struct TrapTests {
  /// `try!`, `as!`, an unwrapped optional, and the functions that stop.
  private static var forms: Regex<(Substring, Substring?)> {
    #/\btry!|\bas!|\bfatalError\(|\bprecondition(Failure)?\(|\bassertionFailure\(|\buniqueKeysWithValues:|[A-Za-z0-9_\)\]"]!(?=[\s.,\)\]:;]|$)/#
  }

  private static let page = Repository.File(path: "docs/robustness.md")

  private static var sources: [Repository.File] {
    Repository.files(under: "Sources", suffixes: [".swift"]).filter { !$0.isGenerated }
  }

  /// The code of a line: no comment, and nothing in quotes.
  private static func code(_ line: Substring) -> String {
    String(line).replacing(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"").replacing(#/\/\/.*/#, with: "")
  }

  @Test("every trap in the sources is listed in docs/robustness.md with its reason, and no other is")
  func listed() throws {
    var found: [String: Int] = [:]
    for file in Self.sources {
      for line in try file.text().split(separator: "\n") {
        let count = Self.code(line).matches(of: Self.forms).count
        if count > 0 { found[file.path, default: 0] += count }
      }
    }
    let rows = try Self.page.text().matches(of: #/(?m)^\| `(Sources\/[^`]+\.swift)` \| ([0-9]+) \| (.+) \|$/#)
    let listed = Dictionary(rows.map { (String($0.output.1), Int($0.output.2) ?? 0) }, uniquingKeysWith: +)
    for (path, count) in found.sorted(by: { $0.key < $1.key }) {
      #expect(
        listed[path] == count, "\(path) has \(count) traps; docs/robustness.md must say why no input reaches them")
    }
    for path in listed.keys.sorted() { #expect(found[path] != nil, "\(path) is listed and has no trap") }
    for row in rows { #expect(row.output.3.count > 20, "\(row.output.1) is listed without a reason") }
  }

  @Test(
    "no line of a text is found by characters where bytes are meant: a carriage return and a newline are one character")
  func newlines() throws {
    for file in Self.sources {
      for (number, line) in try file.text().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let text = String(line).replacing(#/\/\/.*/#, with: "")
        #expect(
          !text.contains(#"hasSuffix("\n")"#) && !text.contains(#"hasPrefix("\n")"#),
          "\(file):\(number + 1) asks for a newline by character; ask utf8 for the byte")
      }
    }
  }

  @Test("a Duration is never made of a floating-point number that came from outside unbounded")
  func durations() throws {
    for file in Self.sources {
      for line in try file.text().split(separator: "\n") where !line.contains("//") {
        // `Duration.seconds(Double)` traps on what 128 bits do not hold; whole numbers fit, whatever they are.
        #expect(!line.contains(#/\.seconds\(Double\(/#), "\(file): \(line)")
      }
    }
  }
}
