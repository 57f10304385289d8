import Foundation
import Testing

/// What is installed fits what the node does.
struct PackagingTests {
  private static let unit = Repository.File(path: "packaging/frame@.service")

  private static func setting(_ name: String) throws -> [String] {
    try unit.text().split(separator: "\n").filter { $0.hasPrefix("\(name)=") }.map {
      String($0.dropFirst(name.count + 1))
    }
  }

  @Test("the unit gives a stop more time than the node gives itself, so that the node says what was overdue")
  func stop() throws {
    let command = try Repository.File(path: "Sources/frame/Commands/ServeCommand.swift").text()
    let match = try #require(command.firstMatch(of: #/var stopSeconds = ([0-9.]+)\n/#))
    let own = try #require(Double(match.output.1))
    let units = try Self.setting("TimeoutStopSec").compactMap(Double.init)
    #expect(units.count == 1 && units.allSatisfy { $0 > own }, "TimeoutStopSec \(units), the node \(own)")
  }

  @Test("the unit does not restart after codes of the operations page that do not mend themselves")
  func codes() throws {
    let page = try Repository.File(path: "docs/operations.md").text()
    let rows = page.matches(of: #/(?m)^\| ([0-9]+) \| ([^|]+) \|/#)
    let meanings = Dictionary(rows.map { (String($0.output.1), String($0.output.2)) }) { first, _ in first }
    let codes = try Self.setting("RestartPreventExitStatus").joined(separator: " ").split(separator: " ").map(
      String.init)
    #expect(codes == ["64", "65", "66"])
    for code in codes { #expect(meanings[code] != nil, "\(code) is not in docs/operations.md") }
    // These come and go with disks, peers, agents and addresses: a node that ends with one of them is started again.
    for code in ["69", "70", "73", "77"] {
      #expect(meanings[code] != nil && !codes.contains(code), "\(code)")
    }
  }

  @Test("the unit opens as many files as the node asks for when it says so")
  func descriptors() throws {
    let limit = try #require(try Self.setting("LimitNOFILE").first)
    #expect(try Repository.File(path: "docs/operations.md").text().contains("`LimitNOFILE=\(limit)`"))
  }

  @Test("the flags of the release stand in scripts/build.sh alone")
  func flags() throws {
    let files =
      ["scripts", "Benchmarks"].flatMap { Repository.files(under: $0) }
      + ["Makefile", ".ci/run", "README.md", "CONTRIBUTING.md", "docs/on_a_server.md"].map(Repository.File.init(path:))
    // The fuzzers are another program, built in a folder of their own.
    let free = ["scripts/build.sh", "scripts/fuzz.sh"]
    for file in files where !free.contains(file.path) {
      let found = try file.text().firstMatch(of: #/-c release|configuration release|static-swift-stdlib/#)
      #expect(found == nil, "\(file) builds a release of its own; call scripts/build.sh")
    }
  }

  @Test("what pages for people link to exists")
  func links() throws {
    let pages =
      ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(
        Repository.File.init(path:))
      + Repository.files(under: "docs", suffixes: [".md"])
    for page in pages {
      for match in try page.text().matches(of: #/\]\(([^)#:\s]+)(?:#[^)]*)?\)/#) {
        let target = page.url.deletingLastPathComponent().appendingPathComponent(String(match.output.1))
        #expect(
          FileManager.default.fileExists(atPath: target.standardizedFileURL.path), "\(page) links to \(match.output.1)")
      }
    }
  }
}
