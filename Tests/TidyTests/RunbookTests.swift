import Foundation
import Testing

/// A page for every alert, with what it says still true (CONFORMANCE O16).
struct RunbookTests {
  private static let sections = [
    "Meaning", "Impact", "Expression", "Diagnosis", "Mitigation", "Escalation", "Verify resolved",
  ]
  private static let pages = Repository.files(under: "runbooks", suffixes: [".md"])

  @Test("O16: every alert has a runbook and every runbook an alert")
  func pairs() throws {
    #expect(Set(Self.pages.map(\.stem)) == (try RuleFile().alertNames))
  }

  @Test("O16: a runbook has its sections in order, none empty", arguments: pages)
  func structure(_ page: Repository.File) throws {
    let text = try page.text()
    #expect(text.hasPrefix("# \(page.stem)\n"))
    let parts = text.components(separatedBy: "\n## ").dropFirst()
    #expect(parts.map { String($0.prefix { $0 != "\n" }) } == Self.sections)
    for part in parts {
      let body = part.drop { $0 != "\n" }.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(!body.isEmpty, "\(part.prefix(20))")
    }
    let severity = try RuleFile().alerts.first { $0.name == page.stem }?.labels["severity"]
    #expect(text.contains("\nSeverity: \(severity ?? "?").\n"))
  }

  @Test("O16: the expression shown is the alert's own", arguments: pages)
  func expression(_ page: Repository.File) throws {
    let shown = try Self.blocks(in: page, language: "promql", section: "Expression")
    let actual = try RuleFile().alerts.filter { $0.name == page.stem }.map(\.expression)
    #expect(shown == actual)
  }

  @Test("O16: every query in the runbooks parses")
  func queriesParse() async throws {
    let queries = try Self.pages.flatMap { try Self.blocks(in: $0, language: "promql") }
    let problem = try await Tool.problem(withPromQL: queries)
    #expect(problem == nil)
  }

  @Test("O16: every series that a runbook reads exists", arguments: pages)
  func series(_ page: Repository.File) throws {
    let catalog = try MetricCatalog()
    let records = try RuleFile().recordNames
    for query in try Self.blocks(in: page, language: "promql") {
      let problems = catalog.problems(in: query, records: records)
      #expect(problems.isEmpty, "\(query): \(problems)")
    }
  }

  @Test("O16: every command in a runbook parses as shell and names a command that exists", arguments: pages)
  func commands(_ page: Repository.File) async throws {
    let commands = try CommandLine.all()
    for block in try Self.blocks(in: page, language: "sh") {
      let result = try await Tool.run("bash", ["-n", "-c", block])
      #expect(result.succeeded, "\(block)\n\(result.output)")
      for line in block.split(separator: "\n") where line.hasPrefix("frame ") {
        #expect(commands.accept(String(line)), "\(line)")
      }
    }
  }

  @Test("O16: links between pages lead somewhere", arguments: pages)
  func links(_ page: Repository.File) throws {
    for match in try page.text().matches(of: #/\]\(([^)#:]+)\)/#) {
      let target = page.url.deletingLastPathComponent().appendingPathComponent(String(match.output.1))
      #expect(FileManager.default.fileExists(atPath: target.standardizedFileURL.path), "\(match.output.1)")
    }
  }

  /// The fenced blocks of one language, in the whole page or in one section.
  private static func blocks(in page: Repository.File, language: String, section: String? = nil) throws -> [String] {
    var found: [String] = []
    var current: [String]?
    var heading = ""
    for line in try page.text().split(separator: "\n", omittingEmptySubsequences: false) {
      if let lines = current {
        if line == "```" {
          if section == nil || section == heading { found.append(lines.joined(separator: "\n")) }
          current = nil
        } else {
          current?.append(String(line))
        }
      } else if line == "```\(language)" {
        current = []
      } else if line.hasPrefix("## ") {
        heading = String(line.dropFirst(3))
      }
    }
    return found
  }
}

/// What the `frame` command accepts, read from the declarations of its commands.
struct CommandLine {
  /// The commands by name, each with the long options its own file and the shared option groups declare.
  private let options: [String: Set<String>]
  private let shared: Set<String>

  static func all() throws -> CommandLine {
    var options: [String: Set<String>] = [:]
    for file in Repository.files(under: "Sources/frame/Commands", suffixes: [".swift"]) {
      let text = try file.text()
      for match in text.matches(of: #/commandName: "([a-z-]+)"/#) {
        options[String(match.output.1), default: []].formUnion(longOptions(in: text))
      }
    }
    let support = try Repository.files(under: "Sources/frame/Support", suffixes: [".swift"]).map { try $0.text() }
    return CommandLine(options: options, shared: longOptions(in: support.joined(separator: "\n")))
  }

  func accept(_ line: String) -> Bool {
    let words = line.split(separator: " ").map(String.init).dropFirst()
    guard let verb = words.first, options[verb] != nil else { return false }
    var known = shared.union(options[verb] ?? [])
    if let sub = words.dropFirst().first, let own = options[sub] { known.formUnion(own) }
    return words.filter { $0.hasPrefix("--") }.allSatisfy { known.contains(String($0.dropFirst(2))) }
  }

  /// Names of `@Option` and `@Flag` properties, in the form ArgumentParser gives them.
  private static func longOptions(in text: String) -> Set<String> {
    var names: Set<String> = []
    for match in text.matches(of: #/@(?:Option|Flag)\((?:[^()]|\([^()]*\))*\)\s*var (\w+)/#) {
      let custom = match.output.0.firstMatch(of: #/customLong\("([a-z-]+)"\)/#)
      names.insert(custom.map { String($0.output.1) } ?? String(match.output.1).kebabCased)
    }
    return names
  }
}

extension String {
  fileprivate var kebabCased: String {
    reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
  }
}
