import Foundation
import FrameCore
import FrameMetrics
import HTTPTypes
import Hummingbird

/// What the operator's tools read: `/metrics`, health, readiness and Prometheus service discovery.
package enum OpsRoutes {
  package static func build(
    exposition: ExpositionHandler, readiness: @escaping @Sendable () async -> [String], targets: ServiceDiscovery
  ) -> Router<BasicRequestContext> {
    let router = Router()
    for method in [HTTPRequest.Method.get, .head] {
      router.on("/metrics", method: method) { request, _ in
        let answer = exposition.respond(
          to: ExpositionRequest(
            method: request.method.rawValue, accept: request.headers[.accept],
            acceptEncoding: request.headers[.acceptEncoding],
            names: ExpositionRequest.names(inQuery: request.uri.query ?? ""),
            scrapeTimeout: request.headers[.scrapeTimeout]))
        var headers = HTTPFields()
        for (name, value) in answer.headers {
          guard let name = HTTPField.Name(name) else { continue }
          headers[name] = value
        }
        if request.method == .head { headers[.contentLength] = String(answer.contentLength) }
        return Response(
          status: .init(code: answer.status), headers: headers,
          body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
      }
    }
    router.get("/healthz") { _, _ in plain("ok\n", .ok) }
    router.get("/readyz") { _, _ in
      let reasons = await readiness()
      return reasons.isEmpty
        ? plain("ready\n", .ok) : plain(reasons.joined(separator: "\n") + "\n", .serviceUnavailable)
    }
    router.get("/sd") { _, _ in JSONReply.response([targets]) }
    return router
  }

  private static func plain(_ text: String, _ status: HTTPResponse.Status) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}

/// One entry of Prometheus HTTP service discovery (`http_sd_configs`).
package struct ServiceDiscovery: Encodable, Sendable {
  package let targets: [String]
  package let labels: [String: String]

  package init(target: String, frame: FrameID) {
    targets = [target]
    labels = ["frame": frame.name]
  }
}

extension HTTPField.Name {
  // An RFC 9110 token, which is all the initialiser asks for.
  static let scrapeTimeout = HTTPField.Name("X-Prometheus-Scrape-Timeout-Seconds")!
}
