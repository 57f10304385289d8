import FrameCore
import FrameIdentity
import FrameLog
import FramePeerAPI
import FrameProtos
import Foundation
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import Logging
import ServiceLifecycle
import Synchronization

/// The channels to all established peers. They open when a treaty is established, and close at once when it ends.
package final class PeerChannels: PeerCalling, Service {
  /// Where connections really go, for peers that are reached through an SNI router.
  package typealias Routing = @Sendable (FrameID, HostPort) -> HostPort?

  private struct Held {
    var clients: [FrameID: PeerClient] = [:]
    var isClosed = false
  }

  private let held = Mutex(Held())
  private let identity: SVIDSource
  private let directory: PeerDirectory
  private let clock: any FrameClock
  private let metrics: FederationMetrics
  private let calls = ActiveCalls(limit: .max)
  private let routing: Routing
  private let logger: Logger

  /// - Parameter routing: for a peer and its advertised address, the SNI router to go through; nil for a direct connection.
  package init(
    identity: SVIDSource, directory: PeerDirectory, metrics: FederationMetrics, clock: any FrameClock = SystemClock(),
    routing: @escaping Routing = { _, _ in nil }, logger: Logger = Logger(label: "frame.federation")
  ) {
    self.identity = identity
    self.directory = directory
    self.metrics = metrics
    self.clock = clock
    self.routing = routing
    self.logger = logger
    directory.observe { [weak self] change in self?.apply(change) }
    for treaty in directory.established { apply(.established(treaty.peer)) }
  }

  /// Keeps the channels until shut down, then closes them.
  package func run() async throws {
    try? await gracefulShutdown()
    closeAll()
  }

  private func apply(_ change: PeerChange) {
    switch change {
    case .established(let peer):
      // Open before the first call needs it.
      do { _ = try client(peer) } catch {
        logger.error("Cannot open a channel", metadata: ["peer": "\(peer)", "error": "\(error)"])
      }
    case .closed(let peer, _): close(peer)
    case .pinMoved(let peer, let lostAuthorities):
      if lostAuthorities { held.withLock { $0.clients[peer] }?.reconnect() }
    }
  }

  /// Ends the channel to `peer` and its calls at once.
  package func close(_ peer: FrameID) {
    calls.cancelAll(of: peer)
    held.withLock { $0.clients.removeValue(forKey: peer) }?.close()
  }

  private func closeAll() {
    let clients = held.withLock { held in
      held.isClosed = true
      defer { held.clients = [:] }
      return held.clients
    }
    calls.cancelAll()
    for client in clients.values { client.close() }
  }

  // MARK: Calls

  package func credit(
    _ peer: FrameID, _ terms: PBTransferTerms, timeout: Duration
  ) async throws -> PBTransferDecision {
    var request = PBCreditRequest()
    request.terms = terms
    return try await call(peer, .credit, timeout) { [request] api, options in
      try await api.creditTransfer(request, options: options)
    }
  }

  package func resolve(
    _ peer: FrameID, transferID: String, timeout: Duration
  ) async throws -> PBTransferDecision {
    var request = PBResolveRequest()
    request.transferID = transferID
    if let ended = directory.ended(peer) { return try await resolve(request, timeout, ended.treaty, ended.bundle) }
    return try await call(peer, .resolve, timeout) { [request] api, options in
      try await api.resolveTransfer(request, options: options)
    }
  }

  /// The one question that is asked of a frame whose treaty has ended, on a connection of its own.
  private func resolve(
    _ request: PBResolveRequest, _ timeout: Duration, _ treaty: Treaty, _ bundle: SPIFFEBundle
  ) async throws -> PBTransferDecision {
    let address = try HostPort(treaty.theirs.federationAddress)
    let client = try PeerClient(
      treaty.peer, at: address, via: routing(treaty.peer, address), identity: identity, bundles: bundle, clock: clock,
      metrics: metrics)
    defer { client.close() }
    return try await Self.timed(treaty.peer, .resolve, metrics) {
      try await client.api.resolveTransfer(request, options: Self.options(timeout))
    }
  }

  package func reserveStatement(_ peer: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement {
    try await call(peer, .reserveStatement, timeout) { api, options in
      try await api.getReserveStatement(PBReserveStatementRequest(), options: options)
    }
  }

  package func addCheckpoint(_ peer: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer {
    var request = PBAddCheckpointRequest()
    request.body = body
    let reply = try await call(peer, .addCheckpoint, timeout) { [request] api, options in
      try await api.addCheckpoint(request, options: options)
    }
    return try WitnessAnswer(reply, from: peer)
  }

  package func consistencyProof(
    _ peer: FrameID, from first: UInt64, to second: UInt64, timeout: Duration
  ) async throws -> [Data] {
    var request = PBConsistencyProofRequest()
    request.first = first
    request.second = second
    return try await call(peer, .consistencyProof, timeout) { [request] api, options in
      try await api.getConsistencyProof(request, options: options).hashes
    }
  }

  package func subscribe(
    _ peer: FrameID, after sequence: UInt64, onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    var request = PBSubscribeRequest()
    request.afterSequence = sequence
    try await call(peer, .subscribe, nil) { [request] api, options in
      try await api.subscribe(request, options: options) { response in
        for try await message in response.messages { try await onMessage(message) }
      }
    }
  }

  /// Runs one call to an established peer.
  private func call<T: Sendable>(
    _ peer: FrameID, _ method: PeerMethod, _ timeout: Duration?,
    _ body: @escaping @Sendable (PBFramePeer.Client<PeerTransport>, CallOptions) async throws -> T
  ) async throws -> T {
    let client = try client(peer)
    // A revoke between the check and the opening must not leave a channel behind.
    do { try directory.requireEstablished(peer) } catch {
      close(peer)
      throw error
    }
    let directory = directory
    return try await calls.run(peer) { [metrics] in
      try directory.requireEstablished(peer)
      return try await Self.timed(peer, method, metrics) { try await body(client.api, Self.options(timeout)) }
    }
  }

  static func options(_ timeout: Duration?) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    options.maxRequestMessageBytes = PeerLimits.requestBytesMax
    options.maxResponseMessageBytes = PeerLimits.responseBytesMax
    return options
  }

  /// Counts and times one call, and says what its failure means.
  static func timed<T: Sendable>(
    _ peer: FrameID, _ method: PeerMethod, _ metrics: FederationMetrics, _ body: () async throws -> T
  ) async throws -> T {
    let start = ContinuousClock.now
    do {
      let result = try await body()
      metrics.rpcs.with(peer.name, method.rawValue, "ok").increment()
      metrics.rpcDuration.with(peer.name, method.rawValue).observe(ContinuousClock.now - start)
      return result
    } catch let error as RPCError {
      let failure = PeerStatus.callError(error, from: peer)
      let code = if case .refused(_, let code, _) = failure { code } else { failure.code }
      metrics.rpcs.with(peer.name, method.rawValue, code).increment()
      if Task.isCancelled { throw CancellationError() }
      throw failure
    } catch {
      metrics.rpcs.with(peer.name, method.rawValue, (error as? any FrameError)?.code ?? "cancelled").increment()
      throw error
    }
  }

  /// The channel to an established peer, opened when there is none or its address has changed.
  private func client(_ peer: FrameID) throws -> PeerClient {
    let treaty = try directory.requireEstablished(peer)
    let address = try HostPort(treaty.theirs.federationAddress)
    var stale: PeerClient?
    defer { stale?.close() }
    return try held.withLock { held in
      guard !held.isClosed else { throw PeerCallError.unavailable(peer: peer, why: "this node is shutting down") }
      if let client = held.clients[peer] {
        if client.address == address { return client }
        stale = client
      }
      let client = try PeerClient(
        peer, at: address, via: routing(peer, address), identity: identity, bundles: directory, clock: clock,
        metrics: metrics)
      held.clients[peer] = client
      return client
    }
  }
}
