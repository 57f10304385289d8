import Foundation
import FrameMetrics
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// What `/metrics` would answer.
enum Exposition {
  static func text(_ registry: MetricRegistry) -> String {
    let answer = ExpositionHandler(registry).respond(
      to: ExpositionRequest(method: "GET", accept: nil, acceptEncoding: nil, names: [], scrapeTimeout: nil))
    return String(decoding: answer.body, as: UTF8.self)
  }
}

@Suite("The node's metrics")
struct NodeMetricsTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  @Test("O5: every room's declarations agree with each other")
  func valid() async throws {
    try await NodeFixture.with { fixture in
      try fixture.registry.validate()
      _ = fixture.parts.apiRoutes()
      _ = fixture.parts.ops()
      try fixture.registry.validate()
      #expect(fixture.registry.catalog().count > 80)
    }
  }

  @Test("O5: no sample occurs twice, whatever the order of its labels")
  func unique() async throws {
    try await NodeFixture.with { fixture in
      _ = fixture.parts.apiRoutes()
      var seen: Set<String> = []
      for line in Exposition.text(fixture.registry).split(separator: "\n") where !line.hasPrefix("#") {
        let series = line.prefix { $0 != " " }
        let name = series.prefix { $0 != "{" }
        let labels = series.dropFirst(name.count).dropFirst().dropLast().split(separator: ",").sorted()
        #expect(seen.insert("\(name)\(labels)").inserted, "\(series) occurs twice")
      }
      #expect(seen.count > 300)
    }
  }

  @Test("O6: promtool finds nothing to say about the whole exposition")
  func promtool() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.post("/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "1.00"], key: "k").expect(200)
        try await api.post("/api/v1/audit", [:]).expect(200)
      }
      let file = fixture.folder.appendingPathComponent("metrics.txt")
      try Data(Exposition.text(fixture.registry).utf8).write(to: file)
      let result = try await Self.run("promtool check metrics < \(file.path) 2>&1")
      #expect(result.status == 0, "\(result.output)")
      #expect(result.output.isEmpty, "\(result.output)")
    }
  }

  @Test("the catalog has every metric that an alert, a dashboard or a runbook names")
  func catalogIsComplete() async throws {
    try await NodeFixture.with { fixture in
      _ = fixture.parts.apiRoutes()
      // The process declares it, beside its node.
      NodeMetrics.mirror({ LogLines() }, in: fixture.registry)
      let catalog = fixture.registry.catalog()
      var known = Set(catalog.map(\.name))
      for entry in catalog where entry.type == .histogram {
        known.formUnion(["_bucket", "_sum", "_count"].map { entry.name + $0 })
      }
      // A state set's label carries the family's name, so labels need no exception.
      var count = 0
      for folder in ["alerts", "dashboards", "runbooks"] {
        for (file, text) in try Self.files(in: folder) {
          for name in Self.metrics(in: text) {
            #expect(known.contains(name), "\(file) names \(name), which the node does not publish")
            count += 1
          }
        }
      }
      #expect(count > 100)
    }
  }

  @Test("every metric is described by a sentence, and the API lists the catalog")
  func catalog() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let list = try await api.get("/api/v1/metrics").expect(200).json["metrics"].array
        #expect(list.compactMap { $0["name"].string } == fixture.registry.catalog().map(\.name))
        for entry in list where entry["name"].string?.hasPrefix("frame_") == true {
          let help = entry["help"].string ?? ""
          #expect(help.count > 10 && help.hasSuffix("."), "\(entry["name"].string ?? ""): \(help)")
        }
      }
    }
  }

  @Test("requests are counted by route template, method and code, never by raw path")
  func requests() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        for name in ["alice", "zebedee", "x1", "x2"] { _ = try await api.get("/api/v1/agents/\(name)") }
        for path in ["/a", "/b/c", "/%F0"] { _ = try await api.get(path) }
      }
      let text = Exposition.text(fixture.registry)
      #expect(text.contains(#"frame_http_requests_total{code="200",method="GET",route="/api/v1/agents/{name}"} 1"#))
      #expect(text.contains(#"frame_http_requests_total{code="404",method="GET",route="/api/v1/agents/{name}"} 3"#))
      #expect(text.contains(#"frame_http_requests_total{code="404",method="GET",route="unrouted"} 3"#))
      #expect(text.contains("\nframe_http_in_flight_requests 0\n"))
      #expect(!text.contains("zebedee"))
    }
  }

  // MARK: - Helpers

  private static func files(in folder: String) throws -> [(name: String, text: String)] {
    let base = root.appendingPathComponent(folder)
    let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
    return try paths.filter { path in [".yaml", ".yml", ".json", ".md"].contains { path.hasSuffix($0) } }.map {
      ("\(folder)/\($0)", try String(contentsOf: base.appendingPathComponent($0), encoding: .utf8))
    }
  }

  /// Words that begin with `frame_`; parts of recording rules' names (with colons) are not metrics of ours, nor are names
  /// that a text leaves open (`frame_bridge_*`).
  private static func metrics(in text: String) -> Set<String> {
    let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" || $0 == "*")) }
    return Set(
      words.filter { $0.hasPrefix("frame_") && !$0.contains(":") && !$0.contains("*") && !$0.hasSuffix("_") }.map(
        String.init))
  }

  private static func run(_ command: String) async throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    return try await withCheckedThrowingContinuation { continuation in
      // Reads and waits on a thread of its own.
      Thread.detachNewThread {
        do {
          try process.run()
          let data = output.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(returning: (process.terminationStatus, String(decoding: data, as: UTF8.self)))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }
}
