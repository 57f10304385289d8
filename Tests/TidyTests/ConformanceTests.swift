import Foundation
import Testing

/// docs/conformance.md names tests that exist.
struct ConformanceTests {
  @Test("every line of section S has tests, and each test that is named for it exists")
  func spiffe() throws {
    let text = try Repository.File(path: "docs/conformance.md").text()
    let sources = try Dictionary(
      Repository.files(under: "Tests", suffixes: [".swift"]).map { ($0.stem, try $0.text()) },
      uniquingKeysWith: { $0 + $1 })
    let sections = text.components(separatedBy: "\n## ").dropFirst()
    #expect(sections.map { String($0.prefix { $0 != "." }) } == (1...17).map { "S\($0)" })
    for section in sections {
      let tests = section.matches(of: #/\n- `(\w+)`: (.+)/#)
      #expect(!tests.isEmpty, "\(section.prefix(20))")
      for test in tests {
        let (file, title) = (String(test.output.1), String(test.output.2))
        #expect(sources[file]?.contains("\"\(title)\"") == true, "\(file): \(title)")
      }
    }
  }
}
