import Foundation
import FrameAPI
import FrameCore
import FrameIdentity
import FrameMetrics
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Synchronization
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// A node's real parts on a folder of its own, without listeners: log, keys, state and the API's routes.
final class NodeFixture: Sendable {
  let folder: URL
  let clock = ShiftedClock()
  let registry = MetricRegistry()
  let parts: NodeParts

  var node: NodeCore { parts.core }
  var frame: FrameID { parts.core.frame }

  /// - Parameters:
  ///   - settings: lines of YAML beside those that every test node has.
  ///   - preparing: done to the data folder before the node begins its log.
  static func with<T>(
    _ settings: String = "", preparing: (URL) throws -> Void = { _ in }, _ body: (NodeFixture) async throws -> T
  ) async throws -> T {
    let fixture = try NodeFixture(settings)
    do {
      try preparing(fixture.folder)
      try await fixture.parts.found()
      let result = try await body(fixture)
      await fixture.stop()
      return result
    } catch {
      await fixture.stop()
      throw error
    }
  }

  private init(_ settings: String) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-node-\(UUID().uuidString)")
    let frame = try FrameID("frame-a.example")
    var configuration = try NodeSetup.initialise(
      frameID: frame, currency: "AVT", scale: 2, data: folder, listenHost: "127.0.0.1", clock: clock)
    if !settings.isEmpty {
      let file = folder.appendingPathComponent(NodeSetup.configurationName)
      let base = "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n"
      configuration = try NodeConfiguration.parse(base + settings, file: file.path, directory: folder)
    }
    configuration.file = folder.appendingPathComponent(NodeSetup.configurationName).path
    parts = try NodeParts(configuration, registry: registry, clock: clock, logger: Logger(label: "test"))
  }

  private func stop() async {
    await node.writer.shutdown()
    try? await parts.http.shutdown()
    try? FileManager.default.removeItem(at: folder)
  }

  /// A token of this frame for `id`, for the API unless said otherwise.
  func token(_ id: SPIFFEID, audience: String? = nil, lifetime: Duration = .seconds(300)) async throws -> String {
    try await node.authority.issueJWTSVID(
      for: id, audience: [audience ?? SPIFFEID.api(of: frame).description], lifetime: lifetime
    ).token
  }

  func authority() async throws -> String { try await token(.authority(of: frame)) }
  func agent(_ name: String) async throws -> String { try await token(.agent(try AgentName(name), of: frame)) }

  /// Calls the API's routes, in process.
  func api<T>(_ body: @Sendable (TestAPI) async throws -> T) async throws -> T {
    let application = Application(router: parts.api(), logger: Logger(label: "test"))
    let authority = try await authority()
    return try await application.test(.router) { client in
      try await body(TestAPI(client: client, authority: authority, fixture: self))
    }
  }
}

/// The machine's clock, moved by as much as a test says.
final class ShiftedClock: FrameClock {
  private let shift = Mutex(Duration.zero)
  /// How far the wall clock alone is ahead.
  private let ahead = Mutex(Duration.zero)

  func now() -> FrameTime { SystemClock().now() + shift.withLock { $0 } + ahead.withLock { $0 } }
  func steady() -> Duration { SystemClock().steady() + shift.withLock { $0 } }
  /// Time passes.
  func advance(by duration: Duration) { shift.withLock { $0 += duration } }
  /// Somebody sets the wall clock.
  func set(ahead duration: Duration) { ahead.withLock { $0 = duration } }
  func sleep(for duration: Duration) async throws { try await SystemClock().sleep(for: duration) }
}

/// An API with a few helpers to read its answers.
struct TestAPI: Sendable {
  let client: any TestClientProtocol
  let authority: String
  let fixture: NodeFixture

  /// - Parameters:
  ///   - token: nil sends none; by default the authority's.
  ///   - key: the Idempotency-Key.
  func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]? = nil, key: String? = nil,
    authorization: String?? = nil
  ) async throws -> Answer {
    var headers: HTTPFields = [:]
    if let value = authorization ?? "Bearer \(authority)" { headers[.authorization] = value }
    if let key { headers[HTTPField.Name("Idempotency-Key")!] = key }  // A constant token.
    if body != nil { headers[.contentType] = "application/json" }
    let response = try await client.executeRequest(
      uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0) })
    return Answer(
      status: response.status.code, headers: response.headers, bytes: Array(response.body.readableBytesView))
  }

  func get(_ path: String, token: String?? = nil) async throws -> Answer {
    try await send(.get, path, authorization: Self.bearer(token))
  }

  func post(_ path: String, _ body: JSON, key: String? = nil, token: String?? = nil) async throws -> Answer {
    try await send(.post, path, body.bytes(), key: key, authorization: Self.bearer(token))
  }

  private static func bearer(_ token: String??) -> String?? { token.map { $0.map { "Bearer \($0)" } } }

  /// Registers agents and gives each `amount` out of newly issued money.
  func fund(_ names: String..., amount: String = "100.00") async throws {
    for name in names {
      try await post("/api/v1/agents", ["name": .string(name)]).expect(201)
      try await post("/api/v1/issue", ["amount": .string(amount)], key: "fund-\(name)").expect(200)
      try await post(
        "/api/v1/transfers", ["from": "treasury", "to": .string(name), "amount": .string(amount)], key: "grant-\(name)"
      ).expect(200)
    }
  }

  /// An agent's liquid native balance.
  func balance(_ name: String) async throws -> String {
    let answer = try await get("/api/v1/agents/\(name)").expect(200)
    return answer.json["balances"].array.first { $0["kind"] == "liquid" }?["amount"].string ?? "0.00"
  }
}
