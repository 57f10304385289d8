import Foundation
import Testing

/// The Prometheus rules: valid, tested, complete (CONFORMANCE O11 to O13).
struct AlertTests {
  private static let testFiles = Repository.files(under: "alerts/tests", suffixes: [".yaml"])

  @Test("O11: promtool accepts the rules")
  func check() async throws {
    let result = try await Tool.run("promtool", ["check", "rules", "--lint-fatal", RuleFile.file.url.path])
    #expect(result.succeeded, "\(result.output)")
  }

  @Test("O11: promtool's tests of the rules pass", arguments: testFiles)
  func promtool(_ file: Repository.File) async throws {
    let result = try await Tool.run("promtool", ["test", "rules", file.url.path])
    #expect(result.succeeded, "\(result.output)")
  }

  @Test("O11: every alert has its labels and annotations, and reads as one")
  func form() throws {
    let severities = ["critical", "warning", "none"]
    for alert in try RuleFile().alerts {
      #expect(alert.name.wholeMatch(of: /([A-Z][A-Za-z0-9]+)/) != nil, "\(alert) is not CamelCase")
      #expect(severities.contains(alert.labels["severity"] ?? ""), "\(alert): severity")
      #expect(alert.wait != nil, "\(alert): for")
      #expect(alert.annotations.keys.sorted() == ["description", "runbook_url", "summary"], "\(alert): annotations")
      #expect(alert.annotations["summary"]?.contains("{{") == false, "\(alert): the summary is a fixed sentence")
      #expect(alert.annotations["summary"]?.hasSuffix(".") == true, "\(alert): the summary is a sentence")
      #expect(alert.annotations["runbook_url"] == "runbooks/\(alert.name).md", "\(alert): runbook_url")
      if alert.name != "Watchdog" {
        #expect(alert.annotations["description"]?.contains("{{") == true, "\(alert): the description names no label")
      }
    }
  }

  @Test("O11: one missed scrape neither resets nor resolves an alert on a gauge")
  func ranges() throws {
    // These speak of whether a series is there now, or read records, which already cover a range.
    let exempt: Set = ["FrameNodeDown", "FrameNodeAbsent", "FrameMonitorAbsent", "Watchdog"]
    for alert in try RuleFile().alerts where !exempt.contains(alert.name) {
      for selector in PromQL(alert.expression).selectors where !selector.metric.contains(":") {
        #expect(selector.range != nil, "\(alert) reads \(selector.metric) without a range")
      }
    }
  }

  @Test("O11: every alert is seen to fire, not to fire, to resolve, and with a stale or absent series")
  func coverage() throws {
    let groups = try Self.testFiles.flatMap(RuleTestGroup.all(in:))
    for name in try RuleFile().alertNames.sorted() {
      let own = groups.compactMap { group -> (group: RuleTestGroup, fires: [Bool])? in
        let checks = group.checks.filter { $0.alert == name }
        return checks.isEmpty ? nil : (group, checks.map(\.fires))
      }
      #expect(own.contains { $0.fires.contains(true) }, "no test fires \(name)")
      // It is always firing: that is what it is for.
      if name == "Watchdog" { continue }
      #expect(own.contains { $0.fires.allSatisfy { !$0 } }, "no test keeps \(name) silent")
      let resolves = own.contains { entry in
        zip(entry.fires, entry.fires.dropFirst()).contains { $0 && !$1 }
      }
      #expect(resolves, "no test resolves \(name)")
      let lacksData = own.contains { $0.group.series.contains("stale") || $0.group.series.isEmpty }
      #expect(lacksData, "no test takes the series of \(name) away")
    }
  }

  @Test("O13: records are named level:metric:operations and say which labels are left")
  func records() throws {
    for name in try RuleFile().recordNames {
      let parts = name.split(separator: ":")
      #expect(parts.count == 3, "\(name)")
      #expect(parts.first?.hasPrefix("instance") == true, "\(name)")
    }
  }

  @Test("every series that the rules read is declared, with the labels they match")
  func metrics() throws {
    let rules = try RuleFile()
    let catalog = try MetricCatalog()
    for rule in rules.rules {
      let problems = catalog.problems(in: rule.expression, records: rules.recordNames)
      #expect(problems.isEmpty, "\(rule): \(problems)")
      for match in (rule.annotations["description"] ?? "").matches(of: #/frame_[a-z0-9_]+/#) {
        #expect(catalog.declaration(ofSeries: String(match.output)) != nil, "\(rule): \(match.output)")
      }
    }
  }
}

/// One entry of `tests:` in a promtool test file, as far as coverage is concerned.
struct RuleTestGroup {
  var name: String
  /// The values of all its input series, one after the other.
  var series = ""
  var checks: [(alert: String, fires: Bool)] = []

  static func all(in file: Repository.File) throws -> [RuleTestGroup] {
    var groups: [RuleTestGroup] = []
    for line in try file.text().split(separator: "\n") {
      let text = line.trimmingCharacters(in: .whitespaces)
      if text.hasPrefix("- name:") { groups.append(RuleTestGroup(name: String(text.dropFirst(8)))) }
      guard let last = groups.indices.last else { continue }
      if text.hasPrefix("values:") { groups[last].series += text }
      if text.hasPrefix("alertname:") {
        groups[last].checks.append((text.dropFirst(10).trimmingCharacters(in: .whitespaces), true))
      }
      if text.hasPrefix("exp_alerts: []"), let check = groups[last].checks.indices.last {
        groups[last].checks[check].fires = false
      }
    }
    return groups
  }
}
