import FrameTreaty
import FrameCore
import FrameHTTP
import FrameIdentity
import FrameProtos
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCertificateReloading
import NIOCore
import ServiceLifecycle
import Synchronization

/// The bundle endpoint (SPIFFE Federation §5.2, profile `https_spiffe` or `https_web`): our bundle, what we say of ourselves, and the
/// door at which invitations are left. Anyone may connect; nothing here needs or takes a client certificate.
package final class BundleListener: Service {
  private let host: String
  private let port: Int
  private let identity: any CertificateReloader
  private let routes: BundleRoutes
  private let logger: Logger
  private let bound = Mutex<Bound>(.waiting([]))

  private enum Bound {
    case waiting([CheckedContinuation<Int, any Error>])
    case done(Result<Int, any Error>)
  }

  /// Anyone may connect: nobody's request or silence takes long.
  static let limits: RequestDeadline.Limits = {
    var limits = RequestDeadline.Limits()
    limits.nextHead = .seconds(15)
    limits.answer = .seconds(60)
    return limits
  }()
  private let places: ListenerPlaces

  /// - Parameters:
  ///   - port: 0 lets the system choose, see ``listeningPort``.
  ///   - connectionsMax: connections at once.
  ///   - identity: what the endpoint presents: the node's SVID, or a Web PKI certificate.
  ///   - bundle: our bundle document as it is now.
  ///   - describe: what we say of ourselves now.
  package init(
    host: String, port: Int, connectionsMax: Int = 512, identity: any CertificateReloader,
    bundle: @escaping @Sendable () throws -> BundleDocument,
    describe: @escaping @Sendable () throws -> PBFrameDescription, federation: FederationService,
    metrics: PeeringMetrics, clock: any FrameClock = SystemClock(),
    logger: Logger = Logger(label: "frame.federation")
  ) {
    self.host = host
    self.port = port
    self.identity = identity
    self.logger = logger
    self.places = ListenerPlaces(max: connectionsMax)
    self.routes = BundleRoutes(
      bundle: bundle, describe: describe, receive: { try await federation.receive($0, from: $1) }, metrics: metrics,
      clock: clock,
      limiter: RateLimiter(perSource: 10, overall: 60), logger: logger)
  }

  /// Its connections.
  package var counts: SharedPlaces.Counts { places.counts }

  /// The port in use; waits until the listener is bound.
  /// - Throws: when it could not be bound.
  package var listeningPort: Int {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result = bound.withLock { bound -> Result<Int, any Error>? in
          switch bound {
          case .done(let result): return result
          case .waiting(let others):
            bound = .waiting(others + [continuation])
            return nil
          }
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }

  package func run() async throws {
    do {
      let tls = try FrameTLS.server(identity, alpn: ["http/1.1"])
      let (places, routes) = (places, routes)
      let application = Application(
        router: routes.router(),
        server: try .tls(
          .http1(
            configuration: .init(additionalChannelHandlers: [
              RequestDeadline(Self.limits, places: places), routes.gate(),
            ])),
          tlsConfiguration: tls),
        configuration: .init(address: .hostname(host, port: port), serverName: nil),
        onServerRunning: { [weak self] channel in self?.settle(.success(channel.localAddress?.port ?? 0)) },
        logger: logger.forServer())
      try await application.run()
    } catch {
      settle(.failure(error))
      throw error
    }
  }

  private func settle(_ result: Result<Int, any Error>) {
    let waiting = bound.withLock { bound -> [CheckedContinuation<Int, any Error>] in
      guard case .waiting(let waiting) = bound else { return [] }
      bound = .done(result)
      return waiting
    }
    for continuation in waiting { continuation.resume(with: result) }
  }
}

/// The routes of the bundle endpoint, apart from how they are served.
struct BundleRoutes: Sendable {
  struct Context: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Where the request comes from, for the rate limit.
    let source: String

    init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      self.source = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }
  }

  let bundle: @Sendable () throws -> BundleDocument
  let describe: @Sendable () throws -> PBFrameDescription
  let receive: @Sendable (SignedInvitation, _ source: String) async throws -> Treaty
  let metrics: PeeringMetrics
  let clock: any FrameClock
  let limiter: RateLimiter
  let logger: Logger

  func router() -> Router<Context> {
    let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
    let table = RouteTable()
    for path in ["/", "/.well-known/frame"] { table.add(.get, path) }
    table.add(.post, "/ws3/invitations", bodyLimit: SignedInvitation.bytesMax)
    router.add(middleware: CountByStatus(metrics: metrics))
    router.add(
      middleware: UnroutedMiddleware(routes: table) { request, error in
        let status = (error as? any HTTPResponseError)?.status ?? .internalServerError
        var problem = Self.problem(status.code, Self.words[status.code] ?? "bad_request", status.reasonPhrase)
        // An answer to HEAD ends with its headers; more would be taken for the next answer.
        if request.method == .head { problem.body = .init() }
        return problem
      })
    router.get("/") { request, _ in
      let document = try bundle()
      var headers: HTTPFields = [.eTag: document.etag, .cacheControl: "no-cache"]
      if document.matches(ifNoneMatch: request.headers[.ifNoneMatch]) {
        return Response(status: .notModified, headers: headers)
      }
      headers[.contentType] = BundleDocument.contentType
      return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: document.body)))
    }
    router.get("/.well-known/frame") { _, _ in Self.json(try Discovery.encode(try describe()), .ok) }
    router.post("/ws3/invitations") { request, context in await invitation(request, context.source) }
    return router
  }

  private func invitation(_ request: Request, _ source: String) async -> Response {
    do {
      guard limiter.allow(source, at: clock.now()) else { throw FederationError.rateLimited(source: source) }
      var request = request
      let body: ByteBuffer
      do { body = try await request.collectBody(upTo: SignedInvitation.bytesMax) } catch let error {
        guard error is NIOTooManyBytesError || (error as? any HTTPResponseError)?.status == .contentTooLarge else {
          throw FederationError.invitationInvalid("its body is malformed, or breaks off")
        }
        throw FederationError.bundleTooLarge(
          bytes: request.headers[.contentLength].flatMap(Int.init) ?? SignedInvitation.bytesMax + 1,
          limit: SignedInvitation.bytesMax)
      }
      let invitation: SignedInvitation
      do {
        invitation = try TextDecoding.document.decode(
          SignedInvitation.self, json: Data(body.readableBytesView), JSONReader.Limits(bytes: SignedInvitation.bytesMax)
        )
      } catch {
        throw FederationError.invitationInvalid("as a document, \(error.words)")
      }
      let treaty = try await receive(invitation, source)
      metrics.invitations.with("accepted").increment()
      logger.info(
        "Received an invitation", metadata: ["peer": "\(treaty.peer)", "fingerprint": "\(treaty.fingerprint)"])
      let answer = try JSONEncoder().encode(["invitation_id": treaty.invitationID, "state": treaty.state.rawValue])
      return Self.json(answer, .accepted)
    } catch {
      let known = error as? any FrameError
      metrics.invitations.with(known?.code ?? "internal").increment()
      logger.notice("Refused an invitation", metadata: ["source": "\(source)", "error": "\(error.report)"])
      return Self.problem(known)
    }
  }

  private static let words = [404: "not_found", 405: "method_not_allowed", 500: "internal"]

  /// Refuses a body that is too large for an invitation before it is sent.
  func gate() -> BodyGate {
    BodyGate(limit: { _ in SignedInvitation.bytesMax }) { _, why in
      let refusal = why.refusal
      let problem = EndpointProblem(
        title: "The request is refused", status: why.status, code: refusal.code,
        detail: "\(refusal.message.sentence) \(refusal.remedy)")
      return (
        HTTPResponse(
          status: .init(code: why.status), headerFields: [.contentType: "application/problem+json"]),
        ByteBuffer(bytes: (try? JSONEncoder().encode(problem)) ?? Data())
      )
    }
  }

  private static func problem(_ status: Int, _ code: String, _ detail: String) -> Response {
    let problem = EndpointProblem(title: "The request is refused", status: status, code: code, detail: detail)
    return json((try? JSONEncoder().encode(problem)) ?? Data(), .init(code: status), type: "application/problem+json")
  }

  private static func problem(_ error: (any FrameError)?) -> Response {
    let status = error?.kind.httpStatus ?? 500
    let problem = EndpointProblem(
      title: "The invitation is refused", status: status, code: error?.code ?? "internal",
      detail: error.map { "\($0.message.sentence) \($0.remedy)" } ?? "An internal error.")
    let body = (try? JSONEncoder().encode(problem)) ?? Data()
    return json(body, .init(code: status), type: "application/problem+json")
  }

  private static func json(
    _ body: Data, _ status: HTTPResponse.Status, type: String = "application/json"
  ) -> Response {
    Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: body)))
  }
}

/// Counts answers by status, those for unknown paths included.
private struct CountByStatus: RouterMiddleware {
  let metrics: PeeringMetrics

  func handle(
    _ request: Request, context: BundleRoutes.Context,
    next: (Request, BundleRoutes.Context) async throws -> Response
  ) async throws -> Response {
    do {
      let response = try await next(request, context)
      metrics.endpointRequests.with(String(response.status.code)).increment()
      return response
    } catch {
      let status = (error as? any HTTPResponseError)?.status.code ?? 500
      metrics.endpointRequests.with(String(status)).increment()
      throw error
    }
  }
}
