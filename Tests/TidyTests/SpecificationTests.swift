import Foundation
import Testing

/// What is cited of docs/design.md and docs/conformance.md is there.
struct SpecificationTests {
  private static let design = Repository.File(path: "docs/design.md")
  private static let conformance = Repository.File(path: "docs/conformance.md")

  /// Everything that may cite a section of the one or an item of the other.
  private static var citing: [Repository.File] {
    let folders = ["Sources", "Tests", "docs", "alerts", "runbooks"]
    let suffixes = [".swift", ".go", ".c", ".h", ".md", ".yaml", ".yml"]
    return folders.flatMap { Repository.files(under: $0, suffixes: suffixes) }
      + [Repository.File(path: "ARCHITECTURE.md")]
  }

  @Test("every section of the design that is cited exists")
  func sections() throws {
    let known = try Self.numbers(of: Self.design)
    for section in 1...12 { #expect(known.contains("\(section)"), "docs/design.md has no section \(section)") }
    var citations = 0
    for file in Self.citing {
      for match in try file.text().matches(of: #/DESIGN §?([0-9]+(?:\.[0-9]+)?)/#) {
        citations += 1
        let section = String(match.output.1)
        #expect(known.contains(section), "\(file) cites section \(section) of the design, which is not there")
      }
    }
    #expect(citations > 0, "no citation was found")
  }

  @Test("every item of the conformance list that is cited exists")
  func items() throws {
    let known = try Self.numbers(of: Self.conformance)
    var citations = 0
    for file in Self.citing {
      // One item or several ("L5, B19, B20"), which may begin on the next line of a comment.
      let lists = try file.text().matches(
        of: #/CONFORMANCE(?:\s|\/)+([A-Z][0-9]+(?:(?:, | to | and )[A-Z][0-9]+)*)/#)
      for list in lists {
        for match in list.output.1.matches(of: #/[A-Z][0-9]+/#) {
          citations += 1
          let item = String(match.output)
          #expect(known.contains(item), "\(file) cites item \(item), which docs/conformance.md does not have")
        }
      }
    }
    #expect(citations > 0, "no citation was found")
  }

  @Test("the test suites that the design names exist")
  func suites() throws {
    let known = Set(Repository.files(under: "Tests", suffixes: [".swift"]).map(\.stem))
    for match in try Self.design.text().matches(of: #/`(\w+Tests)`/#) {
      let suite = String(match.output.1)
      #expect(known.contains(suite), "docs/design.md names \(suite), which is not there")
    }
  }

  /// What the headings of a page begin with, up to the full stop: `8`, `12.5`, `B19`.
  private static func numbers(of page: Repository.File) throws -> Set<String> {
    var found: Set<String> = []
    for line in try page.text().split(separator: "\n") where line.hasPrefix("## ") || line.hasPrefix("### ") {
      let title = line.drop { $0 == "#" || $0 == " " }
      guard let end = title.range(of: ". ") else { continue }
      let number = String(title[..<end.lowerBound])
      let isNew = found.insert(number).inserted
      #expect(isNew, "\(page) has two headings \(number)")
    }
    return found
  }
}
