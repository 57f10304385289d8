import AsyncHTTPClient
import Foundation
import FrameAPI
import FrameCore
import NIOCore
import NIOFoundationCompat

/// The one HTTP client of this process; it lives as long as the process.
enum HTTP {
  static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    // A node that does not listen is told at once, not after the request's whole deadline.
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()
}

/// Talks to one node's REST API with a bearer token.
struct APIClient: Sendable {
  /// An answer larger than this is not one of ours.
  static let maximumAnswer = 32 * 1024 * 1024
  static let answerLimits = JSONReader.Limits(bytes: maximumAnswer, values: 5_000_000)

  let baseURL: String
  /// Nothing is presented when it gives an empty string.
  let token: @Sendable () async throws -> String
  var timeout: TimeAmount = .seconds(30)
  /// Where the node's health is, when its configuration is at hand.
  var opsURL: String?

  /// An answer: its bytes for `--json`, its typed form for people.
  struct Answer<Body: Decodable & Sendable>: Sendable {
    let body: Body
    let data: Data
    /// The idempotency key was seen before: this is the first answer again.
    let replayed: Bool
  }

  func get<Body: Decodable & Sendable>(_ path: APIPath, as type: Body.Type = Body.self) async throws -> Answer<Body> {
    try decode(try await send(path, post: nil, key: nil), path)
  }

  /// An answer as it came.
  func bytes(_ path: APIPath) async throws -> Data { try await send(path, post: nil, key: nil).data }

  /// - Parameter key: the idempotency key; required by the API for everything that moves money.
  func post<Body: Decodable & Sendable>(
    _ path: APIPath, _ body: some Encodable = EmptyBody(), key: String? = nil, as type: Body.Type = Body.self
  ) async throws -> Answer<Body> {
    let data = try APIEncoding.encode(body)
    return try decode(try await send(path, post: data, key: key), path)
  }

  private func decode<Body: Decodable & Sendable>(
    _ reply: (data: Data, replayed: Bool), _ path: APIPath
  ) throws -> Answer<Body> {
    do {
      let body = try TextDecoding.answer.decode(Body.self, json: reply.data, Self.answerLimits)
      return Answer(body: body, data: reply.data, replayed: reply.replayed)
    } catch {
      throw CLIError.badAnswer(url: baseURL + path.description, why: error.words)
    }
  }

  /// - Throws: ``ProblemDocument`` when the node says no, ``CLIError`` when it does not answer.
  private func send(_ path: APIPath, post body: Data?, key: String?) async throws -> (data: Data, replayed: Bool) {
    let status: Int
    let data: Data
    let replayed: Bool
    do {
      var request = HTTPClientRequest(url: baseURL + path.description)
      request.method = body == nil ? .GET : .POST
      let token = try await token()
      if !token.isEmpty { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
      request.headers.add(name: "User-Agent", value: "frame/\(FrameVersion.text)")
      if let key { request.headers.add(name: "Idempotency-Key", value: key) }
      if let body {
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(data: body))
      }
      let response = try await HTTP.client.execute(request, timeout: timeout)
      status = Int(response.status.code)
      data = Data(buffer: try await response.body.collect(upTo: Self.maximumAnswer))
      replayed = response.headers.first(name: "Idempotency-Replayed") == "true"
    } catch let error as any FrameError {
      throw error
    } catch {
      if let why = await unreadiness() { throw CLIError.nodeNotReady(url: baseURL, why: why) }
      throw CLIError.nodeUnreachable(url: baseURL, why: Self.explain(error))
    }
    guard (200..<300).contains(status) else { throw Self.problem(status, data, baseURL + path.description) }
    return (data, replayed)
  }

  /// What a node that runs and is not ready waits for; nil when that cannot be told.
  private func unreadiness() async -> String? {
    guard let opsURL else { return nil }
    let request = HTTPClientRequest(url: opsURL + "/readyz")
    guard let response = try? await HTTP.client.execute(request, timeout: .seconds(2)), response.status.code == 503,
      let body = try? await response.body.collect(upTo: 64 * 1024)
    else { return nil }
    let reasons = String(buffer: body).split(separator: "\n").map { $0.hasSuffix(".") ? $0.dropLast() : $0 }
    return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
  }

  private static func problem(_ status: Int, _ data: Data, _ url: String) -> any FrameError {
    if let problem = ProblemDocument(data) { return problem }
    return CLIError.badAnswer(url: url, why: "status \(status) without a problem document")
  }

  /// One line for a transport error.
  static func explain(_ error: any Error) -> String {
    error.words
  }
}

/// `{}`: the body of a request that says nothing more than its path.
struct EmptyBody: Encodable, Sendable {}
