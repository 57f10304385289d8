import FrameMetrics
import Synchronization
import Testing

@Suite("Registry")
struct RegistryTests {
  let registry = MetricRegistry()

  @Test("O5: a clash of type, labels or derived names is recorded, and the clashing instrument works detached")
  func clashes() throws {
    let first = registry.counter("frame_test_events_total", help: "Events.")
    #expect(registry.counter("frame_test_events_total", help: "Events.") === first)
    try registry.validate()
    let labelled = registry.counter("frame_test_events_total", help: "Events.", labels: ["peer"])
    labelled.with("b").increment()
    #expect(labelled.with("b").value == 1)
    _ = registry.gauge("frame_test_events", help: "Same family name in OpenMetrics.")
    _ = registry.histogram("frame_test_wait_seconds", help: "Wait.")
    _ = registry.gauge("frame_test_wait_seconds", help: "Wait.")
    let error = #expect(throws: MetricError.self) { try registry.validate() }
    guard case .several(let errors) = error else {
      Issue.record("expected several errors, got \(String(describing: error))")
      return
    }
    #expect(errors.map(\.code) == ["metric_clash", "metric_clash", "metric_clash"])
    #expect(errors[0].message.contains("frame_test_events_total"))
    let parsed = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
    #expect(parsed.value("frame_test_events_total") == "0")
    #expect(parsed.value("frame_test_events_total", ["peer": "b"]) == nil)
  }

  @Test(
    "O5, O6: names and labels that break the rules are recorded",
    arguments: [
      ("frame_test", "metric_invalid_name"), ("Frame_test_total", "metric_invalid_name"),
      ("9_total", "metric_invalid_name"), ("frame:test_total", "metric_invalid_name"), ("", "metric_invalid_name"),
      ("frame_histogram_test_total", "metric_invalid_name"), ("frame_test_ms_total", "metric_invalid_name"),
      ("frame_test_milliseconds_total", "metric_invalid_name"), ("frame_test_count_total", "metric_invalid_name"),
    ])
  func badNames(name: String, code: String) {
    registry.counter(name, help: "Bad.").increment()
    let error = #expect(throws: MetricError.self) { try registry.validate() }
    #expect(error?.code == code)
  }

  @Test("O5: bad labels, missing help, wrong units and bad buckets are recorded")
  func badDeclarations() {
    func code(_ declare: (MetricRegistry) -> Void) -> String? {
      let registry = MetricRegistry()
      declare(registry)
      do throws(MetricError) {
        try registry.validate()
        return nil
      } catch {
        #expect(!error.remedy.isEmpty && !error.message.isEmpty)
        return error.code
      }
    }
    for label in ["", "le", "quantile", "__name", "Peer", "a-b", "9"] {
      #expect(code { _ = $0.gauge("frame_a", help: "A.", labels: [label]) } == "metric_invalid_label")
    }
    #expect(code { _ = $0.gauge("frame_a", help: "A.", labels: ["x", "x"]) } == "metric_invalid_label")
    #expect(code { _ = $0.gauge("frame_a", help: "") } == "metric_missing_help")
    #expect(code { _ = $0.gauge("frame_a", help: "A.", unit: .seconds) } == "metric_invalid_name")
    #expect(code { _ = $0.gauge("frame_a_total", help: "A.") } == "metric_invalid_name")
    #expect(code { $0.info("frame_a", help: "A.", ["x": "y"]) } == "metric_invalid_name")
    for buckets in [[], [1, 1], [2, 1], [1, .infinity], [.nan]] as [Buckets] {
      #expect(
        code { $0.histogram("frame_a_seconds", help: "A.", buckets: buckets).observe(1) } == "metric_invalid_buckets")
    }
    #expect(
      code { _ = $0.stateSet("frame_a", help: "A.", states: ["x"], labels: ["frame_a"]) } == "metric_invalid_label")
  }

  @Test("the catalog lists name, type, unit, help and labels, sorted")
  func catalog() {
    _ = registry.histogram("frame_test_wait_seconds", help: "Wait.", labels: ["peer", "phase"])
    _ = registry.counter("frame_test_sent_bytes_total", help: "Sent.")
    let catalog = registry.catalog().filter { $0.name.hasPrefix("frame_test_") }
    #expect(catalog.map(\.name) == ["frame_test_sent_bytes_total", "frame_test_wait_seconds"])
    #expect(catalog.map(\.type) == [.counter, .histogram])
    #expect(catalog.map { $0.unit?.name } == ["bytes", "seconds"])
    #expect(catalog.map(\.labels) == [[], ["peer", "phase"]])
  }

  @Test("O8: lookups beyond a family's limit share a hidden child and are counted")
  func labelLimit() throws {
    let family = registry.counter("frame_test_calls_total", help: "Calls.", labels: ["peer"], limit: 3)
    for index in 0..<10 { family.with("peer-\(index)").increment() }
    family.with("peer-1").increment()
    family.with("too", "many").increment()
    family.with(String(repeating: "x", count: 2_000)).increment()
    let parsed = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
    #expect(parsed.samples.filter { $0.name == "frame_test_calls_total" }.count == 3)
    #expect(parsed.value("frame_test_calls_total", ["peer": "peer-1"]) == "2")
    #expect(parsed.value("frame_metrics_dropped_lookups_total", ["metric": "frame_test_calls_total"]) == "9")
    family.removeAll()
    family.with("peer-9").increment()
    let after = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
    #expect(after.value("frame_test_calls_total", ["peer": "peer-9"]) == "1")
  }

  @Test("O8: collector callbacks run at each scrape; durations and errors are published from zero on")
  func collectors() throws {
    struct Failure: Error {}
    let depth = registry.gauge("frame_test_depth", help: "Depth.")
    registry.onCollect("ledger") { _ in depth.increment() }
    registry.onCollect("broken") { _ in throw Failure() }
    func errors() throws -> String? {
      let parsed = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
      #expect(parsed.value("frame_metrics_collector_duration_seconds", ["collector": "ledger"]) != nil)
      #expect(parsed.value("frame_metrics_collector_errors_total", ["collector": "ledger", "reason": "failed"]) == "0")
      return parsed.value("frame_metrics_collector_errors_total", ["collector": "broken", "reason": "failed"])
    }
    #expect(try errors() == "1")
    #expect(try errors() == "2")
    #expect(depth.value == 2)
  }

  @Test("a gauge declared absent is left out until it is set, and again when cleared")
  func absent() {
    let gauge = registry.gauge("frame_test_last_success_timestamp_seconds", help: "Last.", absent: true)
    func isExposed() -> Bool { registry.collect().contains { $0.descriptor.name.hasPrefix("frame_test_") } }
    #expect(!isExposed())
    gauge.set(1)
    #expect(isExposed())
    gauge.clear()
    #expect(!isExposed())
  }

  @Test("an info's changed fact replaces the old series, and a peer's series go together")
  func replacing() throws {
    let pins = registry.info("frame_test_pin_info", help: "Pins.", labels: ["peer", "expected"])
    pins.replace("b", "one", keys: 1)
    pins.replace("c", "one", keys: 1)
    pins.replace("b", "two", keys: 1)
    let lag = registry.gauge("frame_test_lag_events", help: "Lag.", labels: ["kind", "peer"])
    lag.with("x", "b").set(1)
    lag.with("y", "b").set(1)
    lag.with("x", "c").set(1)
    lag.removeAll("peer", "b")
    let parsed = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
    #expect(
      parsed.samples.filter { $0.name == "frame_test_pin_info" }.map(\.labels) == [
        [["expected", "one"], ["peer", "c"]], [["expected", "two"], ["peer", "b"]],
      ])
    #expect(parsed.samples.filter { $0.name == "frame_test_lag_events" }.count == 1)
  }

  @Test("a state set has one state on, or several when set one by one")
  func states() {
    let states = registry.stateSet("frame_test_state", help: "State.", states: ["a", "b", "c"])
    states.set("a")
    states.set("b")
    #expect(!states.isOn("a") && states.isOn("b"))
    states.set("c", true)
    #expect(states.isOn("b") && states.isOn("c"))
    states.set("b", false)
    #expect(!states.isOn("b") && states.isOn("c"))
  }
}
