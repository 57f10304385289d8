import FrameTreaty
import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos
import Foundation
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import Logging
import ServiceLifecycle
import Synchronization

/// The channels to all established peers. They open when a treaty is established, and close at once when it ends.
///
/// When keys change, a channel goes over to a new connection before the old one has to go: when another authority of ours signs
/// (the old connection shows an SVID of the one that will be revoked), and when the peer's bundle moves (the peer may present
/// another). The new connection must have carried a call before anything else is sent over it; what is under way on the old one
/// ends there. So a rotation is not seen by any call, also when a peer does not know our new authority yet. A peer that is reached
/// elsewhere by an amendment is gone over to in the same way: until it answers there, it is called where it was.
package final class PeerChannels: PeerCalling, Service {
  /// Where connections really go, for peers that are reached through an SNI router.
  package typealias Routing = @Sendable (FrameID, HostPort) -> HostPort?

  private struct State {
    var clients: [FrameID: PeerClient] = [:]
    /// Those that were left while calls were under way on them.
    var left: [FrameID: [PeerClient]] = [:]
    /// The tasks that bring channels over to new connections.
    var moves: [FrameID: Task<Void, Never>] = [:]
    /// How often each channel was to go over to a new connection: one that was made for an earlier wish is not taken.
    var wishes: [FrameID: UInt64] = [:]
    /// What a move waits for before it tries again.
    var pauses: [FrameID: Task<Void, Never>] = [:]
    /// Connections that are tried because somebody waits.
    var hurries: [FrameID: Task<Void, Never>] = [:]
    var isClosed = false
  }

  private let held = Mutex(State())
  private let identity: SVIDSource
  /// Signed the SVID that the first connections show.
  private let firstAuthority: String?
  private let directory: PeerDirectory
  private let verifier: SPIFFEVerifier
  private let clock: any FrameClock
  private let metrics: PeeringMetrics
  /// Whether each peer answers.
  package let reachability: PeerReachability
  private let calls = ActiveCalls(limit: .max)
  private let routing: Routing
  private let logger: Logger

  /// - Parameter routing: for a peer and its advertised address, the SNI router to go through; nil for a direct connection.
  package init(
    identity: SVIDSource, directory: PeerDirectory, metrics: PeeringMetrics, clock: any FrameClock = SystemClock(),
    routing: @escaping Routing = { _, _ in nil }, logger: Logger = Logger(label: "frame.federation")
  ) {
    self.identity = identity
    self.firstAuthority = identity.current.authorityID
    self.directory = directory
    self.verifier = SPIFFEVerifier(bundles: directory, clock: clock)
    self.metrics = metrics
    self.clock = clock
    self.routing = routing
    self.logger = logger
    self.reachability = PeerReachability(clock: clock, metrics: metrics, logger: logger)
    directory.observe { [weak self] change in self?.apply(change) }
    for treaty in directory.established { apply(.established(treaty.peer)) }
  }

  /// Keeps the channels, on connections that show what our authority of now has signed, until shut down; then closes them.
  package func run() async throws {
    await cancelWhenGracefulShutdown { await self.followIdentity() }
    closeAll()
  }

  private func followIdentity() async {
    let renewals = identity.renewals()
    var authority = firstAuthority
    // It may have changed before the stream began.
    if identity.current.authorityID != authority {
      authority = identity.current.authorityID
      moveAll()
    }
    for await svid in renewals {
      // Of an SVID from elsewhere it is not known whose it is: each may be of another authority.
      if let known = svid.authorityID, known == authority { continue }
      authority = svid.authorityID
      moveAll()
    }
  }

  private func moveAll() { for peer in held.withLock({ Array($0.clients.keys) }) { move(peer) } }

  private func apply(_ change: PeerChange) {
    switch change {
    case .established(let peer):
      // Open before the first call needs it.
      do { _ = try client(peer) } catch {
        logger.error("Cannot open a channel", metadata: ["peer": "\(peer)", "error": "\(error.report)"])
      }
    case .closed(let peer, _): close(peer)
    case .endpointsMoved(let peer): move(peer)
    case .untrusted: break
    case .pinMoved(let peer, let lostAuthorities):
      guard lostAuthorities else { return move(peer) }
      let clients = held.withLock { held in (held.left[peer] ?? []) + (held.clients[peer].map { [$0] } ?? []) }
      Task { [verifier] in for client in clients { await client.closeUnvouched(by: verifier) } }
    }
  }

  // MARK: Going over to a new connection

  /// Brings the channel to `peer` over to a new connection, as soon as one can be made.
  private func move(_ peer: FrameID) {
    held.withLock { held in
      guard !held.isClosed, held.clients[peer] != nil else { return }
      held.wishes[peer, default: 0] += 1
      held.pauses.removeValue(forKey: peer)?.cancel()
      // One that is under way is not broken off: its question to the peer would be a call that failed. It sees the new wish.
      if held.moves[peer] == nil {
        held.moves[peer] = Task { [weak self] in await self?.moveWhenPossible(peer) ?? () }
      }
    }
  }

  /// Whether a move to `peer` is under way.
  func isMoving(_ peer: FrameID) -> Bool { held.withLock { $0.moves[peer] != nil } }

  private func moveWhenPossible(_ peer: FrameID) async {
    var failures = 0
    var outage = Outage(patience: 1, spread: .zero)
    while !Task.isCancelled {
      let wish = held.withLock { $0.wishes[peer] }
      guard let next = try? makeClient(peer, isChannel: false) else {
        return held.withLock { if !Task.isCancelled { $0.moves[peer] = nil } }
      }
      do {
        try await probe(next)
      } catch {
        next.close()
        if Task.isCancelled { return }
        failures += 1
        metrics.moves.with(peer.name, "failed").increment()
        if outage.failed(at: clock.now()) != nil {
          logger.notice(
            "Cannot go over to a new connection; the old one stays in use",
            metadata: ["peer": "\(peer)", "error": "\(error.report)"])
        }
        let isElsewhere = held.withLock { $0.clients[peer]?.address != next.address }
        let pause = Backoff.delay(
          failures, first: PeerLimits.moveRetryFirst,
          max: isElsewhere ? PeerLimits.relocationRetryMax : PeerLimits.moveRetryMax, of: peer)
        await wait(pause, for: peer, wish)
        continue
      }
      if take(next, for: peer, wish) { return }
    }
  }

  /// Whether the peer takes our certificate is known only once it has answered.
  private func probe(_ next: PeerClient) async throws {
    do {
      _ = try await Self.timed(next.peer, .consistencyProof, metrics, nil) {
        var request = PBConsistencyProofRequest()
        (request.first, request.second) = (1, 1)
        return try await next.api.getConsistencyProof(request, options: Self.options(PeerLimits.moveTimeout))
      }
    } catch PeerCallError.refused {
      // An answer all the same.
    }
  }

  /// Pauses a move, until there is another reason for one.
  private func wait(_ duration: Duration, for peer: FrameID, _ wish: UInt64?) async {
    let clock = clock
    let pause = Task<Void, Never> { try? await clock.sleep(for: duration) }
    let isStale = held.withLock { held in
      if Task.isCancelled || held.wishes[peer] != wish { return true }
      held.pauses[peer] = pause
      return false
    }
    if isStale { pause.cancel() }
    await withTaskCancellationHandler {
      await pause.value
    } onCancel: {
      pause.cancel()
    }
  }

  /// Puts a channel that works in place of the present one.
  /// - Parameter wish: the move that it was made for; nil: it is no move.
  /// - Returns: whether nothing is left to do for the move.
  @discardableResult
  private func take(_ next: PeerClient, for peer: FrameID, _ wish: UInt64? = nil) -> Bool {
    enum End { case taken(PeerClient), over, tooOld }
    let end = held.withLock { held -> End in
      // The treaty may have ended while the peer was being asked.
      guard !held.isClosed, !Task.isCancelled, let old = held.clients[peer] else { return .over }
      if let wish {
        // What there is now may have come after the connection was made.
        guard held.wishes[peer] == wish else { return .tooOld }
        held.moves[peer] = nil
      }
      held.clients[peer] = next
      held.left[peer] = (held.left[peer] ?? []).filter { !$0.isDone } + [old]
      return .taken(old)
    }
    switch end {
    case .taken(let old):
      if wish != nil { metrics.moves.with(peer.name, "done").increment() }
      old.leave()
      return true
    case .over, .tooOld:
      next.close()
      if case .over = end { return true }
      return false
    }
  }

  // MARK: A peer that is back

  package func hurry(_ peer: FrameID) {
    guard reachability.isFailing(peer) else { return }
    held.withLock { held in
      guard !held.isClosed, held.clients[peer] != nil, held.moves[peer] == nil, held.hurries[peer] == nil else {
        return
      }
      held.hurries[peer] = Task { [weak self] in await self?.redial(peer) ?? () }
    }
  }

  package func pause(_ peer: FrameID, for duration: Duration, clock: any FrameClock) async throws {
    try await reachability.pause(peer, for: duration, clock: clock)
  }

  /// One try of a new connection, which takes the present one's place if the peer answers on it.
  private func redial(_ peer: FrameID) async {
    defer { held.withLock { if !Task.isCancelled { $0.hurries[peer] = nil } } }
    guard let next = try? makeClient(peer) else { return }
    do {
      try await probe(next)
      take(next, for: peer)
      reachability.answered(peer)
    } catch {
      next.close()
      // Whoever asks again meanwhile has been heard.
      try? await clock.sleep(for: PeerLimits.hurryInterval)
    }
  }

  /// Ends the channel to `peer` and its calls at once.
  package func close(_ peer: FrameID) {
    calls.cancelAll(of: peer)
    reachability.forget(peer)
    held.withLock { held in
      held.moves.removeValue(forKey: peer)?.cancel()
      held.hurries.removeValue(forKey: peer)?.cancel()
      held.pauses[peer] = nil
      held.wishes[peer] = nil
      let current = held.clients.removeValue(forKey: peer).map { [$0] } ?? []
      return current + (held.left.removeValue(forKey: peer) ?? [])
    }.forEach { $0.close() }
  }

  private func closeAll() {
    let clients = held.withLock { held in
      held.isClosed = true
      for task in [held.moves.values, held.hurries.values].joined() { task.cancel() }
      defer { (held.clients, held.left, held.moves, held.hurries, held.pauses) = ([:], [:], [:], [:], [:]) }
      return Array(held.clients.values) + held.left.values.joined()
    }
    calls.cancelAll()
    for client in clients { client.close() }
  }

  // MARK: Calls

  package func credit(
    _ peer: FrameID, _ terms: PBTransferTerms, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    var request = PBCreditRequest()
    request.terms = terms
    request.logVerifierKey = try Self.key(try directory.requireEstablished(peer), of: log)
    return try await call(peer, .credit, timeout) { [request] client, options in
      try await client.api.creditTransfer(request, options: options)
    }
  }

  package func resolve(
    _ peer: FrameID, transferID: String, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision {
    var request = PBResolveRequest()
    request.transferID = transferID
    if let ended = directory.ended(peer) {
      request.logVerifierKey = try Self.key(ended.treaty, of: log)
      return try await resolve(request, timeout, ended.treaty, ended.bundle)
    }
    request.logVerifierKey = try Self.key(try directory.requireEstablished(peer), of: log)
    return try await call(peer, .resolve, timeout) { [request] client, options in
      try await client.api.resolveTransfer(request, options: options)
    }
  }

  /// The key of the peer's log by the treaty, if that is the log that is meant.
  private static func key(_ treaty: Treaty, of log: PeerLog?) throws(FederationError) -> String {
    guard log == nil || log == PeerLog(treaty.peer, key: treaty.peerLogKey) else {
      throw .anotherLog(treaty.peer, whose: treaty.peer)
    }
    return treaty.peerLogKey
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
    return try await Self.timed(treaty.peer, .resolve, metrics, nil) {
      try await client.api.resolveTransfer(request, options: Self.options(timeout))
    }
  }

  package func reserveStatement(_ peer: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement {
    try await call(peer, .reserveStatement, timeout) { client, options in
      try await client.api.getReserveStatement(PBReserveStatementRequest(), options: options)
    }
  }

  package func addCheckpoint(_ peer: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer {
    var request = PBAddCheckpointRequest()
    request.body = body
    let reply = try await call(peer, .addCheckpoint, timeout) { [request] client, options in
      try await client.api.addCheckpoint(request, options: options)
    }
    return try WitnessAnswer(reply, from: peer)
  }

  package func consistencyProof(
    _ peer: FrameID, from first: UInt64, to second: UInt64, timeout: Duration
  ) async throws -> [Data] {
    var request = PBConsistencyProofRequest()
    request.first = first
    request.second = second
    return try await call(peer, .consistencyProof, timeout) { [request] client, options in
      try await client.api.getConsistencyProof(request, options: options).hashes
    }
  }

  package func subscribe(
    _ peer: FrameID, after sequence: UInt64, of log: PeerLog?,
    onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    let treaty = try directory.requireEstablished(peer)
    var request = PBSubscribeRequest()
    request.afterSequence = sequence
    request.logVerifierKey = try Self.key(treaty, of: log)
    request.callerLogVerifierKey = treaty.ours.logVerifierKey
    try await call(peer, .subscribe, nil) { [request, reachability] client, options in
      try await client.untilLeft {
        try await client.api.subscribe(request, options: options) { response in
          var isFirst = true
          for try await message in response.messages {
            if isFirst { reachability.answered(peer) }
            isFirst = false
            try await onMessage(message)
          }
        }
      }
    }
  }

  /// Runs one call to an established peer.
  private func call<T: Sendable>(
    _ peer: FrameID, _ method: PeerMethod, _ timeout: Duration?,
    _ body: @escaping @Sendable (PeerClient, CallOptions) async throws -> T
  ) async throws -> T {
    let began = ContinuousClock.now
    try directory.requireEstablished(peer)
    return try await calls.run(peer) { [self] in
      try await Self.timed(peer, method, metrics, reachability) {
        do {
          return try await once(peer, timeout, body)
        } catch let cut as GivenUp {
          // Every call may be made twice (``PeerCalling``); a stream is opened again by whoever reads it.
          var error = cut.error
          for pause in PeerLimits.pausesAfterCut {
            if pause > .zero { try await clock.sleep(for: pause) }
            let rest = timeout.map { max(.milliseconds(1), $0 - (ContinuousClock.now - began)) }
            do { return try await once(peer, rest, body) } catch let again as GivenUp {
              error = again.error
            } catch let again as RPCError where !PeerStatus.isAnswer(again) && again.code != .deadlineExceeded {
              // The channel learns of the cut after the call that it was taken from: what is made at once may meet the same end.
              error = again
            }
            if Task.isCancelled { break }
          }
          throw error
        }
      }
    }
  }

  /// The connection was taken from a call by ourselves, because keys had changed: nothing is known of the peer by that.
  private struct GivenUp: Error {
    let error: RPCError
  }

  private func once<T: Sendable>(
    _ peer: FrameID, _ timeout: Duration?, _ body: (PeerClient, CallOptions) async throws -> T
  ) async throws -> T {
    let client = try client(peer, forCall: true)
    defer { client.endCall() }
    // A revoke between the check and the opening must not leave a channel behind.
    do { try directory.requireEstablished(peer) } catch {
      close(peer)
      throw error
    }
    let cuts = client.cuts
    do { return try await body(client, Self.options(timeout)) } catch let error as RPCError {
      guard timeout != nil, client.isGivenUp(since: cuts), !PeerStatus.isAnswer(error), error.code != .deadlineExceeded,
        !Task.isCancelled
      else { throw error }
      throw GivenUp(error: error)
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
  /// - Parameter reachability: told of the outcome, when the call went over the channel of an established treaty.
  static func timed<T: Sendable>(
    _ peer: FrameID, _ method: PeerMethod, _ metrics: PeeringMetrics, _ reachability: PeerReachability?,
    _ body: () async throws -> T
  ) async throws -> T {
    let start = ContinuousClock.now
    do {
      let result = try await body()
      metrics.rpcs.with(peer.name, method.rawValue, "ok").increment()
      metrics.rpcDuration.with(peer.name, method.rawValue).observe(ContinuousClock.now - start)
      reachability?.answered(peer)
      return result
    } catch let error as RPCError {
      if Task.isCancelled {
        metrics.rpcs.with(peer.name, method.rawValue, "cancelled").increment()
        throw CancellationError()
      }
      let failure = PeerStatus.callError(error, from: peer)
      let code = if case .refused(_, let code, _) = failure { code } else { failure.code }
      metrics.rpcs.with(peer.name, method.rawValue, code).increment()
      if case .unavailable(_, let why) = failure, !PeerStatus.isAnswer(error) {
        reachability?.failed(peer, code: failure.code, why: why)
      } else {
        reachability?.answered(peer)
      }
      throw failure
    } catch {
      metrics.rpcs.with(peer.name, method.rawValue, (error as? any FrameError)?.code ?? "cancelled").increment()
      throw error
    }
  }

  /// The channel to an established peer, opened when there is none.
  /// - Parameter forCall: counts a call on it, so that it is not closed before ``PeerClient/endCall()``.
  private func client(_ peer: FrameID, forCall: Bool = false) throws -> PeerClient {
    try directory.requireEstablished(peer)
    return try held.withLock { held in
      guard !held.isClosed else { throw PeerCallError.unavailable(peer: peer, why: "this node is shutting down") }
      let current = try held.clients[peer] ?? makeClient(peer)
      held.clients[peer] = current
      if forCall { current.beginCall() }
      return current
    }
  }

  /// A channel of its own to an established peer, at the address that the treaty has now.
  /// - Parameter isChannel: as of ``PeerClient``.
  private func makeClient(_ peer: FrameID, isChannel: Bool = true) throws -> PeerClient {
    let address = try HostPort(try directory.requireEstablished(peer).theirs.federationAddress)
    return try PeerClient(
      peer, at: address, via: routing(peer, address), identity: identity, bundles: directory, clock: clock,
      metrics: metrics, reachability: reachability, isChannel: isChannel,
      untrusted: { [weak directory] in directory?.untrusted(peer) })
  }
}
