import FrameTesting
import Foundation
import FrameCore
import FrameIdentity
import FrameEvents
import FrameMetrics
import FrameProtos
import Logging
import Synchronization

@testable import FrameTreaty
@testable import FramePeering

/// A frame with everything of this room and nothing else: real listeners on ports that the system chose, real TLS, and a
/// writer in memory.
final class TestFrame: Sendable {
  let id: FrameID
  let authority: FrameAuthority
  let identity: SVIDSource
  let writer: MemoryWriter
  let directory: PeerDirectory
  let registry: MetricRegistry
  let federation: FederationService
  let channels: PeerChannels
  let refresher: BundleRefresher
  let server: PeerServer
  let listener: BundleListener
  let verbs: RecordingRequests
  private let tasks = Mutex<[Task<Void, Never>]>([])

  struct Served: Sendable {
    var bundle: SPIFFEBundle
    var federationPort = 1
    var bundlePort = 1
  }

  /// - Parameters:
  ///   - book: the log to start from, as after a restart.
  ///   - log: the log's key; nil: the frame's usual one.
  ///   - finest: limits in a currency of a higher scale cannot be said.
  init(
    _ id: FrameID, book: Book? = nil, authority: FrameAuthority? = nil, ports: (Int, Int) = (0, 0),
    log: LogSigner? = nil, finest: UInt32 = 9, routing: @escaping PeerChannels.Routing = { _, _ in nil }
  ) async throws {
    let clock = HastyClock()
    let log = log ?? logSigner(id)
    let authority = try authority ?? FrameAuthority.ephemeral(frame: id)
    let issuer = IssuerBox(authority)
    let identity = try SVIDSource(first: try issuer.issue()) { try issuer.issue() }
    let writer = MemoryWriter(book ?? Book(id), clock: clock)
    let directory = PeerDirectory(frame: id)
    let registry = MetricRegistry()
    let metrics = PeeringMetrics(registry)
    let endpoints = EndpointClient(timeout: .seconds(30))
    var logger = Logger(label: "test.\(id)")
    logger.logLevel = .critical
    let box = ServedBox(Served(bundle: authority.bundle))
    let describe: FederationService.Description = { peer in
      if let peer, peer.scale > finest { throw Refusal("limit_unfit", .invalid, "Too fine.", remedy: "Coarser.") }
      return box.value.withLock { served in
        var description = FramePeeringTests.describe(
          id, fingerprint: served.bundle.fingerprint.description, federation: served.federationPort,
          bundle: served.bundlePort)
        description.logVerifierKey = log.verifierKey.text
        return description
      }
    }
    let document: @Sendable () throws -> BundleDocument = { try BundleDocument(box.value.withLock { $0.bundle }) }
    let verbs = RecordingRequests()
    let federation = FederationService(
      writer: writer, directory: directory, identity: identity, endpoints: endpoints, signer: log,
      describe: describe,
      bundle: { try document().body }, metrics: metrics, clock: clock, routing: routing, logger: logger)
    let server = try PeerServer(
      host: "127.0.0.1", port: ports.0, identity: identity, directory: directory, treaties: federation, verbs: verbs,
      metrics: metrics, clock: clock, logger: logger)
    let listener = BundleListener(
      host: "127.0.0.1", port: ports.1, identity: identity, bundle: document, describe: { try describe(nil) },
      federation: federation,
      metrics: metrics, clock: clock, logger: logger)
    self.id = id
    self.authority = authority
    self.identity = identity
    self.writer = writer
    self.directory = directory
    self.registry = registry
    self.federation = federation
    self.channels = PeerChannels(
      identity: identity, directory: directory, metrics: metrics, clock: clock, routing: routing, logger: logger)
    self.refresher = BundleRefresher(
      directory: directory, federation: federation, endpoints: endpoints, interval: .seconds(1), metrics: metrics,
      clock: HastyClock(), logger: logger)
    self.server = server
    self.listener = listener
    self.verbs = verbs
    self.box = box
    self.issuer = issuer
    try await federation.prime()
    start { try await server.run() }
    start { try await listener.run() }
    let chosen = (try await server.listeningPort, try await listener.listeningPort)
    box.value.withLock {
      $0.federationPort = chosen.0
      $0.bundlePort = chosen.1
    }
    start { try await federation.run() }
    start { [channels] in try await channels.run() }
  }

  /// Who issues the node's SVIDs now.
  private final class IssuerBox: Sendable {
    let authority: Mutex<FrameAuthority>
    init(_ first: FrameAuthority) { authority = Mutex(first) }
    func issue() throws -> X509SVID {
      let authority = authority.withLock { $0 }
      return try authority.issueX509SVID(for: .node(of: authority.frame))
    }
  }
  private let issuer: IssuerBox

  /// Makes another authority the signing one and takes a new SVID from it.
  func sign(with authority: FrameAuthority) async throws {
    issuer.authority.withLock { $0 = authority }
    try await identity.renew()
  }

  private final class ServedBox: Sendable {
    let value: Mutex<Served>
    init(_ served: Served) { value = Mutex(served) }
  }
  private let box: ServedBox

  private func start(_ body: @escaping @Sendable () async throws -> Void) {
    let task = Task { try? await body() } as Task<Void?, Never>
    tasks.withLock {
      $0.append(
        Task {
          await withTaskCancellationHandler {
            _ = await task.value
          } onCancel: {
            task.cancel()
          }
        })
    }
  }

  /// Ends everything and waits for it.
  func stop() async {
    let running = tasks.withLock { tasks in
      defer { tasks = [] }
      return tasks
    }
    if let peers = try? await federation.treaties() { for treaty in peers { channels.close(treaty.peer) } }
    for task in running { task.cancel() }
    for task in running { await task.value }
  }

  /// What the bundle endpoint serves from now on.
  func publish(_ bundle: SPIFFEBundle) { box.value.withLock { $0.bundle = bundle } }

  var ports: (Int, Int) { box.value.withLock { ($0.federationPort, $0.bundlePort) } }
  var endpoint: String { "https://127.0.0.1:\(ports.1)" }

  func key(_ text: String = UUID().uuidString) throws -> IdempotencyKey {
    try IdempotencyKey(text, caller: .authority(of: id))
  }

  func invite(_ other: TestFrame, expecting: BundleFingerprint? = nil) async throws -> Treaty {
    try await federation.invite(
      other.id, at: other.endpoint, expecting: expecting, actor: .authority(of: id), key: try key())
  }

  func approve(_ other: TestFrame) async throws -> Treaty {
    try await federation.approve(
      other.id, fingerprint: other.authority.bundle.fingerprint, actor: .authority(of: id), key: try key())
  }

  func state(of other: FrameID) async throws -> TreatyState? { await writer.state.treaty(other)?.state }

  /// The value of the first series of a family that has these labels.
  func sample(_ name: String, _ labels: [String: String]) -> Double? {
    for family in registry.collect() where family.descriptor.name == name {
      for metric in family.metrics where labels.allSatisfy({ metric.labels[$0.key] == $0.value }) {
        switch metric.value {
        case .counter(let value, _), .gauge(let value): return value.doubleValue
        case .info: return 1
        default: return nil
        }
      }
    }
    return nil
  }

  /// Two frames with a treaty.
  static func federated(_ a: FrameID = Names.a, _ b: FrameID = Names.b) async throws -> (TestFrame, TestFrame) {
    let first = try await TestFrame(a)
    let second = try await TestFrame(b)
    try await federate(first, second)
    return (first, second)
  }

  static func federate(_ first: TestFrame, _ second: TestFrame) async throws {
    _ = try await first.invite(second)
    try await eventually("the invitation arrives") { try await second.state(of: first.id) == .requested }
    _ = try await second.approve(first)
    try await eventually("both are established") {
      let (x, y) = (try await first.state(of: second.id), try await second.state(of: first.id))
      // The network follows the log a moment later.
      let open = [(first, second), (second, first)].allSatisfy { frame, peer in
        frame.directory.treaty(peer.id)?.state == .established
      }
      return x == .established && y == .established && open
    }
  }
}

/// The rooms above, as far as these tests need them.
final class RecordingRequests: PeerRequests {
  struct Seen: Sendable {
    var credits: [(FrameID, String)] = []
    var streams = 0
    var ended = 0
    var flooded = 0
  }

  /// Whoever subscribes after this sequence gets one head again and again, as fast as it takes them.
  static let flood: UInt64 = 1 << 62

  let seen = Mutex(Seen())
  /// Where calls with the memo "gate" wait.
  let held = Mutex<Gate?>(nil)

  func credit(_ terms: PBTransferTerms, from peer: FrameID) async throws -> PBTransferDecision {
    if terms.memo == "refuse" {
      throw Refusal("insufficient_cap", .refused, "The cap is used up.", remedy: "Wait.")
    }
    if terms.memo == "crash" { throw TimedOut(what: "secret detail") }
    if terms.memo == "gate" { await held.withLock { $0 }?.pass() }
    if terms.memo == "hang" { try await Task.sleep(for: .seconds(600)) }
    seen.withLock { $0.credits.append((peer, terms.transferID)) }
    var decision = PBTransferDecision()
    decision.transferID = terms.transferID
    decision.outcome = .credited
    decision.creditedAmount = terms.amount
    return decision
  }

  func resolve(transferID: String, from peer: FrameID) async throws -> PBTransferDecision {
    var decision = PBTransferDecision()
    decision.transferID = transferID
    decision.outcome = .refused
    return decision
  }

  func subscribe(
    after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    seen.withLock { $0.streams += 1 }
    defer { seen.withLock { $0.ended += 1 } }
    if sequence == Self.flood {
      var message = PBProjectionMessage()
      message.head.sequence = 1
      message.head.checkpoint = Data(repeating: 0x61, count: 240)
      while !Task.isCancelled {
        try await send(message)
        seen.withLock { $0.flooded += 1 }
      }
    }
    var next = sequence
    while !Task.isCancelled {
      next += 1
      var message = PBProjectionMessage()
      message.head.sequence = next
      try await send(message)
      if next > sequence + 2 { try await Task.sleep(for: .milliseconds(5)) }
    }
  }

  func addCheckpoint(_ body: Data, from peer: FrameID) async throws -> WitnessAnswer {
    body.isEmpty ? .malformed("it is empty") : .conflict(size: UInt64(body.count), note: Data(peer.name.utf8))
  }

  func consistencyProof(from first: UInt64, to second: UInt64, for peer: FrameID) async throws -> [Data] {
    guard first <= second else { throw LogError.noSuchPosition(first, size: second) }
    return [Data(repeating: UInt8(truncatingIfNeeded: first), count: 32)]
  }

  func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement {
    var statement = PBSignedReserveStatement()
    statement.statement = Data(peer.name.utf8)
    return statement
  }
}

func terms(_ id: String, memo: String = "") -> PBTransferTerms {
  var terms = PBTransferTerms()
  terms.transferID = id
  terms.amount = 5
  terms.memo = memo
  return terms
}
