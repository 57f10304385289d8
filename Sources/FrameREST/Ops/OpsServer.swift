import Foundation
import FrameAPI
import FrameCore
import FrameHTTP
import FrameMetrics
import HTTPTypes
import Hummingbird

/// What the operator's tools read: `/metrics`, health, readiness and Prometheus service discovery.
package enum OpsRoutes {
  package static func build(
    exposition: ExpositionHandler, readiness: @escaping @Sendable () async -> [String], targets: ServiceDiscovery
  ) -> Router<BasicRequestContext> {
    let router = Router()
    let routes = RouteTable()
    router.addMiddleware {
      UnroutedMiddleware(routes: routes) { request, error in
        Problem.from(error, instance: request.uri.path).response()
      }
    }
    func get(
      _ path: String, _ handler: @escaping @Sendable (Request) async throws -> Response
    ) {
      routes.add(.get, path)
      router.on(RouterPath(path), method: .get) { request, _ in try await handler(request) }
      router.on(RouterPath(path), method: .head) { request, _ in try await handler(request).createHeadResponse() }
    }
    get("/metrics") { request in
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
    get("/healthz") { _ in plain("ok\n", .ok) }
    get("/readyz") { _ in
      let reasons = await readiness()
      return reasons.isEmpty
        ? plain("ready\n", .ok) : plain(reasons.joined(separator: "\n") + "\n", .serviceUnavailable)
    }
    get("/sd") { _ in JSONReply.response([targets]) }
    return router
  }

  private static func plain(_ text: String, _ status: HTTPResponse.Status) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}

extension ServiceDiscovery {
  package init(target: String, frame: FrameID) {
    self.init(targets: [target], labels: ["frame": frame.name])
  }
}

extension HTTPField.Name {
  // An RFC 9110 token, which is all the initialiser asks for.
  static let scrapeTimeout = HTTPField.Name("X-Prometheus-Scrape-Timeout-Seconds")!
}
