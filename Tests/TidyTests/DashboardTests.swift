import Foundation
import Testing

/// The rules of Grafana's dashboard-linter, with no exclusions, and some of our own (CONFORMANCE O14).
struct DashboardTests {
  private static let files = Repository.files(under: "dashboards", suffixes: [".json"])

  @Test("O14: there are dashboards, each with a uid and a title of its own")
  func identity() throws {
    let dashboards = try Self.files.map(Dashboard.init)
    #expect(!dashboards.isEmpty)
    #expect(Set(dashboards.map(\.uid)).count == dashboards.count)
    #expect(Set(dashboards.map(\.title)).count == dashboards.count)
    for (file, dashboard) in zip(Self.files, dashboards) {
      #expect(dashboard.uid == file.stem, "the uid stays the file's name")
      #expect(dashboard.uid.count <= 40)
      #expect(dashboard.tags.contains("frame"))
      #expect(dashboard.schemaVersion >= 36)
    }
  }

  @Test("O14: uneditable-dashboard", arguments: files)
  func uneditable(_ file: Repository.File) throws {
    #expect(try !Dashboard(file).editable)
  }

  @Test("O14: template-datasource", arguments: files)
  func dataSourceVariable(_ file: Repository.File) throws {
    let sources = try Dashboard(file).templating.list.filter { $0.type == "datasource" }
    #expect(sources.map(\.name) == ["datasource"])
    #expect(sources.map(\.label) == ["Data source"])
  }

  @Test("O14: template-job and template-instance", arguments: files)
  func jobAndInstance(_ file: Repository.File) throws {
    for (name, label) in [("job", "Job"), ("instance", "Instance")] {
      let variable = try #require(try Dashboard(file).templating.list.first { $0.name == name })
      #expect(variable.type == "query")
      #expect(variable.label == label)
      #expect(variable.datasource?.uid == "${datasource}")
      #expect(variable.multi && variable.includeAll)
      #expect(variable.allValue == ".+")
    }
  }

  @Test("O14: template-label-promql and template-on-time-change-reload", arguments: files)
  func queryVariables(_ file: Repository.File) async throws {
    let catalog = try MetricCatalog()
    for variable in try Dashboard(file).templating.list where variable.type == "query" {
      #expect(variable.refresh == 2, "\(variable.name)")
      let call = try #require(variable.definition?.wholeMatch(of: #/label_values\((.+), ([a-z_]+)\)/#))
      let series = String(call.output.1)
      #expect(catalog.problems(in: series, records: []).isEmpty, "\(variable.name)")
      let problem = try await Tool.problem(withPromQL: [series])
      #expect(problem == nil)
    }
  }

  @Test("O14: panel-datasource, panel-title-description, panel-units, panel-no-targets", arguments: files)
  func panels(_ file: Repository.File) throws {
    for panel in try Dashboard(file).graphs {
      #expect(panel.datasource?.uid == "${datasource}", "\(panel)")
      #expect(!panel.title.isEmpty && panel.text?.isEmpty == false, "\(panel)")
      #expect(Self.units.contains(panel.fieldConfig?.defaults.unit ?? ""), "\(panel)")
      #expect(panel.targets?.isEmpty == false, "\(panel)")
      #expect(panel.fieldConfig?.defaults.thresholds?.steps.first?.value == nil, "\(panel): the first step is the base")
      #expect(panel.fieldConfig?.defaults.thresholds?.steps.isEmpty == false, "\(panel): thresholds")
      for target in panel.targets ?? [] { #expect(target.datasource.uid == "${datasource}", "\(panel)") }
      #expect(Set(panel.targets?.map(\.refId) ?? []).count == panel.targets?.count, "\(panel)")
    }
  }

  @Test("O14: target-job and target-instance", arguments: files)
  func selectors(_ file: Repository.File) throws {
    for query in try Dashboard(file).queries {
      for selector in PromQL(query).selectors {
        for label in ["job", "instance"] {
          let matcher = PromQL.Matcher(label: label, operation: "=~", value: "$\(label)")
          #expect(selector.matchers.contains(matcher), "\(query)")
        }
      }
    }
  }

  @Test("O14: target-rate-interval and target-counter-agg", arguments: files)
  func rates(_ file: Repository.File) throws {
    for query in try Dashboard(file).queries {
      for selector in PromQL(query).selectors {
        if ["rate", "irate"].contains(selector.function) { #expect(selector.range == "$__rate_interval", "\(query)") }
        if selector.metric.hasSuffix("_total") {
          #expect(["rate", "irate", "increase"].contains(selector.function) && selector.range != nil, "\(query)")
        }
      }
    }
  }

  @Test("O14: target-promql (target-logql has nothing to find)", arguments: files)
  func queriesParse(_ file: Repository.File) async throws {
    let queries = try Dashboard(file).queries.map {
      $0.replacing("$__rate_interval", with: "5m").replacing(#/\$[a-z]+/#, with: ".+")
    }
    let problem = try await Tool.problem(withPromQL: queries)
    #expect(problem == nil)
  }

  @Test("every series that a dashboard reads is declared, with the labels it matches", arguments: files)
  func metrics(_ file: Repository.File) throws {
    let catalog = try MetricCatalog()
    let records = try RuleFile().recordNames
    for query in try Dashboard(file).queries {
      let problems = catalog.problems(in: query, records: records)
      #expect(problems.isEmpty, "\(query): \(problems)")
    }
  }

  @Test("O14: panels fit the grid, do not overlap, and have ids of their own", arguments: files)
  func grid(_ file: Repository.File) throws {
    let panels = try Dashboard(file).panels
    #expect(Set(panels.map(\.id)).count == panels.count)
    var taken: [Int: String] = [:]
    for panel in panels {
      let place = panel.gridPos
      #expect(place.x >= 0 && place.w > 0 && place.x + place.w <= 24, "\(panel)")
      for y in place.y..<(place.y + place.h) {
        for x in place.x..<(place.x + place.w) {
          let other = taken.updateValue(panel.title, forKey: y * 24 + x)
          #expect(other == nil, "\(panel) overlaps \(other ?? "")")
        }
      }
    }
  }

  @Test("O14: dashboards link to each other by tag, with their variables and time", arguments: files)
  func links(_ file: Repository.File) throws {
    let links = try Dashboard(file).links.filter { $0.type == "dashboards" }
    #expect(links.contains { $0.tags == ["frame"] && $0.asDropdown && $0.keepTime && $0.includeVars })
  }

  @Test("the relationship dashboard shows the four peer monitors first")
  func monitors() throws {
    let dashboard = try Dashboard(Repository.File(path: "dashboards/frame-relationship.json"))
    let first = dashboard.graphs.prefix(4).flatMap { $0.targets ?? [] }.flatMap { PromQL($0.expr).selectors }
    #expect(
      first.map(\.metric) == [
        "frame_peer_bundle_fingerprint_match", "frame_bridge_imbalance_minor_units",
        "frame_bridge_wrapped_imbalance_minor_units", "frame_projection_lag_events",
        "frame_peer_bundle_refresh_timestamp_seconds",
      ])
    #expect(first.allSatisfy { $0.matchers.contains(.init(label: "peer", operation: "=~", value: "$peer")) })
  }

  /// Of Grafana's units those that make sense here; a typo is then an error.
  private static let units: Set = [
    "none", "string", "short", "locale", "percent", "percentunit", "s", "ms", "bytes", "decbytes", "Bps", "cps", "ops",
    "reqps", "rps", "wps", "bool", "dateTimeAsIso", "dateTimeFromNow",
  ]
}
