import Foundation
import FrameAPI
import FrameCore
import HTTPTypes
import Hummingbird

/// Who is calling: what the bearer JWT-SVID's subject says.
package enum Caller: Sendable, Equatable {
  case anonymous
  case authority(SPIFFEID)
  case agent(AgentName, SPIFFEID)
  case `operator`(OperatorName, SPIFFEID)

  package init(_ id: SPIFFEID, frame: FrameID) throws {
    if id == .authority(of: frame) {
      self = .authority(id)
    } else if id.trustDomain == frame, let name = id.agentName {
      self = .agent(name, id)
    } else if id.trustDomain == frame, let name = id.operatorName {
      self = .operator(name, id)
    } else {
      throw Refusal(
        "unknown_subject", .forbidden, "'\(id)' has no role in the API of \(frame).",
        remedy:
          "Use a token of an agent (frame agent token), an operator (frame operator token) or the frame's authority."
      )
    }
  }

  package var id: SPIFFEID? {
    switch self {
    case .anonymous: nil
    case .authority(let id), .agent(_, let id), .operator(_, let id): id
    }
  }

  package var isAuthority: Bool { if case .authority = self { true } else { false } }
}

/// Who may call a route.
package enum Access: Sendable {
  case anyone
  /// Who has money: agents, and the authority for any of them.
  case authenticated
  /// Operators and the authority.
  case operators
  /// Agents, operators and the authority.
  case members
  case authority

  func admit(_ caller: Caller) throws {
    switch (self, caller) {
    case (.anyone, _), (.authenticated, .agent), (.operators, .operator), (.members, .agent), (.members, .operator),
      (_, .authority):
      return
    case (_, .anonymous):
      throw Refusal(
        "unauthenticated", .unauthenticated, "This path needs a bearer token.",
        remedy: "Send Authorization: Bearer <JWT-SVID>; frame agent token prints one.")
    case (.authenticated, .operator(let name, _)):
      throw Refusal(
        "operator_has_no_account", .forbidden, "Operator '\(name)' has no money of its own.",
        remedy: "Use a token of one of its agents (POST /api/v1/agents/{name}/token).")
    case (.authority, .operator(let name, _)):
      throw Refusal(
        "not_authority", .forbidden, "Operator '\(name)' may not do this.",
        remedy: "Only the frame's authority may; ask it.")
    case (.authority, .agent(let name, _)), (.operators, .agent(let name, _)):
      throw Refusal(
        "not_authority", .forbidden, "Agent '\(name)' may not do this.",
        remedy: "Only the frame's authority may; use the frame command on the node's data folder.")
    }
  }
}

/// One API request, read and authenticated.
package struct APICall: Sendable {
  package let caller: Caller
  package let body: Data
  package let path: String
  private let idempotencyHeader: String?
  private let ifNoneMatch: String?
  private let parameters: [String: String]
  private let query: RequestQuery

  init(caller: Caller, request: Request, context: APIContext, query: RequestQuery, body: Data) {
    self.caller = caller
    self.body = body
    self.query = query
    path = request.uri.path
    idempotencyHeader = request.headers[.idempotencyKey]
    ifNoneMatch = request.headers[.ifNoneMatch]
    parameters = Dictionary(
      context.coreContext.parameters.map {
        (String($0.key), String($0.value).removingPercentEncoding ?? String($0.value))
      },
      uniquingKeysWith: { a, _ in a })
  }

  /// The body, with no member that `type` does not have.
  /// - Throws: ``RequestError``.
  package func decode<T: Decodable>(_ type: T.Type) throws -> T {
    guard !body.isEmpty else { throw RequestError.bodyMissing }
    do { return try TextDecoding.request.decode(type, json: body, JSONReader.Limits(bytes: body.count)) } catch {
      throw RequestError.body(error)
    }
  }

  /// The body, or nil when there is none, on paths where it may be left out.
  /// - Throws: ``RequestError``.
  package func decodeIfPresent<T: Decodable>(_ type: T.Type) throws -> T? {
    body.isEmpty ? nil : try decode(type)
  }

  /// Why the caller does this, of a body that may say it and nothing else; "" when it does not.
  /// - Throws: ``RequestError``.
  package func reason() throws -> String {
    let reason = try decodeIfPresent(ReasonBody.self)?.reason ?? ""
    return try Self.short(reason, "reason", .reason)
  }

  /// - Throws: ``RequestError`` for a text that is longer than the document allows.
  package static func short(_ text: String, _ member: String, _ limit: TextLimit) throws -> String {
    guard limit.admits(text) else {
      throw RequestError.body(
        TextFailure("has \(TextLimit.length(of: text)) characters; the limit is \(limit.most)", at: [member]))
    }
    return text
  }

  /// An asset that the caller names must be the one that the operation moves.
  /// - Throws: a `Refusal` with code `wrong_asset`.
  package static func check(asset named: String?, is moved: Asset) throws {
    guard let named, named != moved.description else { return }
    throw Refusal(
      "wrong_asset", .invalid, "This moves \(moved), not '\(named.prefix(300))'.",
      remedy: "Name \(moved), or leave 'asset' out; another frame's money moves at that frame or over the bridge.")
  }

  /// Whether the caller has what bears this entity tag already (RFC 9110 §13.1.2).
  func has(_ tag: String) -> Bool {
    guard let ifNoneMatch else { return false }
    let tags = ifNoneMatch.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    return tags.contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
  }

  /// A path parameter. The router only calls a handler when its parameters are there; "" cannot name anything.
  package func parameter(_ name: String) -> String { parameters[name] ?? "" }

  package func query(_ name: String) -> String? { query[name] }

  package func query(_ name: String, in range: ClosedRange<UInt64>, default value: UInt64) throws -> UInt64 {
    guard let text = query[name] else { return value }
    // As JSON writes whole numbers: no sign, no leading zero.
    let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) } && (text == "0" || !text.hasPrefix("0"))
    guard isPlain, let number = UInt64(text), range.contains(number) else {
      throw Refusal(
        "invalid_query", .invalid, "'\(name)=\(text.prefix(40))' is not a number in \(range).",
        remedy: "Use a whole number in that range.")
    }
    return number
  }

  /// `true` or `false`.
  package func flag(_ name: String) throws -> Bool {
    switch query[name] {
    case nil, "false": return false
    case "true": return true
    case let text?:
      throw Refusal(
        "invalid_query", .invalid, "'\(name)=\(text.prefix(40))' is neither true nor false.",
        remedy: "Use true or false, or leave it out.")
    }
  }

  /// Who is calling, on routes that admit nobody anonymous.
  package func actor() throws -> SPIFFEID {
    guard let id = caller.id else {
      throw Refusal(
        "unauthenticated", .unauthenticated, "This path needs a bearer token.",
        remedy: "Send Authorization: Bearer <JWT-SVID>.")
    }
    return id
  }

  /// The caller's key for a command that moves money.
  package func idempotencyKey() throws -> IdempotencyKey {
    guard let text = idempotencyHeader, !text.isEmpty else {
      throw Refusal(
        "idempotency_key_missing", .invalid, "This request moves money and has no Idempotency-Key header.",
        remedy: "Send a key of 1 to 128 visible characters that is new for each new command and the same for retries.")
    }
    return try IdempotencyKey(text, caller: try actor())
  }

  /// The agent a money movement is taken from: the caller itself, or for the authority the one it names.
  package func payer(_ named: String?) throws -> AgentName {
    switch caller {
    case .agent(let name, _):
      guard let named, named != name.text else { return name }
      throw Refusal(
        "not_your_account", .forbidden, "Agent '\(name)' may not move the money of '\(named.prefix(80))'.",
        remedy: "Leave 'from' out, or use that agent's own token.")
    case .authority:
      guard let named else {
        throw Refusal(
          "from_missing", .invalid, "The authority has no account of its own here.", remedy: "Name the agent in 'from'."
        )
      }
      return try AgentName(named)
    case .operator, .anonymous:
      throw Refusal(
        "unauthenticated", .unauthenticated, "There is no token of an agent.", remedy: "Send an agent's bearer token.")
    }
  }
}

/// What a handler answers.
package struct APIReply: Sendable {
  let response: Response

  package static func json(
    _ value: some Encodable & Sendable, _ status: HTTPResponse.Status = .ok, replayed: Bool = false,
    isSecret: Bool = false
  ) -> APIReply {
    var response = JSONReply.response(value, status: status)
    if replayed { response.headers[.idempotencyReplayed] = "true" }
    if isSecret { response.headers[.cacheControl] = "no-store" }
    return APIReply(response: response)
  }

  package static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", cacheControl: String? = nil
  ) -> APIReply {
    bytes(Data(text.utf8), type: type, cacheControl: cacheControl)
  }

  /// Bytes that stay the same, so that who has them is told only that.
  static func cached(_ bytes: Data, type: String, tag: String, for call: APICall) -> APIReply {
    let headers: HTTPFields = [.eTag: tag, .cacheControl: "no-cache"]
    guard !call.has(tag) else { return APIReply(response: Response(status: .notModified, headers: headers)) }
    var reply = Self.bytes(bytes, type: type).response
    for field in headers { reply.headers[field.name] = field.value }
    return APIReply(response: reply)
  }

  package static func bytes(
    _ bytes: Data, type: String = "application/octet-stream", cacheControl: String? = nil
  ) -> APIReply {
    var response = Response(
      status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    if let cacheControl { response.headers[.cacheControl] = cacheControl }
    return APIReply(response: response)
  }
}

extension HTTPField.Name {
  // Both names are RFC 9110 tokens, which is all the initialiser asks for.
  static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
  static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
}

/// The request context of the API: nothing beyond Hummingbird's own.
package struct APIContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  package init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}
