import Crypto
import Foundation
import FrameBridge
import FrameCore
import FrameTreaty
import FramePeering
import FrameLedger
import FrameEvents
import FrameLog
import FrameMetrics
import FrameProjection
import FrameProtos
import FrameSettlement
import Logging
import Synchronization

/// A frame with its real log on disk, real proofs and the rooms' real shells; only the network is replaced.
final class LoopbackNode: Sendable {
  let frame: FrameID
  let native: Asset
  let writer: Writer<SimState>
  let signer: LogSigner
  let key: Curve25519.Signing.PrivateKey
  let registry = MetricRegistry()
  let directory: URL
  let clock: any FrameClock
  let projectionServer: ProjectionServer
  let settlementServer: SettlementServer
  private let projectionMetrics: ProjectionMetrics
  private let settlementMetrics: SettlementMetrics
  private let bridgeMetrics: BridgeMetrics
  private let witnessMetrics: WitnessMetrics
  let witness: Witness
  /// What was reported of peers' logs.
  let frauds = Mutex<[(peer: FrameID, proof: EquivocationProof)]>([])
  private static let logger: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  private let log: LoopbackLog

  init(
    _ name: String, code: String, directory: URL? = nil, key: Curve25519.Signing.PrivateKey = .init(),
    clock: any FrameClock = SystemClock()
  ) throws {
    self.clock = clock
    frame = try FrameID(name)
    native = try Asset(origin: frame, code: code, scale: 2)
    self.directory =
      directory
      ?? FileManager.default.temporaryDirectory.appendingPathComponent("frame-settlement-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
    signer = LogSigner(name: name, privateKey: key)
    self.key = key
    writer = try Writer(
      directory: self.directory, initial: SimState(native: native), guard: LedgerGuard<SimState>(), signer: signer,
      clock: clock, metrics: LogMetrics(registry), logger: Self.logger)
    projectionMetrics = ProjectionMetrics(registry)
    settlementMetrics = SettlementMetrics(registry)
    bridgeMetrics = BridgeMetrics(registry)
    witnessMetrics = WitnessMetrics(registry)
    witness = try Witness(
      directory: self.directory.appendingPathComponent("witness"), signer: signer, clock: clock,
      metrics: witnessMetrics)
    log = LoopbackLog(writer: writer, signer: signer)
    projectionServer = ProjectionServer(
      writer: LoopbackWriter.projection(writer), log: log, clock: clock, metrics: projectionMetrics)
    settlementServer = SettlementServer(
      writer: LoopbackWriter.settlement(writer), log: log, metrics: settlementMetrics)
  }

  /// Agents with money, and a treaty with each of `peers`.
  func found(peers: [LoopbackNode], _ limits: SimFixture.Limits = .init()) async throws {
    let authority = SPIFFEID.authority(of: frame)
    func run(_ command: SimState.Command, _ key: String) async throws {
      _ = try await writer.submit(CommandEnvelope(command, actor: authority, derivedKey: key))
    }
    try await run(.ledger(.foundFrame(logVerifierKey: signer.verifierKey.text)), "found")
    try await run(.ledger(.issue(Amount(minorUnits: SimFixture.startBalance * 10), memo: "")), "issue")
    for name in SimFixture.agents {
      let agent = SimFixture.agent(name)
      try await run(.ledger(.registerAgent(agent, purpose: "")), "register/\(name)")
      try await run(
        .ledger(.transfer(from: nil, to: agent, amount: Amount(minorUnits: SimFixture.startBalance), memo: "")),
        "grant/\(name)")
    }
    for peer in peers {
      let treaty = SimFixture.treaty(
        SimFixture.description(of: native, key: signer.verifierKey, limits),
        SimFixture.description(of: peer.native, key: peer.signer.verifierKey, limits))
      try await run(.given(treaty), "treaty/\(peer.frame)")
    }
  }

  func follower(_ peers: any PeerCalling, _ onCommitted: @escaping @Sendable ([RecordedEvent]) async -> Void = { _ in })
    -> ProjectionFollower
  {
    let watch = watch(peers)
    return ProjectionFollower(
      frame: frame, writer: LoopbackWriter.projection(writer), peers: peers, clock: clock, metrics: projectionMetrics,
      logger: Self.logger, read: { try await watch.read($0, of: $1, key: $2) }, onCommitted: onCommitted)
  }

  /// What this node has witnessed of its peers' logs; another one on the same folder remembers it.
  func watch(_ peers: any PeerCalling) -> PeerLogWatch {
    PeerLogWatch(
      witness: witness, evidence: EvidenceFolder(directory.appendingPathComponent("evidence")), peers: peers,
      directory: PeerDirectory(frame: frame), metrics: witnessMetrics,
      logger: Self.logger
    ) { peer, proof in self.frauds.withLock { $0.append((peer, proof)) } }
  }

  func coordinator(_ peers: LoopbackPeers) -> TransferCoordinator {
    TransferCoordinator(
      frame: frame, native: native, writer: LoopbackWriter.settlement(writer), peers: peers, clock: clock,
      metrics: settlementMetrics, logger: Self.logger)
  }

  func relay(_ peers: any PeerCalling) -> BridgeRelay {
    let watch = watch(peers)
    return BridgeRelay(
      frame: frame, writer: LoopbackWriter.bridge(writer), log: log, peers: peers, clock: clock,
      metrics: bridgeMetrics, logger: Self.logger, read: { try await watch.read($0, of: $1, key: $2) })
  }

  func checkpoint() async throws -> SignedCheckpoint { try await log.checkpoint() }
  func attest(_ position: UInt64) async throws -> PBAttestation { try await log.attest(position) }
  var settlement: any SettlementWriter { LoopbackWriter.settlement(writer) }
  var bridge: any BridgeWriter { LoopbackWriter.bridge(writer) }

  func balance(_ account: AccountRef) async throws -> Int64 { try await writer.read { $0.ledger.balance(account) } }

  /// Waits, by the log's own notifications, until the state is as wanted.
  func until(_ what: String, _ holds: @escaping @Sendable (SimState) -> Bool) async throws {
    struct TooLate: Error { let what: String }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in self.writer.changes() where try await self.writer.read(holds) { return }
      }
      group.addTask {
        try await Task.sleep(for: .seconds(60))
        throw TooLate(what: what)
      }
      try await group.next()
      group.cancelAll()
    }
  }

  func close() async {
    await writer.shutdown()
    try? FileManager.default.removeItem(at: directory)
  }
}

/// The writer of a loopback node, as one room sees it.
struct LoopbackWriter<State, Command: Sendable>: RoomWriter {
  let writer: Writer<SimState>
  let part: @Sendable (SimState) -> State
  let command: @Sendable (Command) -> SimState.Command
  let digest: @Sendable (Command) -> Data

  private func envelope(_ command: Command, _ actor: SPIFFEID, _ key: IdempotencyKey) -> Writer<SimState>.Envelope {
    let wrapped = self.command(command)
    return CommandEnvelope(
      wrapped, actor: actor, key: key, digest: digest(command), subject: SimState.subject(of: wrapped))
  }

  func submit<View: Sendable>(
    _ command: Command, actor: SPIFFEID, key: IdempotencyKey, then view: @escaping @Sendable (State) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await writer.submit(envelope(command, actor, key)) { [part] in view(part($0)) }
  }

  func submit(
    _ commands: [(command: Command, key: IdempotencyKey)], actor: SPIFFEID
  ) async -> [Result<Committed, any Error>] {
    await writer.submit(contentsOf: commands.map { envelope($0.command, actor, $0.key) })
  }

  func read<View: Sendable>(_ look: @escaping @Sendable (State) throws -> View) async throws -> View {
    try await writer.read { [part] in try look(part($0)) }
  }
}

extension LoopbackWriter {
  static func projection(_ writer: Writer<SimState>) -> any ProjectionWriter
  where State == ProjectionRooms, Command == ProjectionCommand {
    LoopbackWriter(
      writer: writer, part: { ($0.projection, $0.federation) }, command: { .projection($0) },
      digest: { CommandDigest.of($0.key) })
  }

  static func settlement(_ writer: Writer<SimState>) -> any SettlementWriter
  where State == SettlementState, Command == SettlementCommand {
    LoopbackWriter(
      writer: writer, part: { $0.settlement }, command: { .settlement($0) }, digest: { $0.digest })
  }

  static func bridge(_ writer: Writer<SimState>) -> any BridgeWriter
  where State == BridgeRooms, Command == BridgeCommand {
    LoopbackWriter(
      writer: writer, part: { ($0.bridge, $0.ledger, $0.federation) }, command: { .bridge($0) }, digest: { $0.digest })
  }
}

/// The log of a loopback node.
struct LoopbackLog: OwnLog {
  let writer: Writer<SimState>
  let signer: LogSigner

  func attest(_ position: UInt64) async throws -> PBAttestation { try await writer.attest(position) }
  func checkpoint() async throws -> SignedCheckpoint { try await writer.checkpoint() }
  func changes() -> AsyncStream<UInt64> { writer.changes() }
  func lastWord(about subject: String) async throws -> RecordedEvent? { try await writer.lastWord(about: subject) }
  func sign(_ bytes: Data) async throws -> Data { signer.signature(over: bytes) }
}

/// The network between loopback nodes, as one of them sees it.
final class LoopbackPeers: PeerCalling {
  enum Line: Sendable {
    case up, down
    /// The peer acts, and its answer is lost.
    case losesAnswers
  }

  private let me: FrameID
  private let peer: LoopbackNode
  private let line: Mutex<Line>
  private let tamper: Mutex<(@Sendable (inout PBProjectionMessage) -> Void)?> = Mutex(nil)
  private let calls = Mutex(0)
  private let unanswerable = Mutex<Set<String>>([])
  private let hurries = Mutex(0)
  private let pausing: Mutex<(@Sendable (Duration) async throws -> Void)?> = Mutex(nil)

  init(from me: LoopbackNode, to peer: LoopbackNode, _ line: Line = .up) {
    self.me = me.frame
    self.peer = peer
    self.line = Mutex(line)
  }

  func set(_ line: Line) { self.line.withLock { $0 = line } }
  func tampering(_ change: (@Sendable (inout PBProjectionMessage) -> Void)?) { tamper.withLock { $0 = change } }
  /// What becomes of the pauses before the next try, instead of their time passing.
  func pausing(_ body: @escaping @Sendable (Duration) async throws -> Void) { pausing.withLock { $0 = body } }
  var hurryCount: Int { hurries.withLock { $0 } }

  func hurry(_ frame: FrameID) { hurries.withLock { $0 += 1 } }

  func pause(_ frame: FrameID, for duration: Duration, clock: any FrameClock) async throws {
    if let body = pausing.withLock({ $0 }) { return try await body(duration) }
    try await clock.sleep(for: duration)
  }

  var callCount: Int { calls.withLock { $0 } }
  /// What is asked about this transfer gets no answer, whatever the line.
  func neverAnswer(about transferID: String) { unanswerable.withLock { _ = $0.insert(transferID) } }

  private func requireAnswerable(_ transferID: String, _ frame: FrameID) throws {
    guard unanswerable.withLock({ !$0.contains(transferID) }) else {
      throw PeerCallError.unavailable(peer: frame, why: "no answer about \(transferID)")
    }
  }

  private func over<T: Sendable>(_ frame: FrameID, _ call: () async throws -> T) async throws -> T {
    calls.withLock { $0 += 1 }
    let line = line.withLock { $0 }
    guard frame == peer.frame, line != .down else { throw PeerCallError.unavailable(peer: frame, why: "down") }
    let answer = try await call()
    if line == .losesAnswers { throw PeerCallError.unavailable(peer: frame, why: "the answer was lost") }
    return answer
  }

  func credit(
    _ frame: FrameID, _ terms: PBTransferTerms, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    try requireAnswerable(terms.transferID, frame)
    return try await over(frame) { try await peer.settlementServer.credit(terms, from: me) }
  }

  func resolve(
    _ frame: FrameID, transferID: String, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    try requireAnswerable(transferID, frame)
    return try await over(frame) { try await peer.settlementServer.resolve(transferID: transferID, from: me) }
  }

  func subscribe(
    _ frame: FrameID, after sequence: UInt64, of log: PeerLog?,
    onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    try await over(frame) {
      try await peer.projectionServer.subscribe(after: sequence, peer: me) { message in
        var message = message
        self.tamper.withLock { $0?(&message) }
        try await onMessage(message)
      }
    }
  }

  func reserveStatement(_ frame: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement {
    try await over(frame) { try await peer.relay(self).reserveStatement(for: me) }
  }

  func addCheckpoint(_ frame: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer {
    try await over(frame) { await peer.witness.add(body) { _ in nil }.answer }
  }

  func consistencyProof(
    _ frame: FrameID, from first: UInt64, to second: UInt64, timeout: Duration
  ) async throws -> [Data] {
    // As the channel has it: what the peer refuses arrives as its code.
    try await over(frame) {
      do { return try await peer.writer.consistencyProof(from: first, to: second) } catch let error as LogError {
        throw PeerCallError.refused(peer: frame, code: error.code, message: error.message)
      }
    }
  }
}
