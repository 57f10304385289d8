import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOSSL

/// An HTTP answer.
struct HTTPAnswer: Sendable {
  let status: Int
  let body: Data
  let replayed: Bool

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON.
  /// - Throws: when it is not JSON.
  func json() throws -> JSON { try JSONDecoder().decode(JSON.self, from: body) }
}

enum HTTP {
  /// Lives as long as the test process; a node that does not listen is noticed at once.
  private static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  static func get(_ url: String, token: String? = nil, accept: String? = nil) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
    if let accept { request.headers.add(name: "Accept", value: accept) }
    return try await answer(request)
  }

  static func post(_ url: String, _ body: [String: String], token: String, key: String?) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Authorization", value: "Bearer \(token)")
    request.headers.add(name: "Content-Type", value: "application/json")
    if let key { request.headers.add(name: "Idempotency-Key", value: key) }
    request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(body)))
    return try await answer(request)
  }

  /// Posts a body as it is.
  static func send(_ url: String, body: Data, token: String, key: String) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Authorization", value: "Bearer \(token)")
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Idempotency-Key", value: key)
    request.body = .bytes(ByteBuffer(data: body))
    return try await answer(request)
  }

  /// Does not look at who answers.
  private static let credulous: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.tlsConfiguration = .makeClientConfiguration()
    configuration.tlsConfiguration?.certificateVerification = .none
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  /// Posts a body to whoever is there.
  static func insecure(_ url: String, body: Data) async throws -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(data: body))
    return try await answer(request, by: credulous)
  }

  private static func answer(
    _ request: HTTPClientRequest, by client: HTTPClient = HTTP.client
  ) async throws -> HTTPAnswer {
    let response = try await client.execute(request, timeout: .seconds(20))
    let body = try await response.body.collect(upTo: 64 * 1024 * 1024)
    return HTTPAnswer(
      status: Int(response.status.code), body: Data(buffer: body),
      replayed: response.headers.first(name: "Idempotency-Replayed") == "true")
  }
}

/// A JSON value that tests look into by name.
enum JSON: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  subscript(_ name: String) -> JSON {
    if case .object(let fields) = self { return fields[name] ?? .null }
    return .null
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var number: Double? { if case .number(let value) = self { value } else { nil } }
  var array: [JSON] { if case .array(let values) = self { values } else { [] } }
  var fields: [String: JSON] { if case .object(let fields) = self { fields } else { [:] } }
}
