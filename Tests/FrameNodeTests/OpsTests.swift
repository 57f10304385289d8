import Foundation
import FrameAPI
import FrameCore
import FrameMetrics
import Hummingbird
import HummingbirdTesting
import Logging
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The ops listener")
struct OpsTests {
  private func ops<T>(
    _ setup: TestingSetup = .router, _ body: @Sendable (any TestClientProtocol, NodeFixture) async throws -> T
  ) async throws -> T {
    try await NodeFixture.with { fixture in
      let application = Application(
        router: fixture.parts.ops(), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        logger: Logger(label: "test"))
      return try await application.test(setup) { try await body($0, fixture) }
    }
  }

  private static func get(
    _ client: any TestClientProtocol, _ path: String, _ headers: HTTPFields = [:], method: HTTPRequest.Method = .get
  ) async throws -> Answer {
    let response = try await client.executeRequest(uri: path, method: method, headers: headers, body: nil)
    return Answer(
      status: response.status.code, headers: response.headers, bytes: Array(response.body.readableBytesView))
  }

  @Test("O4: /metrics speaks the text format and OpenMetrics as the scraper asks")
  func metrics() async throws {
    try await ops { client, _ in
      let text = try await Self.get(client, "/metrics").expect(200)
      #expect(text.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
      #expect(text.text.contains("# TYPE frame_log_events_total counter\n"))
      #expect(text.text.contains(#"frame_info{currency="AVT",frame_id="frame-a.example"} 1"#))
      let accept =
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
      let open = try await Self.get(client, "/metrics", [.accept: accept]).expect(200)
      #expect(open.headers[.contentType]?.hasPrefix("application/openmetrics-text; version=1.0.0") == true)
      #expect(open.text.hasSuffix("# EOF\n"))
      #expect(open.text.contains("# TYPE frame_log_events counter\n"))
    }
  }

  @Test("O4: HEAD answers GET's headers, its Content-Length included, and no body; gzip only when accepted")
  func head() async throws {
    try await ops(.live) { client, _ in
      let head = try await Self.get(client, "/metrics", method: .head).expect(200)
      #expect(head.bytes.isEmpty)
      let length = try #require(head.header("Content-Length").flatMap(Int.init))
      #expect(length > 10_000)
      let get = try await Self.get(client, "/metrics").expect(200)
      #expect(get.header("Content-Length") == String(get.bytes.count))
      #expect(get.header("Content-Encoding") == nil)
      // Two scrapes differ in a few digits.
      #expect(abs(get.bytes.count - length) < 500)
      let zipped = try await Self.get(client, "/metrics", [.acceptEncoding: "gzip"]).expect(200)
      #expect(zipped.header("Content-Encoding") == "gzip")
      #expect(zipped.header("Vary")?.contains("Accept-Encoding") == true)
      #expect(zipped.bytes.prefix(2) == [0x1f, 0x8b])
      #expect(zipped.bytes.count < get.bytes.count / 3)
    }
  }

  @Test("O4: name[] picks families, and too many names are refused")
  func names() async throws {
    try await ops { client, _ in
      let picked = try await Self.get(client, "/metrics?name%5B%5D=frame_info&name[]=frame_ready").expect(200)
      let families = picked.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
      #expect(families.count == 2, "\(picked.text)")
      let many = (0..<200).map { "name[]=x\($0)" }.joined(separator: "&")
      try await Self.get(client, "/metrics?\(many)").expect(400)
    }
  }

  @Test("/healthz is 200 as soon as the process serves; /readyz says what is missing until nothing is")
  func readiness() async throws {
    try await ops { client, fixture in
      #expect(try await Self.get(client, "/healthz").expect(200).text == "ok\n")
      let waiting = try await Self.get(client, "/readyz").expect(503)
      #expect(waiting.text.split(separator: "\n") == ["api", "bundle", "federation", "ops", "sni", "workload"])
      #expect(try await Self.get(client, "/metrics").text.contains("\nframe_ready 0\n"))
      for part in ["ops", "api", "bundle", "sni", "workload"] { fixture.parts.readiness.ready(part) }
      #expect(try await Self.get(client, "/readyz").expect(503).text == "federation\n")
      fixture.parts.readiness.ready("federation")
      #expect(try await Self.get(client, "/readyz").expect(200).text == "ready\n")
      #expect(try await Self.get(client, "/metrics").text.contains("\nframe_ready 1\n"))
      fixture.parts.readiness.notReady("api")
      try await Self.get(client, "/readyz").expect(503)
    }
  }

  @Test(
    "HEAD is answered as GET without a body, other methods are 405 with Allow, and only unknown paths are 404",
    arguments: ["/metrics", "/healthz", "/readyz", "/sd"])
  func methods(_ path: String) async throws {
    try await ops(.live) { client, _ in
      let get = try await Self.get(client, path)
      let head = try await Self.get(client, path, method: .head).expect(get.status)
      #expect(head.bytes.isEmpty)
      #expect(head.headers[.contentType] == get.headers[.contentType])
      #expect(head.header("Content-Length") != nil)
      for method in [HTTPRequest.Method.post, .put, .delete, .patch, .options] {
        let refused = try await Self.get(client, path, method: method).expectProblem(405, "method_not_allowed")
        #expect(refused.headers[.allow] == "GET, HEAD")
      }
      try await Self.get(client, path + "x").expectProblem(404, "not_found")
      try await Self.get(client, path + "x", method: .post).expectProblem(404, "not_found")
    }
  }

  @Test("/sd is what Prometheus' http_sd_configs reads")
  func discovery() async throws {
    try await ops { client, fixture in
      let answer = try await Self.get(client, "/sd").expect(200)
      #expect(answer.headers[.contentType] == "application/json")
      let ops = fixture.node.configuration.ops
      #expect(
        answer.json == [["targets": [.string("\(ops.host):\(ops.port)")], "labels": ["frame": "frame-a.example"]]])
    }
  }

  @Test("what the API listener serves is not on the ops listener")
  func separate() async throws {
    try await ops { client, _ in
      for path in ["/api/v1/frame", "/openapi.yaml", "/", "/metrics/x"] { try await Self.get(client, path).expect(404) }
    }
  }
}
