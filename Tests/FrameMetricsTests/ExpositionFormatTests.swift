import FrameMetrics
import FrameTesting
import Testing

@Suite("Exposition")
struct ExpositionFormatTests {
  private func text(_ registry: MetricRegistry, _ format: ExpositionFormat = .text) -> String {
    let families = registry.collect().filter { $0.descriptor.name.hasPrefix("frame_test_") }
    return String(decoding: ExpositionWriter.write(families, format), as: UTF8.self)
  }

  private func small() -> MetricRegistry {
    let registry = MetricRegistry()
    let transfers = registry.counter(
      "frame_test_transfers_total", help: "A \"b\" \\ c\nd", labels: ["peer", "backend"])
    transfers.with("b", "2pc").increment(by: 2)
    transfers.with("a\"\\\n", "async").increment(by: 0.5)
    let wait = registry.histogram("frame_test_wait_seconds", help: "Wait.", buckets: [0.5, 1])
    wait.observe(1, exemplar: Exemplar([("transfer_id", "t1")], value: 1, timestamp: 1.5))
    wait.observe(7)
    let state = registry.stateSet("frame_test_state", help: "State.", states: ["on", "off"], labels: ["peer"])
    state.with("b").set("off")
    registry.info("frame_test_info", help: "Info.", ["version": "1"])
    return registry
  }

  @Test("O1: text 0.0.4 has TYPE first, sorted families and series, escaped values, le as 1.0, +Inf equal to _count")
  func textFormat() {
    #expect(
      text(small()) == """
        # TYPE frame_test_info gauge
        # HELP frame_test_info Info.
        frame_test_info{version="1"} 1
        # TYPE frame_test_state gauge
        # HELP frame_test_state State.
        frame_test_state{peer="b",frame_test_state="on"} 0
        frame_test_state{peer="b",frame_test_state="off"} 1
        # TYPE frame_test_transfers_total counter
        # HELP frame_test_transfers_total A "b" \\\\ c\\nd
        frame_test_transfers_total{backend="2pc",peer="b"} 2
        frame_test_transfers_total{backend="async",peer="a\\"\\\\\\n"} 0.5
        # TYPE frame_test_wait_seconds histogram
        # HELP frame_test_wait_seconds Wait.
        frame_test_wait_seconds_bucket{le="0.5"} 0
        frame_test_wait_seconds_bucket{le="1.0"} 1
        frame_test_wait_seconds_bucket{le="+Inf"} 2
        frame_test_wait_seconds_sum 8.0
        frame_test_wait_seconds_count 2

        """)
  }

  @Test("O2: OpenMetrics has TYPE, UNIT, HELP in order, no _total in TYPE, exemplars on buckets, and ends in EOF")
  func openMetricsFormat() {
    #expect(
      text(small(), .openMetrics) == """
        # TYPE frame_test info
        # HELP frame_test Info.
        frame_test_info{version="1"} 1
        # TYPE frame_test_state stateset
        # HELP frame_test_state State.
        frame_test_state{peer="b",frame_test_state="on"} 0
        frame_test_state{peer="b",frame_test_state="off"} 1
        # TYPE frame_test_transfers counter
        # HELP frame_test_transfers A \\"b\\" \\\\ c\\nd
        frame_test_transfers_total{backend="2pc",peer="b"} 2
        frame_test_transfers_total{backend="async",peer="a\\"\\\\\\n"} 0.5
        # TYPE frame_test_wait_seconds histogram
        # UNIT frame_test_wait_seconds seconds
        # HELP frame_test_wait_seconds Wait.
        frame_test_wait_seconds_bucket{le="0.5"} 0
        frame_test_wait_seconds_bucket{le="1.0"} 1 # {transfer_id="t1"} 1.0 1.5
        frame_test_wait_seconds_bucket{le="+Inf"} 2
        frame_test_wait_seconds_sum 8.0
        frame_test_wait_seconds_count 2
        # EOF

        """)
  }

  @Test("O1: infinities and NaN are spelled +Inf, -Inf, NaN, and integers beyond 2^53 are written exactly")
  func specialValues() throws {
    let registry = populatedRegistry()
    let parsed = try ExpositionParser(ExpositionWriter.write(registry.collect(), .text), openMetrics: false)
    #expect(parsed.value("frame_test_limit_ratio", ["kind": "up"]) == "+Inf")
    #expect(parsed.value("frame_test_limit_ratio", ["kind": "down"]) == "-Inf")
    #expect(parsed.value("frame_test_limit_ratio", ["kind": "none"]) == "NaN")
    #expect(parsed.value("frame_test_limit_ratio", ["kind": "small"]) == "1e-09")
    #expect(parsed.value("frame_test_limit_ratio", ["kind": "negative"]) == "-3")
    #expect(parsed.value("frame_test_supply_minor_units") == "9223372036854775807")
  }

  @Test("O1: two readings of the same state are identical, whatever the order in which series came to be")
  func determinism() {
    #expect(text(populatedRegistry()) == text(populatedRegistry()))
    let peers = (0..<50).map { "frame-\($0).example" }
    func exposition(_ peers: [String]) -> String {
      let registry = MetricRegistry()
      let family = registry.gauge("frame_test_lag_events", help: "Lag.", labels: ["peer"])
      for peer in peers { family.with(peer).set(peer.utf8.count) }
      return text(registry, .openMetrics)
    }
    #expect(exposition(peers) == exposition(peers.reversed()))
  }

  @Test("O5: no sample occurs twice and every sample stands in its family's group", arguments: [false, true])
  func duplicates(openMetrics: Bool) throws {
    let registry = populatedRegistry()
    _ = ExpositionHandler(registry)
    let parsed = try ExpositionParser(
      ExpositionWriter.write(registry.collect(), openMetrics ? .openMetrics : .text), openMetrics: openMetrics)
    #expect(parsed.samples.count > 60)
    #expect(parsed.families == parsed.families.sorted())
    #expect(parsed.helps.count == parsed.types.count)
    #expect(parsed.value("frame_metrics_series") == String(parsed.samples.count))
  }

  @Test("O5: any label value survives escaping, quotes, backslashes and line feeds above all")
  func escapingProperty() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    let alphabet: [Unicode.Scalar] = [
      "\"", "\\", "\n", "n", "a", "{", "}", ",", "=", " ", "#", "\u{301}", "é", "😱", "\t",
    ]
    let registry = MetricRegistry()
    let family = registry.gauge("frame_test_value", help: "Value.", labels: ["a", "b"])
    var expected: [String: String] = [:]
    for index in 0..<500 {
      var value = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        value.append(alphabet.randomElement(using: &random) ?? "a")
      }
      family.with(String(index), String(value)).set(index)
      expected[String(index)] = String(value)
    }
    for openMetrics in [false, true] {
      let body = ExpositionWriter.write(registry.collect(), openMetrics ? .openMetrics : .text)
      let parsed = try ExpositionParser(body, openMetrics: openMetrics)
      let samples = parsed.samples.filter { $0.name == "frame_test_value" }
      #expect(samples.count == 500, "seed \(seed)")
      for sample in samples {
        let index = try #require(sample["a"])
        #expect(Array((sample["b"] ?? "?").utf8) == Array((expected[index] ?? "!").utf8), "seed \(seed)")
      }
    }
  }

  @Test("O2: exemplars over 128 code points or with bad labels do not come to be")
  func exemplarLimits() {
    #expect(Exemplar([("id", String(repeating: "x", count: 126))], value: 1) != nil)
    #expect(Exemplar([("id", String(repeating: "x", count: 127))], value: 1) == nil)
    #expect(Exemplar([("9", "x")], value: 1) == nil)
    #expect(Exemplar([("a", "x"), ("a", "y")], value: 1) == nil)
  }

  @Test("O4: names are escaped as prometheus/common does in each scheme")
  func escapingSchemes() {
    let cases: [(String, underscores: String, dots: String, values: String)] = [
      ("", "", "", ""),
      ("no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"),
      (
        "mysystem.prod.west.cpu.load_total", "mysystem_prod_west_cpu_load_total",
        "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total", "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total"
      ),
      ("http.status:sum", "http_status:sum", "http_dot_status:sum", "U__http_2e_status:sum"),
      ("label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"),
      ("花火", "__", "____", "U___82b1__706b_"),
    ]
    for (name, underscores, dots, values) in cases where !name.isEmpty {
      #expect(NameEscaping.underscores.escape(name) == underscores)
      #expect(NameEscaping.dots.escape(name) == dots)
      #expect(NameEscaping.values.escape(name) == values)
      #expect(NameEscaping.allowUTF8.escape(name) == name)
    }
    let dotted = text(small(), ExpositionFormat(.text, version: "1.0.0", escaping: .dots))
    #expect(dotted.contains("frame__test__transfers_total{backend=") && !dotted.contains("frame_test_"))
  }
}
