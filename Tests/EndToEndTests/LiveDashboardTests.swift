import Foundation
import Testing

extension EndToEnd {
  @Suite("Dashboards over a live run")
  struct LiveDashboardTests {
    @Test("O14: every panel's query returns a finite value from a real Prometheus", .timeLimit(.minutes(3)))
    func everyPanelHasData() async throws {
      let quick: [(section: String?, key: String, value: String)] = [
        ("canary", "interval_seconds", "2"), (nil, "audit_interval_seconds", "1"), (nil, "bundle_refresh_seconds", "2"),
      ]
      try await TwoFrames.run(quick) { two in
        let prometheus = try await Prometheus(two)
        for (from, to) in [(two.a, two.b), (two.b, two.a)] {
          for backend in ["async", "2pc"] { try await two.transfer(from, to, backend) }
        }
        try await two.bridgeCycle()
        try await two.canaryRound()
        try await prometheus.expectTargetsUp()

        let dashboards = try LiveDashboard.all()
        #expect(!dashboards.isEmpty)
        for dashboard in dashboards {
          #expect(dashboard.queries.count > 10 && !dashboard.variables.isEmpty, "\(dashboard.name) was not read")
          let all =
            dashboard.variables.map { ("variable \($0.name)", $0.query) }
            + dashboard.queries.map { ("panel \($0.panel)", $0.expression) }
          // Rates need two scrapes, and recording rules an evaluation: at first an empty answer is asked for again.
          for (_, expression) in all {
            try? await Wait.polling.until("values", within: .seconds(20)) {
              Self.isAnswer(try await prometheus.query(expression), to: expression)
            }
          }
          // A panel that only has values now and then is found by asking all of them once more while nothing happens.
          try await two.settle()
          for (what, expression) in all {
            let values = try await prometheus.query(expression)
            #expect(Self.isAnswer(values, to: expression), "\(dashboard.name), \(what): \(expression) is \(values)")
          }
        }
        try await prometheus.stop()
      }
    }

    private static func isAnswer(_ values: [Double], to expression: String) -> Bool {
      // A quantile of nothing is NaN: methods that nobody called lately have none, others do.
      if expression.contains("histogram_quantile") { return values.contains(where: \.isFinite) }
      return !values.isEmpty && values.allSatisfy(\.isFinite)
    }
  }
}

/// A dashboard's queries as Grafana sends them when "All" is chosen in every variable.
private struct LiveDashboard {
  /// Panels that are empty while nothing fails: what they would show is asked for without the filter that hides zeros.
  private static let hidesZeros: Set<String> = [
    // A line for each phase and reason would hide the one that matters.
    "frame_canary_failures_total"
  ]
  /// Long enough for every counter that the run moved.
  private static let rateInterval = "1m"

  let name: String
  let variables: [(name: String, query: String)]
  let queries: [(panel: String, expression: String)]

  static func all() throws -> [LiveDashboard] {
    let folder = Binary.repository.appendingPathComponent("dashboards")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }.map(LiveDashboard.init)
  }

  private init(_ file: URL) throws {
    let json = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: file))
    name = file.lastPathComponent
    let list = json["templating"]["list"].array.filter { $0["type"].string == "query" }
    // Longest names first: a variable's name may begin with another's.
    let values = list.compactMap { variable in
      variable["name"].string.map { (name: $0, all: variable["allValue"].string ?? ".+") }
    }.sorted { $0.name.count > $1.name.count }
    func substitute(_ text: String) -> String {
      values.reduce(text.replacing("$__rate_interval", with: Self.rateInterval)) {
        $0.replacing("$\($1.name)", with: $1.all)
      }
    }
    variables = try list.map { variable in
      let definition = variable["query"]["query"].string ?? variable["query"].string ?? ""
      let match = try #require(definition.wholeMatch(of: /label_values\((.+), (\w+)\)/), "\(definition)")
      return (variable["name"].string ?? "", "count by (\(match.output.2)) (\(substitute(String(match.output.1))))")
    }
    queries = Self.panels(of: json).flatMap { panel in
      panel["targets"].array.map { target in
        let expression = substitute(target["expr"].string ?? "")
        let hides = Self.hidesZeros.contains { expression.contains($0) }
        return (panel["title"].string ?? "", hides ? expression.replacing(#/ > 0$/#, with: "") : expression)
      }
    }
  }

  /// Those inside rows included.
  private static func panels(of json: JSON) -> [JSON] {
    json["panels"].array.flatMap { [$0] + panels(of: $0) }
  }
}
