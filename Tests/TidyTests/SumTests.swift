import Foundation
import Testing

/// No sum over accounts is made in 64 bits: each account fits, all of them together need not, and Swift ends a process whose sum does not
/// fit. Whatever looks like a sum of money and does not say `Int128` in the same line is on a list with the reason why it fits.
struct SumTests {
  private static let rooms = [
    "FrameCore", "FrameLedger", "FrameTreaty", "FramePeering", "FrameSNI", "FrameAudit", "FrameEvents",
    "FrameProjection", "FrameSettlement", "FrameBridge", "FrameCanary",
    "FrameConfiguration", "FrameNodeState", "FrameREST", "FrameNode", "frame",
  ]

  /// What adds up. Counting by ones is none.
  private static var forms: Regex<Substring> {
    #/\breduce\(\s*(?:into:\s*)?(?:0|Int64\(0\)|\.zero)|[+\-]=(?! 1\b)/#.wordBoundaryKind(.simple)
  }
  /// What money is called.
  private static var money: Regex<Substring> {
    #/[aA]mount|minorUnits|[bB]alance|\bunits\b|[hH]oldings?\b|\bfees?\b|credited|[cC]learing|[rR]eserve\b|unsettled|[iI]ssued\b|[rR]edeemed\b|[lL]ocked\b|[wW]rapped\b/#
      .wordBoundaryKind(.simple)
  }

  private static let page = Repository.File(path: "docs/robustness.md")

  private static func code(_ line: Substring) -> String {
    String(line).replacing(#/"(?:[^"\\]|\\.)*"/#, with: "\"\"").replacing(#/\/\/.*/#, with: "")
  }

  private static func isNarrowSum(_ line: Substring) -> Bool {
    // Nearly no line is looked at twice.
    guard ["+=", "-=", "reduce("].contains(where: { line.contains($0) }) else { return false }
    let code = code(line)
    return code.contains(forms) && code.contains(money) && !code.contains("Int128")
  }

  @Test(
    "every sum of money that does not say its 128 bits is listed in docs/robustness.md with its reason, and no other is"
  )
  func listed() throws {
    var found: [String: [Int]] = [:]
    for room in Self.rooms {
      for file in Repository.files(under: "Sources/\(room)", suffixes: [".swift"]) where !file.isGenerated {
        for (number, line) in try file.text().split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where Self.isNarrowSum(line) {
          found[file.path, default: []].append(number + 1)
        }
      }
    }
    let rows = try Self.page.text().matches(of: #/(?m)^\| sum \| `(Sources\/[^`]+\.swift)` \| ([0-9]+) \| (.+) \|$/#)
    let listed = Dictionary(rows.map { (String($0.output.1), Int($0.output.2) ?? 0) }, uniquingKeysWith: +)
    for (path, lines) in found.sorted(by: { $0.key < $1.key }) {
      #expect(
        listed[path] == lines.count,
        "\(path) sums in \(lines.count) lines: \(lines); use Int128, or let docs/robustness.md say why 64 bits hold it")
    }
    for path in listed.keys.sorted() { #expect(found[path] != nil, "\(path) is listed and has no such sum") }
    for row in rows { #expect(row.output.3.count > 20, "\(row.output.1) is listed without a reason") }
  }

  @Test("what must be found is found, and what is no sum of money is not")
  func forms() {
    for line in [
      "let total = balances.reduce(0) { $0 + $1.value }", "figures.held += terms.amount.minorUnits",
      "clearing[peer, default: 0] &+= amount", "fees -= units", "holdings.values.reduce(into: 0) { $0 += $1 }",
    ] {
      #expect(Self.isNarrowSum(line[...]), "\(line)")
    }
    for line in [
      "let total = balances.reduce(Int128(0)) { $0 + Int128($1.value) }", "total += Int128(hold.amount)",
      "bytes += event.count", "agreed.credited += 1", "// amount += more", "let text = \"amount += 1\"",
    ] {
      #expect(!Self.isNarrowSum(line[...]), "\(line)")
    }
  }
}
