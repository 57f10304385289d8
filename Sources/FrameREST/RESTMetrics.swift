import FrameCore
import FrameIdentity
import FrameLedger
import FrameMetrics
import HTTPTypes

/// Requests of the REST API, by route template (never by raw path).
package struct APIMetrics: Sendable {
  let inFlight: Gauge
  private let requests: CounterFamily
  private let durations: HistogramFamily

  package init(_ registry: MetricRegistry) {
    inFlight = registry.gauge("frame_http_in_flight_requests", help: "API requests being served now.")
    inFlight.set(0)
    requests = registry.counter(
      "frame_http_requests_total", help: "API requests by route template, method and status code.",
      labels: ["route", "method", "code"])
    durations = registry.histogram(
      "frame_http_request_duration_seconds", help: "Time to answer an API request, by route template.",
      buckets: .latency, labels: ["route"])
  }

  func route(_ route: String, method: String) -> RouteMetrics {
    RouteMetrics(route: route, method: method, requests: requests, duration: durations.with(route))
  }
}

/// One route's instruments, looked up once.
struct RouteMetrics: Sendable {
  let route: String
  let method: String
  let requests: CounterFamily
  let duration: Histogram

  func record(code: Int, seconds: Double) {
    requests.with(route, method, String(code)).increment()
    duration.observe(seconds)
  }
}

/// Requests for the log's checkpoint, hash tiles and entry bundles.
package struct TileMetrics: Sendable {
  let checkpoint: KindMetrics
  let hashes: KindMetrics
  let entries: KindMetrics

  package init(_ registry: MetricRegistry) {
    let requests = registry.counter(
      "frame_log_tile_requests_total", help: "Requests for the log's checkpoint, hash tiles and entry bundles.",
      labels: ["kind", "code"])
    checkpoint = KindMetrics(kind: "checkpoint", requests: requests)
    hashes = KindMetrics(kind: "hashes", requests: requests)
    entries = KindMetrics(kind: "entries", requests: requests)
  }
}

/// What the node says of its operators.
package struct OperatorMetrics: Sendable {
  let operators: GaugeFamily
  let refusals: CounterFamily
  let licenceExpiry: GaugeFamily
  let cutConnections: Counter

  package init(_ registry: MetricRegistry) {
    operators = registry.gauge("frame_operators", help: "Operators by where they stand.", labels: ["state"])
    refusals = registry.counter(
      "frame_operator_refusals_total", help: "Refused calls of operators and their agents by reason.",
      labels: ["reason"])
    licenceExpiry = registry.gauge(
      "frame_operator_licence_expiry_timestamp_seconds",
      help: "When the licence of the operator expires; only of operators that are not removed.", unit: .seconds,
      labels: ["operator"])
    cutConnections = registry.counter(
      "frame_operator_cut_connections_total",
      help: "Connections through the SNI router that were ended because their operator was suspended or removed.")
    for standing in OperatorStanding.allCases { operators.with(standing.rawValue).set(0) }
    for reason in OperatorError.refusalCodes { _ = refusals.with(reason) }
  }
}

/// The answers of one kind of request.
package struct KindMetrics: Sendable {
  let kind: String
  let requests: CounterFamily

  init(kind: String, requests: CounterFamily) {
    self.kind = kind
    self.requests = requests
    _ = requests.with(kind, "200")
  }

  func record(code: Int) { requests.with(kind, String(code)).increment() }
}

extension APIMetrics {
  private static let commonMethods: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete, .options]

  /// Requests that no route takes: the path and the method are the caller's invention, so neither becomes a label.
  func unrouted(_ method: HTTPRequest.Method) -> RouteMetrics {
    route("unrouted", method: Self.commonMethods.contains(method) ? method.rawValue : "other")
  }
}
