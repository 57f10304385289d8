import CFrameZlib
import FrameMetrics
import Testing

@Suite("Scrapes")
struct NegotiationTests {
  static let prometheus2 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
  static let protobufFirst =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    + "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
  static let prometheus3 =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    + "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
  static let prometheus3Underscores =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=underscores;"
    + "q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
    + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=underscores;q=0.3,"
    + "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
  static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  static let text = "text/plain; version=0.0.4; charset=utf-8"

  @Test(
    "O4: the format is the best that Accept allows",
    arguments: [
      (nil, text), ("", text), (prometheus2, openMetrics), (protobufFirst, openMetrics),
      (prometheus3, openMetrics + "; escaping=allow-utf-8"),
      (prometheus3Underscores, openMetrics + "; escaping=underscores"),
      ("text/plain;version=0.0.4;q=1,*/*;q=0.1", text),
      (
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5",
        "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
      ),
      ("text/plain; version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
      ("application/openmetrics-text;version=0.0.1", "application/openmetrics-text; version=0.0.1; charset=utf-8"),
      (
        "application/openmetrics-text;version=0.0.1;q=0.9,application/openmetrics-text;version=1.0.0;q=0.2",
        "application/openmetrics-text; version=0.0.1; charset=utf-8"
      ),
      ("application/openmetrics-text; version=\"1.0.0\" ; q=0.7 , text/plain;q=0.6", openMetrics),
      ("APPLICATION/OpenMetrics-Text;Version=1.0.0", openMetrics),
      ("application/openmetrics-text;version=2.0.0", text),
      ("application/openmetrics-text;q=0, text/plain;q=0.1", text),
      ("application/openmetrics-text;q=nonsense,*/*;q=0.1", text),
      ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", text),
      ("application/json", text), (",;=,;;q=,\"", text),
      ("text/plain;version=1.0.0;escaping=unheard-of", "text/plain; version=1.0.0; charset=utf-8"),
    ])
  func negotiation(accept: String?, contentType: String) {
    #expect(ExpositionFormat.negotiate(accept: accept).contentType == contentType)
  }

  let registry = populatedRegistry()

  @Test("O4: a body is compressed only if gzip is accepted, and says what it varies by")
  func gzip() throws {
    let handler = ExpositionHandler(registry)
    for accepted in ["gzip", "deflate, gzip;q=0.5", "*", "GZIP", "x-gzip"] {
      let response = handler.respond(to: ExpositionRequest(acceptEncoding: accepted))
      #expect(response[header: "content-encoding"] == "gzip")
      #expect(response[header: "Vary"] == "Accept, Accept-Encoding")
      let text = try #require(inflate(response.body))
      let parsed = try ExpositionParser(text, openMetrics: false)
      #expect(parsed.value("frame_test_events_total") == "7")
      #expect(response.body.count < text.count / 3)
    }
    for refused in [nil, "", "identity", "gzip;q=0", "gzip;q=0, *", "br"] {
      let response = handler.respond(to: ExpositionRequest(acceptEncoding: refused))
      #expect(response[header: "Content-Encoding"] == nil)
      #expect(response[header: "Vary"] == "Accept, Accept-Encoding")
    }
  }

  @Test("O4: HEAD has the headers of GET and no body; other methods are refused")
  func methods() {
    let handler = ExpositionHandler(registry)
    let head = handler.respond(to: ExpositionRequest(method: "HEAD", accept: Self.prometheus2))
    #expect(head.status == 200 && head.body.isEmpty && head.contentLength > 1_000)
    #expect(head[header: "Content-Type"] == Self.openMetrics)
    let post = handler.respond(to: ExpositionRequest(method: "POST"))
    #expect(post.status == 405 && post[header: "Allow"] == "GET, HEAD")
  }

  @Test("O4: name[] selects families by family or sample name, and its number is capped")
  func filter() throws {
    let handler = ExpositionHandler(registry)
    let names = ExpositionRequest.names(
      inQuery: "name[]=frame_test_events_total&name%5B%5D=frame_test_commit_duration_seconds_bucket&x=1&name[]=a%2Bb+c")
    #expect(names == ["frame_test_events_total", "frame_test_commit_duration_seconds_bucket", "a+b c"])
    let response = handler.respond(to: ExpositionRequest(accept: Self.prometheus2, names: names))
    let parsed = try ExpositionParser(response.body, openMetrics: true)
    #expect(parsed.families == ["frame_test_commit_duration_seconds", "frame_test_events"])
    let none = handler.respond(to: ExpositionRequest(accept: Self.prometheus2, names: ["unknown"]))
    #expect(String(decoding: none.body, as: UTF8.self) == "# EOF\n")
    let many = handler.respond(to: ExpositionRequest(names: Array(repeating: "x", count: 101)))
    #expect(many.status == 400)
  }

  @Test("O4: a scrape beyond the in-flight limit gets 503, and the next one is served again")
  func inFlightLimit() throws {
    let statuses = Recorder<Int>()
    var limits = ExpositionHandler.Limits()
    limits.inFlightMax = 1
    let handler = ExpositionHandler(registry, limits: limits)
    // While this collector runs its scrape is in flight; the one it makes is refused before it would collect.
    registry.onCollect("nested") { _ in statuses.append(handler.respond(to: ExpositionRequest()).status) }
    #expect(handler.respond(to: ExpositionRequest()).status == 200)
    #expect(statuses.values == [503])
    let response = handler.respond(to: ExpositionRequest())
    #expect(response.status == 200)
    let parsed = try ExpositionParser(response.body, openMetrics: false)
    #expect(parsed.value("promhttp_metric_handler_requests_total", ["code": "503"]) == "2")
    #expect(parsed.value("promhttp_metric_handler_requests_total", ["code": "200"]) == "1")
    #expect(parsed.value("promhttp_metric_handler_requests_in_flight") == "1")
  }

  @Test("O4: collectors that have not begun when the scraper's timeout is spent are skipped and counted")
  func scrapeTimeout() throws {
    let gauge = registry.gauge("frame_test_lazy_events", help: "Lazy.")
    registry.onCollect("lazy") { _ in gauge.increment() }
    let handler = ExpositionHandler(registry)
    _ = handler.respond(to: ExpositionRequest(scrapeTimeout: "0.25"))
    #expect(gauge.value == 0)
    for harmless in ["10", "nonsense", "-1", "nan", "1e99"] {
      _ = handler.respond(to: ExpositionRequest(scrapeTimeout: harmless))
    }
    #expect(gauge.value == 5)
    let parsed = try ExpositionParser(handler.respond(to: ExpositionRequest()).body, openMetrics: false)
    #expect(
      parsed.value("frame_metrics_collector_errors_total", ["collector": "lazy", "reason": "skipped"]) == "1")
  }

  private func inflate(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: 1 << 20)
    let status = input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        return CFrameZlib.inflate(&stream, Z_FINISH)
      }
    }
    return status == Z_STREAM_END ? Array(output.prefix(Int(stream.total_out))) : nil
  }
}
