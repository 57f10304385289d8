import Foundation
import Testing

/// docs/conformance.md names tests that exist.
struct ConformanceTests {
  @Test("every item has tests or a reason why it has none, and each test that is named for it exists")
  func items() throws {
    let text = try Repository.File(path: "docs/conformance.md").text()
    let sources = try Dictionary(
      Repository.files(under: "Tests", suffixes: [".swift"]).map { ($0.stem, try $0.text()) },
      uniquingKeysWith: { $0 + $1 })
    let items = text.components(separatedBy: "\n### ").dropFirst()
    let codes = [("L", 1...11), ("O", 1...17), ("S", 1...17), ("B", 1...22)].flatMap { part, numbers in
      numbers.map { number in "\(part)\(number)" }
    }
    #expect(items.map { String($0.prefix { $0 != "." }) } == codes)
    for item in items {
      let tests = item.matches(of: #/\n- `(\w+)`: (.+)/#)
      #expect(!tests.isEmpty || item.contains("\nNo test: "), "\(item.prefix(20))")
      for test in tests {
        let (file, title) = (String(test.output.1), String(test.output.2))
        #expect(sources[file]?.contains("\"\(title)\"") == true, "\(file): \(title)")
      }
    }
  }
}
