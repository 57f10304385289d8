import Foundation
import FrameCore
import FrameMetrics
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Builds the API's routes: authentication, limits, problem documents and metrics are the same for all, a handler only
/// says what its path does.
package struct APIRouter {
  package static let bodyLimit = 64 * 1024

  let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
  /// What was registered with ``on(_:_:_:_:)``.
  let routes = RouteTable()
  let authenticate: @Sendable (String) async throws -> Caller
  let gate: OperatorGate
  let metrics: APIMetrics
  let logger: Logger

  package init(
    authenticate: @escaping @Sendable (String) async throws -> Caller, gate: OperatorGate, metrics: APIMetrics,
    logger: Logger
  ) {
    self.authenticate = authenticate
    self.gate = gate
    self.metrics = metrics
    self.logger = logger
    router.addMiddleware { UnroutedMiddleware(routes: routes, metrics: metrics) }
  }

  /// - Parameters:
  ///   - path: a template as in the OpenAPI document.
  ///   - tail: the last parameter takes the rest of the path, however many segments it has.
  ///   - kind: counts the answers, beside the metrics that all routes have.
  ///   - bodyLimit: the largest body that it takes, in bytes.
  package func on(
    _ method: HTTPRequest.Method, _ path: String, _ access: Access, tail: Bool = false, kind: KindMetrics? = nil,
    bodyLimit: Int = APIRouter.bodyLimit,
    _ handler: @escaping @Sendable (APICall) async throws -> APIReply
  ) {
    let route = path
    routes.add(method, path, tail: tail)
    let known = metrics.route(route, method: method.rawValue)
    let (metrics, logger, authenticate, gate) = (metrics, logger, authenticate, gate)
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
        let body = try await Self.read(request, operation, upTo: bodyLimit)
        response = try await handler(
          APICall(caller: caller, request: request, context: context, query: query, body: body)
        ).response
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
    do {
      let buffer = try await request.body.collect(upTo: bodyLimit)
      let body = Data(buffer.readableBytesView)
      try operation.admit(body, type: request.headers[.contentType])
      // An empty object asks for no more than nothing does.
      return operation.bodyTypes.isEmpty ? Data() : body
    } catch is NIOTooManyBytesError {
      throw Refusal(
        "body_too_large", .tooLarge, "The request body is larger than \(bodyLimit) bytes.",
        remedy: "Send at most \(bodyLimit / 1024) KiB.")
    }
  }
}

/// The routes of an API by method and path template, for documents, tests and the `Allow` header.
package final class RouteTable: Sendable {
  package struct Route: Hashable, Sendable {
    package let method: HTTPRequest.Method
    /// As in the OpenAPI document: `/api/v1/agents/{name}`.
    package let path: String
    /// The last parameter takes one or more segments.
    package let tail: Bool
  }

  private let routes = Mutex<[Route]>([])

  /// In order of registration.
  package var all: [Route] { routes.withLock { $0 } }

  func add(_ method: HTTPRequest.Method, _ path: String, tail: Bool = false) {
    routes.withLock { $0.append(Route(method: method, path: path, tail: tail)) }
  }

  /// The methods that `path` takes; empty when there is no such path.
  func methods(of path: String) -> [HTTPRequest.Method] {
    let segments = path.split(separator: "/")
    let methods = all.filter { Self.matches(segments, $0.path.split(separator: "/"), tail: $0.tail) }.map(\.method)
    return methods.contains(.get) ? methods + [.head] : methods
  }

  private static func matches(_ segments: [Substring], _ template: [Substring], tail: Bool) -> Bool {
    (tail ? segments.count >= template.count : segments.count == template.count)
      && zip(segments, template).allSatisfy { $0 == $1 || $1.hasPrefix("{") }
  }
}

/// Answers what no route took with a problem document, and counts it under one label.
struct UnroutedMiddleware: RouterMiddleware {
  typealias Context = APIContext
  let routes: RouteTable
  let metrics: APIMetrics

  func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response) async throws
    -> Response
  {
    do {
      return try await next(request, context)
    } catch {
      var (problem, allowed) = (Problem.from(error, instance: request.uri.path), "")
      if problem.status == 404 {
        let methods = routes.methods(of: request.uri.path)
        if !methods.isEmpty {
          problem = Problem.from(HTTPError(.methodNotAllowed), instance: request.uri.path)
          allowed = Set(methods.map(\.rawValue)).sorted().joined(separator: ", ")
        }
      }
      metrics.unrouted(request.method).record(code: problem.status, seconds: 0)
      var response = problem.response()
      if !allowed.isEmpty { response.headers[.allow] = allowed }
      return response
    }
  }
}
