package import FrameCore
package import FrameTreaty
package import FrameLedger
package import FrameEvents
package import FrameProjection
package import FrameProtos
package import Logging
internal import ServiceLifecycle
import Synchronization

/// What the bridge may look at.
package typealias BridgeRooms = (bridge: BridgeState, ledger: LedgerState, federation: FederationState)

/// How the bridge's shells reach the one writer.
package typealias BridgeWriter = RoomWriter<BridgeRooms, BridgeCommand>

/// The bridge's own hands: tries for ever what the peers' streams delivered and could not be done at once, compares both
/// sides' totals, and keeps the gauges true.
package final class BridgeRelay: Service {
  private let frame: FrameID
  private let writer: any BridgeWriter
  private let log: any OwnLog
  private let peers: any PeerCalling
  private let clock: any FrameClock
  private let metrics: BridgeMetrics
  private let logger: Logger
  /// Operations of each peer counted so far: the counters follow the log, whoever made the events.
  private let counted = Mutex<[FrameID: [BridgeOperation: Int]]>([:])
  private let read: CheckpointReader

  /// - Parameter read: asked before anything that a checkpoint of a peer's log proves is relied on.
  package init(
    frame: FrameID, writer: any BridgeWriter, log: any OwnLog, peers: any PeerCalling, clock: any FrameClock,
    metrics: BridgeMetrics, logger: Logger, read: @escaping CheckpointReader
  ) {
    self.read = read
    self.frame = frame
    self.writer = writer
    self.log = log
    self.peers = peers
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  // MARK: For the API and the peers

  /// Acts on a proof that somebody brought; an unbacked one opens the breaker.
  /// - Returns: what was appended; no events when it had had its effect already.
  /// - Throws: ``BridgeError``, `FederationError`, `LogError`.
  package func prove(_ attested: AttestedEvent, actor: SPIFFEID) async throws -> Committed {
    let command: BridgeCommand
    let operation: BridgeOperation
    switch attested.event.event.payload {
    case .tokensBridgeLocked: (command, operation) = (.issue(attested), .issue)
    case .wrappedTokensRedeemed: (command, operation) = (.unlock(attested), .unlock)
    default:
      throw BridgeError.wrongEventType(
        expected: "TokensBridgeLocked or WrappedTokensRedeemed", got: attested.event.event.eventType.name)
    }
    do {
      return try await writer.submit(command, actor: actor, key: IdempotencyKey(derived: command.derivedKey ?? ""))
    } catch {
      let code = (error as? any FrameError)?.code ?? "failed"
      metrics.operations.with(attested.origin.name, operation.rawValue, code).increment()
      if case .unbacked(let peer, let reason)? = error as? BridgeError {
        await open(peer, reason: reason, detail: "proof of position \(attested.event.position)")
      }
      throw error
    }
  }

  /// This frame's signed statement for `peer`, which asked.
  package func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement {
    let now = clock.now()
    let frame = frame
    let statement = try await writer.read { rooms in
      try rooms.federation.requireEstablished(peer)
      return ReserveStatements.make(
        for: peer, frame: frame, figures: BridgeFigures(rooms.bridge.peer(peer)), logSize: rooms.bridge.logSize,
        now: now)
    }
    var signed = PBSignedReserveStatement()
    signed.statement = try statement.serializedData()
    // Taken after the totals, so that it covers the position they are true at.
    signed.checkpoint = try await log.checkpoint().note
    signed.signature = try await log.sign(ReserveStatements.signedBytes(signed.statement))
    return signed
  }

  /// Told what the projection brought about: logs and counts what the peers' events were refused for.
  package func observe(_ events: some Collection<RecordedEvent> & Sendable) async {
    for recorded in events {
      switch recorded.event.payload {
      case .bridgeBreakerOpened(let p):
        logger.critical(
          "bridge stopped", metadata: ["peer": "\(p.peer)", "reason": "\(p.reason)", "detail": "\(p.detail)"])
      case .peerEventProjected(let p) where !p.rejected.isEmpty:
        guard p.eventType == EventType.tokensBridgeLocked.name || p.eventType == EventType.wrappedTokensRedeemed.name
        else { continue }
        let operation: BridgeOperation = p.eventType == EventType.tokensBridgeLocked.name ? .issue : .unlock
        metrics.operations.with(p.originFrame, operation.rawValue, p.rejected).increment()
      default: break
      }
    }
  }

  // MARK: Service

  /// Runs until the task is cancelled or the node shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask {
          while !Task.isCancelled {
            await self.relay()
            guard (try? await self.clock.sleep(for: BridgeLimits.relayInterval)) != nil else { return }
          }
        }
        group.addTask {
          while !Task.isCancelled {
            guard (try? await self.clock.sleep(for: BridgeLimits.statementInterval)) != nil else { return }
            await self.compareAll()
          }
        }
      }
    }
  }

  /// One round: publishes the gauges and tries everything that nothing stands in the way of any more.
  package func relay() async {
    let now = clock.now()
    struct Work: Sendable {
      let peer: FrameID
      let figures: BridgeFigures
      let issues: [String]
      let unlocks: [String]
      let log: PeerLog?
    }
    let work = try? await writer.read { rooms in
      rooms.bridge.peers.map { peer, bridge in
        let pending = rooms.bridge.pending(
          with: peer, ledger: rooms.ledger, federation: rooms.federation, now: now)
        func ready(_ items: [BridgeState.Pending]) -> [String] {
          items.filter { $0.reason.isEmpty }.prefix(BridgeLimits.relayBatchMax).map(\.item.id)
        }
        return Work(
          peer: peer, figures: BridgeFigures(bridge), issues: ready(pending.issues), unlocks: ready(pending.unlocks),
          log: bridge.log)
      }
    }
    await returnItems()
    for item in work ?? [] {
      metrics.publish(item.figures, item.peer.name)
      count(item.figures, item.peer)
      for id in item.issues {
        await retry(.issuePending(peer: item.peer, lockID: id, log: item.log), item.peer, .issue)
      }
      for id in item.unlocks {
        await retry(.unlockPending(peer: item.peer, redeemID: id, log: item.log), item.peer, .unlock)
      }
    }
  }

  /// What waited with logs that were decided about goes to whom it is due.
  private func returnItems() async {
    let due = (try? await writer.read { $0.bridge.toReturn($0.ledger) }) ?? []
    for (log, item) in due.prefix(BridgeLimits.relayBatchMax) {
      let operation: BridgeOperation =
        switch item.kind {
        case .lock: .lock
        case .wrapped: .redeem
        case .redemption, .unspecified, .UNRECOGNIZED: .unlock
        }
      await retry(.returnItem(log: log, kind: item.kind, id: item.id), log.frame, operation)
    }
  }

  private func retry(_ command: BridgeCommand, _ peer: FrameID, _ operation: BridgeOperation) async {
    do {
      _ = try await writer.submit(
        command, actor: .node(of: frame), key: IdempotencyKey(derived: command.derivedKey ?? ""))
    } catch {
      let code = (error as? any FrameError)?.code ?? "failed"
      metrics.operations.with(peer.name, operation.rawValue, code).increment()
      logger.info("bridge item still waits", metadata: ["peer": "\(peer)", "reason": "\(code)"])
    }
  }

  /// Adds what the log holds beyond what was counted; the first look only sets the start.
  private func count(_ figures: BridgeFigures, _ peer: FrameID) {
    let now = figures.operations
    let before = counted.withLock { counted in
      defer { counted[peer] = now }
      return counted[peer]
    }
    guard let before else { return metrics.prepare(peer.name) }
    for (operation, total) in now {
      let done = total - (before[operation] ?? 0)
      if done > 0 { metrics.operations.with(peer.name, operation.rawValue, "ok").increment(by: done) }
    }
  }

  // MARK: Comparing

  /// Asks every established peer for its statement, all at once: a silent one delays nobody.
  package func compareAll() async {
    let established = (try? await writer.read { $0.federation.establishedPeers }) ?? []
    await withDiscardingTaskGroup { group in
      for peer in established { group.addTask { await self.compare(with: peer) } }
    }
  }

  /// Compares one peer's signed totals with ours; a contradiction opens the breaker.
  package func compare(with peer: FrameID) async {
    do {
      let (before, key) = try await writer.read { rooms in
        (BridgeFigures(rooms.bridge.peer(peer)), try rooms.federation.requireEstablished(peer).peerLogKey)
      }
      let signed = try await peers.reserveStatement(peer, timeout: BridgeLimits.callTimeout)
      let witnessed = try await read([signed.checkpoint], peer, LogVerifierKey(key)).checkpoint(signed.checkpoint)
      let statement = try ReserveStatements.verify(signed, from: peer, for: frame, by: witnessed)
      let after = try await writer.read { BridgeFigures($0.bridge.peer(peer)) }
      if let (reason, detail) = ReserveStatements.contradiction(statement, before: before, after: after) {
        metrics.statements.with(peer.name, reason).increment()
        await open(peer, reason: reason, detail: detail)
      } else {
        metrics.statements.with(peer.name, "agrees").increment()
        metrics.statementTimestamp.with(peer.name).set(clock.now().seconds)
      }
    } catch {
      let code = (error as? any FrameError)?.code ?? "failed"
      metrics.statements.with(peer.name, code).increment()
      // That a peer does not answer is told once, by its channel.
      let isSilent = (error as? PeerCallError)?.isOutcomeUnknown ?? false
      logger.log(
        level: isSilent ? .debug : .info, "no reserve statement",
        metadata: ["peer": "\(peer)", "error": "\(error.report)"])
    }
  }

  private func open(_ peer: FrameID, reason: String, detail: String) async {
    do {
      let committed = try await writer.submit(
        .openBreaker(peer: peer, reason: reason, detail: detail), actor: .node(of: frame),
        key: IdempotencyKey(derived: "bridge/breaker/\(peer)/\(clock.now().unixNanoseconds)"))
      await observe(committed.events)
    } catch {
      logger.critical("the breaker cannot be opened", metadata: ["peer": "\(peer)", "error": "\(error.report)"])
    }
  }
}
