import Foundation
import FrameCore
import FrameHTTP
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

@testable import FrameLedger
@testable import FrameMetrics
@testable import FrameREST

/// Whole requests, from the bytes of a connection to the answer: the parser of HTTP/1.1, the gate of bodies, the router, and the reading of
/// head, query and body that all routes of the API have in common.
enum HTTPTargets {
  static let all = [request]

  /// A request as it has come through: all of it, or what there was when the bytes ended.
  private struct Received: Equatable {
    let head: HTTPRequest
    var body: [UInt8] = []
    var isWhole = false
  }

  /// What came of the bytes of one connection.
  private struct Connection {
    var requests: [Received] = []
    /// What was answered before any route: by the gate.
    var refusals = 0
    var isBroken = false
  }

  private static func text(_ head: String, _ body: String = "", length: Bool = true) -> Data {
    let lines = head.split(separator: "|").map { "\($0)\r\n" }.joined()
    return Data((lines + (length ? "Content-Length: \(body.utf8.count)\r\n" : "") + "\r\n" + body).utf8)
  }

  private static let auth = "|Host: a|Authorization: Bearer authority"

  static let request = FuzzTarget(
    "http-request",
    words: [
      "GET ", "POST ", "HEAD ", "OPTIONS ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "\r\n", "\n", "\r\n\r\n", "Host: a\r\n",
      "Content-Length: ", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n",
      "Content-Type: application/json\r\n", "Content-Encoding: gzip\r\n", "Idempotency-Key: k\r\n", "Upgrade: h2c\r\n",
      "Authorization: Bearer authority\r\n", "/api/v1/supply", "?at_position=", "?at_time=", "%2F", "%00", "//", "..",
      "5\r\nhello\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "-1", ":", "\0",
    ], bytesMax: 8_192,
    seeds: [
      text("GET /api/v1/supply?at_position=7 HTTP/1.1" + auth, length: false),
      text("GET /api/v1/agents/alice HTTP/1.1" + auth, length: false)
        + text("HEAD /api/v1/agents/bob?at_time=2027-01-31T12:00:00Z HTTP/1.1" + auth, length: false),
      text(
        "POST /api/v1/issue HTTP/1.1" + auth + "|Content-Type: application/json|Idempotency-Key: k1",
        #"{"amount":"1.00","memo":"m"}"#),
      text(
        "POST /api/v1/transfers/batch HTTP/1.1" + auth + "|Content-Type: application/json|Idempotency-Key: k2",
        #"{"from":"alice","transfers":[{"to":"bob","amount":"1.00"}]}"#),
      text(
        "POST /api/v1/issue HTTP/1.1" + auth + "|Transfer-Encoding: chunked|Content-Type: application/json",
        "10\r\n{\"amount\":\"1.00\"\r\n1\r\n}\r\n0\r\n\r\n", length: false),
      text("POST /api/v1/issue HTTP/1.1" + auth + "|Expect: 100-continue|Content-Length: 9999999", length: false),
    ]
  ) { data in
    let whole = try received(data, pieces: 1)
    // However the network cuts them, the same bytes are the same requests. When the connection ends after a refusal is another matter.
    let cut = try received(data, pieces: 7)
    try FuzzTarget.require(
      whole.requests == cut.requests && whole.refusals == cut.refusals, "at once \(whole), in pieces \(cut)")
    var last: FuzzTarget.Verdict?
    for request in whole.requests where request.isWhole { last = try answer(request) }
    if let last { return last }
    if whole.isBroken { return .refused("parser") }
    return .refused(whole.refusals > 0 ? "gate" : "incomplete")
  }

  // MARK: The connection

  private static func received(_ data: Data, pieces: Int) throws -> Connection {
    let channel = EmbeddedChannel()
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    let sync = channel.pipeline.syncOperations
    // As Hummingbird sets a connection up.
    try sync.configureHTTPServerPipeline(
      withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false)
    try sync.addHandler(HTTP1ToHTTPServerCodec(secure: false))
    try sync.addHandler(
      BodyGate(limit: { served.routes.bodyLimit(of: $0) }) { _, why in
        (HTTPResponse(status: .init(code: why.status)), ByteBuffer(string: why.refusal.code))
      })
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    var connection = Connection()
    let size = max(1, (data.count + pieces - 1) / pieces)
    for start in stride(from: 0, to: data.count, by: size) where !connection.isBroken && channel.isActive {
      let piece = data[data.startIndex + start..<data.startIndex + min(start + size, data.count)]
      do { try channel.writeInbound(ByteBuffer(bytes: piece)) } catch { connection.isBroken = true }
      while let part = try channel.readInbound(as: HTTPRequestPart.self) {
        switch part {
        case .head(let head): connection.requests.append(Received(head: head))
        case .body(let body):
          guard let last = connection.requests.indices.last else { throw FuzzFailure(why: "a body without a head") }
          connection.requests[last].body += Array(body.readableBytesView)
        case .end:
          guard let last = connection.requests.indices.last else { throw FuzzFailure(why: "an end without a head") }
          connection.requests[last].isWhole = true
        }
      }
    }
    while let written = try channel.readOutbound(as: ByteBuffer.self) {
      if String(buffer: written).hasPrefix("HTTP/1.1 4") { connection.refusals += 1 }
    }
    return connection
  }

  // MARK: The routes

  private static func answer(_ request: Received) throws -> FuzzTarget.Verdict {
    let status = try FuzzKeys.wait {
      let channel = EmbeddedChannel()
      defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
      let response = try await served.responder.respond(
        to: Request(head: request.head, body: RequestBody(buffer: ByteBuffer(bytes: request.body))),
        context: APIContext(source: ApplicationRequestContextSource(channel: channel, logger: logger)))
      let type = response.headers[.contentType]
      return (code: response.status.code, isProblem: type == "application/problem+json")
    }
    try FuzzTarget.require(status.code < 500, "a request is answered \(status.code)")
    try FuzzTarget.require(status.code < 400 || status.isProblem, "\(status.code) is no problem document")
    return status.code < 400 ? .accepted : .refused("\(status.code)")
  }

  private static let logger = Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })

  /// The API's own router, with routes that read as those of a node do and have no log behind them.
  private static let served: (routes: RouteTable, responder: RouterResponder<APIContext>) = {
    let registry = MetricRegistry()
    let gate = OperatorGate(
      directory: OperatorDirectory(), clock: FuzzKeys.Clock(), metrics: OperatorMetrics(registry))
    let authority = SPIFFEID.authority(of: FuzzKeys.frame)
    let api = APIRouter(
      authenticate: { token in
        guard token == "authority" else {
          throw Refusal("invalid_token", .unauthenticated, "The token is not valid.", remedy: "Send another.")
        }
        return .authority(authority)
      }, gate: gate, metrics: APIMetrics(registry), logger: logger)
    api.on(.get, "/api/v1/supply", .authority) { call in
      .text("\(String(describing: try call.past(at: FuzzKeys.Clock().now())))")
    }
    api.on(.get, "/api/v1/agents/{name}", .authenticated) { call in
      _ = try call.past(at: FuzzKeys.Clock().now())
      return .text(try AgentName(call.parameter("name")).text)
    }
    api.on(.post, "/api/v1/issue", .authority) { call in
      struct Body: Decodable { let amount: String; let memo: String? }
      let body = try call.decode(Body.self)
      _ = try call.idempotencyKey()
      return .text(try Amount(body.amount, scale: 2).decimal(scale: 2))
    }
    api.on(.post, "/api/v1/transfers/batch", .authenticated, bodyLimit: 1 << 20) { call in
      let body = try TransferBatchReader(json: call.body)
      _ = try call.idempotencyKey()
      return .text("\(body.transfers.count)")
    }
    return (api.routes, api.router.buildResponder())
  }()
}
