import CoreMetrics
import Foundation
import FrameMetrics
import Testing

/// The exposition as read by programs that are not ours.
@Suite("Outside readers")
struct OutsideReaderTests {
  private static func registry() -> MetricRegistry {
    let registry = populatedRegistry()
    registry.buildInfo(["version": "0.1.0"])
    let histogram = registry.histogram("frame_test_exemplar_seconds", help: "Exemplars.", buckets: [0.5, 1])
    histogram.observe(0.7, exemplar: Exemplar([("transfer_id", "t-1")], value: 0.7, timestamp: 1_700_000_000.5))
    registry.counter("frame_test_exemplars_total", help: "Exemplars.")
      .increment(exemplar: Exemplar([("transfer_id", "t1")], value: 1))
    let factory = SwiftMetricsBackend(registry)
    for label in ["hb.requests", "request.duration.ms", "jobs.count", "sizeInMB", "uptime minutes", "9lives"] {
      CoreMetrics.Counter(label: label, factory: factory).increment()
      CoreMetrics.Meter(label: label, factory: factory).set(1)
      CoreMetrics.Timer(label: label, factory: factory).recordSeconds(1)
      CoreMetrics.Recorder(label: label, factory: factory).record(3)
    }
    return registry
  }

  private func scrape(accept: String?) throws -> [UInt8] {
    let registry = Self.registry()
    try registry.validate()
    let handler = ExpositionHandler(registry)
    _ = handler.respond(to: ExpositionRequest())
    return handler.respond(to: ExpositionRequest(accept: accept)).body
  }

  @Test("O6: promtool check metrics finds nothing to say")
  func promtool() throws {
    let result = try run("/usr/bin/promtool", ["check", "metrics"], input: try scrape(accept: nil))
    #expect(result.status == 0, "\(result.output)")
    #expect(result.output == "")
  }

  @Test("O6: prometheus_client's OpenMetrics parser reads what we wrote")
  func openMetricsParser() throws {
    let script = """
      import json, sys
      from prometheus_client.openmetrics.parser import text_string_to_metric_families
      text = sys.stdin.buffer.read().decode("utf-8")
      families = list(text_string_to_metric_families(text))
      print(json.dumps([[f.name, f.type, f.unit, f.documentation,
        [[s.name, s.labels, repr(s.value), s.exemplar.labels if s.exemplar else None] for s in f.samples]]
        for f in families]))
      """
    let python = ProcessInfo.processInfo.environment["FRAME_TEST_PYTHON"] ?? "python3"
    let body = try scrape(accept: NegotiationTests.prometheus2)
    let result = try run("/usr/bin/env", [python, "-c", script], input: body)
    try #require(result.status == 0, "\(result.output)")
    let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[Any]])
    let ours = try ExpositionParser(body, openMetrics: true)
    #expect(json.compactMap { $0[0] as? String } == ours.families)
    #expect(json.reduce(0) { $0 + (($1[4] as? [[Any]])?.count ?? 0) } == ours.samples.count)
    func family(_ name: String) throws -> [Any] { try #require(json.first { $0[0] as? String == name }) }
    let events = try family("frame_test_events")
    #expect(events[1] as? String == "counter")
    #expect(events[3] as? String == "Events with \"quotes\", a \\ and\na second line.")
    let wait = try family("frame_test_exemplar_seconds")
    #expect(wait[2] as? String == "seconds")
    let samples = try #require(wait[4] as? [[Any]])
    #expect((samples[1][3] as? [String: String]) == ["transfer_id": "t-1"])
    let transfers = try #require(try family("frame_test_transfers")[4] as? [[Any]])
    let peers = transfers.compactMap { ($0[1] as? [String: String])?["peer"] }
    #expect(peers.contains("quote \" back \\ line \n end"))
    #expect(try family("frame_test_treaty_state")[1] as? String == "stateset")
    #expect(try family("frame_build")[1] as? String == "info")
  }

  /// Runs a program to its end with `input` on its standard input; output and errors come together.
  private func run(_ path: String, _ arguments: [String], input: [UInt8]) throws -> (status: Int32, output: String) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-metrics-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("input")
    try Data(input).write(to: source)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: source)
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}
