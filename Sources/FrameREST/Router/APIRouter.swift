import Foundation
import FrameAPI
import FrameCore
import FrameHTTP
import FrameMetrics
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Builds the API's routes: authentication, limits, problem documents and metrics are the same for all, a handler only
/// says what its path does.
package struct APIRouter {
  package static let bodyLimit = 64 * 1024

  package let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
  /// What was registered with ``on(_:_:_:_:)``.
  package let routes = RouteTable()
  let authenticate: @Sendable (String) async throws -> Caller
  let gate: OperatorGate
  let metrics: APIMetrics
  let logger: Logger
  /// A quarter of the connections that the listener takes where descriptors are plenty.
  let shares = CallerShares(max: 256)

  package init(
    authenticate: @escaping @Sendable (String) async throws -> Caller, gate: OperatorGate, metrics: APIMetrics,
    logger: Logger
  ) {
    self.authenticate = authenticate
    self.gate = gate
    self.metrics = metrics
    self.logger = logger
    router.addMiddleware {
      UnroutedMiddleware(routes: routes) { request, error in
        let problem = Problem.from(error, instance: request.uri.path)
        metrics.unrouted(request.method).record(code: problem.status, seconds: 0)
        return problem.response()
      }
    }
  }

  /// - Parameters:
  ///   - path: a template as in the OpenAPI document.
  ///   - tail: the last parameter takes the rest of the path, however many segments it has.
  ///   - kind: counts the answers, beside the metrics that all routes have.
  ///   - bodyLimit: the largest body that it takes, in bytes.
  ///   - cost: what a request counts for in its caller's share.
  package func on(
    _ method: HTTPRequest.Method, _ path: String, _ access: Access, tail: Bool = false, kind: KindMetrics? = nil,
    bodyLimit: Int = APIRouter.bodyLimit, cost: Int = 1,
    _ handler: @escaping @Sendable (APICall) async throws -> APIReply
  ) {
    let route = path
    routes.add(method, path, tail: tail, bodyLimit: bodyLimit)
    let known = metrics.route(route, method: method.rawValue)
    let (metrics, logger, authenticate, gate, shares) = (metrics, logger, authenticate, gate, shares)
    let operation = OpenAPIDocument.operation(method.rawValue, path)
    var pattern = path.replacing(/\{(\w+)\}/) { ":\($0.1)" }
    if tail { pattern.replace(/:\w+$/, with: "**") }
    router.on(RouterPath(pattern), method: method) { request, context in
      let started = ContinuousClock.now
      metrics.inFlight.increment()
      defer { metrics.inFlight.decrement() }
      let response: Response
      do {
        let caller = try await Self.identify(request, authenticate)
        try gate.admit(caller)
        try access.admit(caller)
        let query = try RequestQuery(request.uri.query, known: operation.query)
        response = try await shares.run(caller, cost: cost) {
          let body = try await Self.read(request, operation, upTo: bodyLimit)
          return try await handler(
            APICall(caller: caller, request: request, context: context, query: query, body: body)
          ).response
        }
      } catch {
        gate.count(error)
        let problem = Problem.from(error, instance: request.uri.path)
        if problem.status >= 500 {
          logger.error("Request failed", metadata: ["path": "\(route)", "error": "\(error.report)"])
        }
        response = problem.response()
      }
      known.record(code: response.status.code, seconds: (ContinuousClock.now - started).inSeconds)
      kind?.record(code: response.status.code)
      return response
    }
  }

  private static func identify(
    _ request: Request, _ authenticate: @Sendable (String) async throws -> Caller
  ) async throws -> Caller {
    guard let header = request.headers[.authorization] else { return .anonymous }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else {
      throw Refusal(
        "unsupported_authorization", .unauthenticated, "The Authorization header is not a bearer token.",
        remedy: "Send Authorization: Bearer <JWT-SVID>.")
    }
    return try await authenticate(String(parts[1]))
  }

  private static func read(
    _ request: Request, _ operation: OpenAPIDocument.Operation, upTo bodyLimit: Int
  ) async throws -> Data {
    if let coding = request.headers[.contentEncoding], coding.lowercased() != "identity" {
      throw Refusal(
        "unsupported_content_encoding", .mediaType, "A body in the encoding '\(coding.shown(40))' is not read.",
        remedy: "Send the body as it is, without Content-Encoding.")
    }
    let buffer: ByteBuffer
    do { buffer = try await request.body.collect(upTo: bodyLimit) } catch is NIOTooManyBytesError {
      throw Refusal.bodyTooLarge(bodyLimit)
    } catch let error as CancellationError {
      throw error
    } catch {
      // Whatever it is, it came with the request: its chunks are none, or it was broken off.
      throw Refusal(
        "body_incomplete", .invalid, "The body of the request cannot be read: it is malformed, or breaks off.",
        remedy: "Send all of the body, with its length or in chunks as RFC 9112 has them.")
    }
    let body = Data(buffer.readableBytesView)
    try operation.admit(body, type: request.headers[.contentType])
    // An empty object asks for no more than nothing does.
    return operation.bodyTypes.isEmpty ? Data() : body
  }
}
