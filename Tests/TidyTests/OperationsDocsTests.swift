import Foundation
import Testing

/// The example configurations of docs/operations.md work as they are.
struct OperationsDocsTests {
  private static func text(_ path: String) throws -> String { try Repository.File(path: path).text() }

  @Test("the example prometheus.yml is valid with the rules beside it")
  func prometheus() async throws {
    try await Tool.withTemporaryFolder { folder in
      for path in ["docs/examples/prometheus.yml", RuleFile.file.path] {
        let file = Repository.File(path: path)
        try FileManager.default.copyItem(at: file.url, to: folder.appendingPathComponent(file.name))
      }
      let result = try await Tool.run(
        "promtool", ["check", "config", folder.appendingPathComponent("prometheus.yml").path])
      #expect(result.succeeded, "\(result.output)")
      #expect(result.output.contains("rules found"), "the example does not load the rules: \(result.output)")
    }
  }

  @Test("the example alertmanager.yml is valid and sends each severity where it belongs")
  func alertmanager() async throws {
    let file = Repository.File(path: "docs/examples/alertmanager.yml").url.path
    let check = try await Tool.run("amtool", ["check-config", file])
    #expect(check.succeeded, "\(check.output)")
    for (severity, receiver) in [("critical", "page"), ("warning", "ticket"), ("none", "deadman")] {
      let route = try await Tool.run(
        "amtool",
        ["config", "routes", "test", "--config.file=\(file)", "--verify.receivers=\(receiver)", "severity=\(severity)"])
      #expect(route.succeeded, "\(severity): \(route.output)")
    }
  }

  @Test("the scrape job has the name that rules and dashboards expect")
  func job() throws {
    #expect(try Self.text("docs/examples/prometheus.yml").contains("job_name: frame\n"))
  }

  @Test("the Grafana provisioning examples point at a folder of dashboards and at Prometheus")
  func grafana() throws {
    #expect(try Self.text("docs/examples/grafana/dashboards/frame.yaml").contains("type: file\n"))
    #expect(try Self.text("docs/examples/grafana/datasources/prometheus.yaml").contains("type: prometheus\n"))
  }

  @Test("the operations page lists every alert with its severity")
  func alerts() throws {
    let text = try Self.text("docs/operations.md")
    for alert in try RuleFile().alerts {
      let row = "| [\(alert.name)](../runbooks/\(alert.name).md) | \(alert.labels["severity"] ?? "") |"
      #expect(text.contains(row), "\(row)")
    }
  }

  @Test("what the operations page names exists")
  func links() throws {
    let page = Repository.File(path: "docs/operations.md")
    for match in try page.text().matches(of: #/\]\(([^)#:]+)\)/#) {
      let target = page.url.deletingLastPathComponent().appendingPathComponent(String(match.output.1))
      #expect(FileManager.default.fileExists(atPath: target.standardizedFileURL.path), "\(match.output.1)")
    }
  }
}
