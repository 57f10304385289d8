import Synchronization

/// Answers scrapes of one registry; an HTTP server only carries requests and responses.
///
/// Answering is synchronous and takes as long as the collectors and the rendering do: milliseconds. A server whose
/// threads must not wait that long calls it on a thread pool.
package final class ExpositionHandler: Sendable {
  package struct Limits: Sendable {
    /// Scrapes answered at the same time; more get 503.
    package var inFlightMax = 8
    /// `name[]` values in one request; more get 400.
    package var namesMax = 100
    /// Kept from the scraper's timeout for rendering and the way back.
    package var timeoutOffset: Duration = .milliseconds(250)

    package init() {}
  }

  private static let statuses = [200, 400, 405, 500, 503]
  private static let scrapeTimeoutMax = 3_600.0

  private let registry: MetricRegistry
  private let limits: Limits
  private let inFlight = Atomic<Int>(0)
  private let requests: [Int: Counter]
  private let inFlightGauge: Gauge
  private let encodingErrors: Counter

  package init(_ registry: MetricRegistry, limits: Limits = Limits()) {
    self.registry = registry
    self.limits = limits
    let requests = registry.counter(
      "promhttp_metric_handler_requests_total", help: "Total number of scrapes by HTTP status code.", labels: ["code"])
    self.requests = Dictionary(uniqueKeysWithValues: Self.statuses.map { ($0, requests.with(String($0))) })
    inFlightGauge = registry.gauge(
      "promhttp_metric_handler_requests_in_flight", help: "Current number of scrapes being served.")
    let errors = registry.counter(
      "promhttp_metric_handler_errors_total",
      help: "Total number of internal errors encountered by the promhttp metric handler.", labels: ["cause"])
    encodingErrors = errors.with("encoding")
    _ = errors.with("gathering")
  }

  package func respond(to request: ExpositionRequest) -> ExpositionResponse {
    let response = answer(request)
    requests[response.status]?.increment()
    guard request.method == "HEAD" else { return response }
    return ExpositionResponse(
      status: response.status, headers: response.headers, body: [], contentLength: response.contentLength)
  }

  private func answer(_ request: ExpositionRequest) -> ExpositionResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      return refusal(405, "Metrics are read with GET or HEAD.", [("Allow", "GET, HEAD")])
    }
    guard request.names.count <= limits.namesMax else {
      return refusal(400, "At most \(limits.namesMax) name[] parameters are allowed, not \(request.names.count).")
    }
    let current = inFlight.wrappingAdd(1, ordering: .relaxed).newValue
    defer { inFlight.wrappingSubtract(1, ordering: .relaxed) }
    guard current <= limits.inFlightMax else {
      return refusal(
        503, "Limit of concurrent requests reached (\(limits.inFlightMax)), try again later.", [("Retry-After", "1")])
    }
    inFlightGauge.increment()
    defer { inFlightGauge.decrement() }
    return scrape(request)
  }

  private func scrape(_ request: ExpositionRequest) -> ExpositionResponse {
    let format = ExpositionFormat.negotiate(accept: request.accept)
    var families = registry.collect(budget: budget(request.scrapeTimeout))
    if !request.names.isEmpty {
      let names = Set(request.names)
      families.removeAll { family in
        !names.contains(family.descriptor.name)
          && names.isDisjoint(with: MetricName.claims(family.descriptor.name, family.descriptor.type))
      }
    }
    let body = ExpositionWriter.write(families, format)
    var headers = [("Content-Type", format.contentType), ("Vary", "Accept, Accept-Encoding")]
    if acceptsGzip(request.acceptEncoding) {
      if let compressed = Gzip.compress(body) {
        headers.append(("Content-Encoding", "gzip"))
        return response(200, headers, compressed)
      }
      encodingErrors.increment()
    }
    return response(200, headers, body)
  }

  /// What of the scraper's timeout is left for the collectors; nil when it names none, or nonsense.
  private func budget(_ header: String?) -> Duration? {
    guard let seconds = header.flatMap(Double.init), seconds > 0, seconds <= Self.scrapeTimeoutMax else { return nil }
    return max(.seconds(seconds) - limits.timeoutOffset, .zero)
  }

  private func acceptsGzip(_ header: String?) -> Bool {
    let codings = HeaderList.parse(header ?? "")
    let named = codings.first { $0.value == "gzip" || $0.value == "x-gzip" } ?? codings.first { $0.value == "*" }
    return named.map { $0.quality > 0 } ?? false
  }

  private func refusal(_ status: Int, _ text: String, _ extra: [(String, String)] = []) -> ExpositionResponse {
    response(status, [("Content-Type", "text/plain; charset=utf-8")] + extra, Array((text + "\n").utf8))
  }

  private func response(_ status: Int, _ headers: [(String, String)], _ body: [UInt8]) -> ExpositionResponse {
    ExpositionResponse(
      status: status, headers: headers.map { (name: $0.0, value: $0.1) }, body: body, contentLength: body.count)
  }
}
