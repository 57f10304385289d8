import CoreMetrics
import Testing

@testable import FrameMetrics

@Suite("swift-metrics backend")
struct SwiftMetricsBackendTests {
  private typealias LibraryMeter = CoreMetrics.Meter

  let registry = MetricRegistry()

  private func parse() throws -> ExpositionParser {
    try ExpositionParser(ExpositionWriter.write(registry.collect(), .openMetrics), openMetrics: true)
  }

  @Test("libraries' counters, timers, meters and recorders land in the registry under valid names and base units")
  func mapping() throws {
    let factory = SwiftMetricsBackend(registry)
    let dimensions = [("http.request.method", "GET"), ("le", "x")]
    CoreMetrics.Counter(label: "hb.requests", dimensions: dimensions, factory: factory).increment(by: 3)
    CoreMetrics.Counter(label: "hb.requests", dimensions: dimensions, factory: factory).increment()
    CoreMetrics.Counter(label: "hb.requests", dimensions: [], factory: factory).increment()
    FloatingPointCounter(label: "energy", factory: factory).increment(by: 0.5)
    Meter(label: "http.server.active_requests", factory: factory).set(7)
    CoreMetrics.Gauge(label: "poolSize", factory: factory).record(2)
    CoreMetrics.Timer(label: "http.server.request.duration", factory: factory).recordMilliseconds(250)
    CoreMetrics.Recorder(label: "wait.ms", factory: factory).record(500)
    let parsed = try parse()
    let labels = ["http_request_method": "GET", "label_le": "x"]
    #expect(parsed.value("swift_hb_requests_total", labels) == "4")
    #expect(parsed.value("swift_hb_requests_total") == "1")
    #expect(parsed.value("swift_energy_total") == "0.5")
    #expect(parsed.value("swift_http_server_active_requests") == "7")
    #expect(parsed.value("swift_pool_size") == "2")
    #expect(parsed.value("swift_http_server_request_duration_seconds_sum") == "0.25")
    #expect(parsed.value("swift_wait_seconds_sum") == "0.5")
    #expect(parsed.helps["swift_hb_requests"]?.contains("hb.requests") == true)
    try registry.validate()
  }

  @Test("two libraries' metrics of one name and different kinds both stay visible")
  func clashes() throws {
    let factory = SwiftMetricsBackend(registry)
    CoreMetrics.Counter(label: "jobs", factory: factory).increment()
    Meter(label: "jobs", factory: factory).set(5)
    CoreMetrics.Recorder(label: "jobs", factory: factory).record(9)
    CoreMetrics.Timer(label: "jobs", factory: factory).recordSeconds(1)
    let parsed = try parse()
    #expect(parsed.value("swift_jobs_total") == "1")
    #expect(parsed.value("swift_jobs_level") == "5")
    #expect(parsed.value("swift_jobs_distribution_count") == "1")
    #expect(parsed.value("swift_jobs_seconds_count") == "1")
    try registry.validate()
  }

  @Test("a destroyed metric leaves the exposition, and a reset counter starts from zero")
  func destroying() throws {
    let factory = SwiftMetricsBackend(registry)
    let counter = CoreMetrics.Counter(label: "jobs", dimensions: [("queue", "a")], factory: factory)
    counter.increment()
    counter.reset()
    #expect(try parse().value("swift_jobs_total", ["queue": "a"]) == "0")
    counter.destroy()
    #expect(try parse().value("swift_jobs_total", ["queue": "a"]) == nil)
  }

  @Test(
    "any label becomes a name that keeps our rules",
    arguments: [
      "", "...", "9lives", "http.server.request.duration.ms", "request_count", "total", "a.total", "foo-bar/baz",
      "Counter", "my.counter.histogram", "queue.h", "s", "sizeInMB", "größe", "x_info", "uptime minutes",
      "minutes.idle",
      "veryLong" + String(repeating: "Word", count: 100), "a__b", "_private", "HTTPRequests",
    ])
  func sanitising(label: String) {
    let name = LibraryName(label, prefix: "swift_").base
    for (metric, type) in [(name + "_total", MetricType.counter), (name, .gauge), (name, .histogram)] {
      #expect(MetricName.problem(metric: metric, type: type, unit: nil, labels: []) == nil, "\(metric)")
    }
    let timer = LibraryName.seconds(label, prefix: "swift_")
    #expect(MetricName.problem(metric: timer, type: .histogram, unit: .seconds, labels: []) == nil, "\(timer)")
    for (label, _) in LibraryName.labels([(label, "x"), ("le", "y")]) {
      #expect(MetricName.isValidLabel(label), "\(label)")
    }
  }
}
