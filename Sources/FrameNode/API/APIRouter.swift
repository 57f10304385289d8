import Foundation
import FrameCore
import FrameMetrics
import Hummingbird
import Logging
import NIOCore

/// Builds the API's routes: authentication, limits, problem documents and metrics are the same for all, a handler only
/// says what its path does.
package struct APIRouter {
  package static let bodyLimit = 64 * 1024

  let router = Router(context: APIContext.self)
  let authenticate: @Sendable (String) async throws -> Caller
  let metrics: APIMetrics
  let logger: Logger

  package init(
    authenticate: @escaping @Sendable (String) async throws -> Caller, metrics: APIMetrics, logger: Logger
  ) {
    self.authenticate = authenticate
    self.metrics = metrics
    self.logger = logger
    router.addMiddleware { UnroutedMiddleware(metrics: metrics) }
  }

  package func on(
    _ method: HTTPRequest.Method, _ path: String, _ access: Access,
    _ handler: @escaping @Sendable (APICall) async throws -> APIReply
  ) {
    let route = path
    let known = metrics.route(route, method: method.rawValue)
    let (metrics, logger, authenticate) = (metrics, logger, authenticate)
    router.on(RouterPath(path.replacing(/\{(\w+)\}/) { ":\($0.1)" }), method: method) { request, context in
      let started = ContinuousClock.now
      metrics.inFlight.increment()
      defer { metrics.inFlight.decrement() }
      let response: Response
      do {
        let caller = try await Self.identify(request, authenticate)
        try access.admit(caller)
        let body = try await Self.read(request)
        response = try await handler(APICall(caller: caller, request: request, context: context, body: body)).response
      } catch {
        let problem = Problem.from(error, instance: request.uri.path)
        if problem.status >= 500 { logger.error("Request failed", metadata: ["path": "\(route)", "error": "\(error)"]) }
        response = problem.response()
      }
      known.record(code: response.status.code, seconds: (ContinuousClock.now - started).inSeconds)
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

  private static func read(_ request: Request) async throws -> Data {
    do {
      let buffer = try await request.body.collect(upTo: bodyLimit)
      return Data(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw Refusal(
        "body_too_large", .tooLarge, "The request body is larger than \(bodyLimit) bytes.",
        remedy: "Send at most 64 KiB.")
    }
  }
}

/// Answers what no route took with a problem document, and counts it under one label.
struct UnroutedMiddleware: RouterMiddleware {
  typealias Context = APIContext
  let metrics: APIMetrics

  func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response) async throws
    -> Response
  {
    do {
      return try await next(request, context)
    } catch {
      let problem = Problem.from(error, instance: request.uri.path)
      metrics.route("unrouted", method: request.method.rawValue.prefix(16).description).record(code: problem.status, seconds: 0)
      return problem.response()
    }
  }
}
