package import FrameCore
package import FrameFederation
package import FrameLog
internal import FramePeerAPI
internal import FrameProtos
package import Logging
internal import ServiceLifecycle
import Synchronization

/// SF-4, the receiving side: one long-lived subscription at every established peer.
///
/// Each item is verified with the log key the treaty pins, then recorded in order; items that arrive together share a
/// commit. What cannot be verified ends the stream, is counted, and is asked for again after a pause: a peer that sends
/// junk stops its own stream and nothing else.
package final class ProjectionFollower: Service {
  private let port: any ProjectionPort
  private let peers: any PeerCalling
  private let clock: any FrameClock
  private let metrics: ProjectionMetrics
  private let heads: PeerHeads
  private let logger: Logger
  private let onCommitted: @Sendable ([RecordedEvent]) async -> Void
  private let watch: Watch
  private let following = Mutex<Set<FrameID>>([])

  /// Returns once the checkpoints are certain to belong to the one history of the peer's log; throws when they do not.
  package typealias Watch = @Sendable ([SignedCheckpoint], FrameID, LogVerifierKey) async throws -> Void

  /// - Parameters:
  ///   - watch: asked before anything that the checkpoints prove is acted on (CONFORMANCE B19, B20).
  ///   - onCommitted: told what receiving brought about, in order, after it is durable; for metrics and for those
  ///     who wait for an outcome.
  package init(
    port: any ProjectionPort, peers: any PeerCalling, clock: any FrameClock, metrics: ProjectionMetrics,
    logger: Logger, watch: @escaping Watch, onCommitted: @escaping @Sendable ([RecordedEvent]) async -> Void
  ) {
    self.port = port
    self.peers = peers
    self.clock = clock
    self.metrics = metrics
    self.heads = PeerHeads()
    self.logger = logger
    self.watch = watch
    self.onCommitted = onCommitted
  }

  /// Follows every established peer until the task is cancelled or the node shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          let established = (try? await self.port.projection { _, federation in federation.establishedPeers }) ?? []
          for peer in established where self.following.withLock({ $0.insert(peer).inserted }) {
            group.addTask { await self.follow(peer) }
          }
          self.refreshMetrics()
          guard (try? await self.clock.sleep(for: .milliseconds(250))) != nil else { break }
        }
        group.cancelAll()
      }
    }
  }

  /// Sets the lag gauges; also called when nothing arrives, since silence is lag.
  package func refreshMetrics() {
    let now = clock.now()
    for peer in heads.peers {
      guard let view = heads.view(peer) else { continue }
      metrics.lagEvents.with(peer.name).set(Int64(clamping: view.lagEvents))
      metrics.lagSeconds.with(peer.name).set(max(0, (now - view.caughtUpAt).inSeconds))
      metrics.connected.with(peer.name).set(view.isConnected)
      metrics.refused.with(peer.name).set(view.refusal.isEmpty ? 0 : 1)
      if let headAt = view.headAt { metrics.headTimestamp.with(peer.name).set(headAt.seconds) }
    }
  }

  /// What is known of a peer's stream: whether it is open, and when a head of the peer's log last arrived.
  package func stream(of peer: FrameID) -> (isOpen: Bool, headAt: FrameTime?) {
    let view = heads.view(peer)
    return (view?.isConnected ?? false, view?.headAt)
  }

  // MARK: One peer

  /// Opens the stream again and again, with growing pauses, until the treaty ends.
  private func follow(_ peer: FrameID) async {
    metrics.prepare(peer)
    var told: String?
    var delay = ProjectionLimits.reconnectDelayMin
    while !Task.isCancelled {
      let found = try? await port.projection { state, federation in
        (state.cursor(of: peer), try federation.requireEstablished(peer).peerLogKey)
      }
      guard let (cursor, key) = found else { break }
      let opened = clock.steady()
      heads.start(peer, held: cursor.sequence, key: key, now: clock.now())
      var reason = "ended"
      do {
        if try await session(peer, after: cursor.sequence, key: LogVerifierKey(key)) == .moved, !Task.isCancelled {
          // Nothing has failed: the stream goes on where it stood.
          continue
        }
      } catch is CancellationError {
        reason = "cancelled"
      } catch {
        reason = (error as? any FrameError)?.code ?? "failed"
        report(error, reason, peer, isTold: told == reason)
      }
      told = reason
      heads.connected(peer, false)
      if Task.isCancelled { break }
      metrics.reconnects.with(peer.name, reason).increment()
      if clock.steady() - opened > ProjectionLimits.reconnectDelayMax { delay = ProjectionLimits.reconnectDelayMin }
      guard (try? await peers.pause(peer, for: delay, clock: clock)) != nil else { break }
      delay = min(delay * 2, ProjectionLimits.reconnectDelayMax)
    }
    heads.stop(peer)
    metrics.forget(peer)
    _ = following.withLock { $0.remove(peer) }
  }

  /// What may pass is a line for those who look; what will not is a warning that says what to do, once for each reason.
  /// - Parameter isTold: the same reason was told the last time. That a peer does not answer is told by its channel.
  private func report(_ error: any Error, _ reason: String, _ peer: FrameID, isTold: Bool) {
    guard ProjectionError.standing.contains(reason) else {
      let isSilent = (error as? PeerCallError)?.isOutcomeUnknown ?? false
      return logger.log(
        level: isSilent || isTold ? .debug : .info,
        "projection stream ended", metadata: ["peer": "\(peer)", "reason": "\(reason)", "error": "\(error.report)"])
    }
    let isNew = heads.view(peer)?.refusal != reason
    heads.refused(peer, reason)
    refreshMetrics()
    guard isNew else { return }
    let known = error as? any FrameError
    // The peer's refusals have its words; what to do is ours.
    let remedy = known is PeerCallError ? ProjectionError.remedy(for: reason) : known?.remedy ?? ""
    logger.warning(
      "A peer's stream is refused, and will not come by itself",
      metadata: [
        "peer": "\(peer)", "reason": "\(reason)", "error": "\(error.report)", "remedy": "\(remedy)",
      ])
  }

  /// How a stream ended that did not fail.
  private enum SessionEnd { case ended, moved }

  /// One stream, from opening to its end.
  private func session(_ peer: FrameID, after cursor: UInt64, key: LogVerifierKey) async throws -> SessionEnd {
    let buffer = ItemBuffer<PBProjectedItem>(limit: ProjectionLimits.receiveBufferMax)
    return try await withThrowingTaskGroup(of: SessionEnd.self) { group in
      group.addTask {
        defer { buffer.finish() }
        do {
          try await self.peers.subscribe(peer, after: cursor, of: PeerLog(peer, key: key.text)) { message in
            self.heads.heard(peer, now: self.clock.now())
            try await self.received(message, from: peer, key: key, buffer)
          }
          return .ended
        } catch PeerCallError.moved {
          // What has arrived is recorded before the next stream is opened.
          return .moved
        }
      }
      group.addTask {
        defer { buffer.finish() }
        while let items = await buffer.takeAll() { try await self.record(items, from: peer, key: key) }
        return .ended
      }
      group.addTask {
        while true {
          try await self.clock.sleep(for: .seconds(1))
          guard let heard = self.heads.view(peer)?.heardAt else { return .ended }
          // On either side: a clock that was set back would else hear nothing for as long.
          guard heard.isWithin(ProjectionLimits.silenceMax, of: self.clock.now()) else {
            throw ProjectionError.silent(peer: peer)
          }
        }
      }
      defer {
        group.cancelAll()
        buffer.finish()
      }
      // The stream's end, the first failure or the watchdog ends the session; what was buffered is recorded first.
      let first = try await group.next()
      buffer.finish()
      let second = try await group.next()
      return [first, second].contains(.moved) ? .moved : .ended
    }
  }

  private func received(
    _ message: PBProjectionMessage, from peer: FrameID, key: LogVerifierKey, _ buffer: ItemBuffer<PBProjectedItem>
  ) async throws {
    switch message.kind {
    case .item(let item):
      heads.connected(peer, true)
      heads.announced(item.sequence, of: peer)
      guard await buffer.put(item) else { throw CancellationError() }
    case .head(let head):
      do {
        let checkpoint = try AttestationVerifier.verify(checkpoint: head.checkpoint, key: key)
        try heads.showed(checkpoint, by: peer)
        try await watch([checkpoint], peer, key)
      } catch {
        throw counted(error, peer)
      }
      heads.connected(peer, true)
      heads.head(head.sequence, of: peer, now: clock.now())
    case nil:
      throw counted(ProjectionError.malformedMessage(peer: peer, why: "it is empty"), peer)
    }
  }

  /// Verifies and records items in order, in one submission.
  private func record(_ items: [PBProjectedItem], from peer: FrameID, key: LogVerifierKey) async throws {
    var commands: [ProjectionCommand] = []
    var refusal: (any Error)?
    for item in items {
      do {
        let event = try AttestedEvent(verifying: item.attestation, from: peer, key: key)
        commands.append(.receive(sequence: item.sequence, event: event))
      } catch {
        refusal = error
        break
      }
    }
    // What came before the bad one is good, if it is of the one history of the peer's log.
    do { try await watch(Self.checkpoints(of: commands), peer, key) } catch { throw counted(error, peer) }
    for (command, result) in zip(commands, await port.submit(commands)) {
      guard case .receive(let sequence, let attested) = command else { continue }
      switch result {
      case .failure(let error): throw counted(error, peer)
      case .success(let committed):
        heads.held(sequence, of: peer, now: clock.now())
        guard !committed.replayed, !committed.events.isEmpty else { continue }
        metrics.received.with(peer.name, attested.event.event.eventType.name).increment()
        if case .peerEventProjected(let projected)? = committed.events.first?.event.payload,
          !projected.rejected.isEmpty
        {
          metrics.rejected.with(peer.name, projected.rejected).increment()
          logger.warning(
            "peer event not acted on",
            metadata: [
              "peer": "\(peer)", "sequence": "\(sequence)", "type": "\(projected.eventType)",
              "reason": "\(projected.rejected)",
            ])
        }
        await onCommitted(Array(committed.events))
      }
    }
    if let refusal { throw counted(refusal, peer) }
  }

  /// Each once: events that arrive together are mostly proven by one.
  private static func checkpoints(of commands: [ProjectionCommand]) -> [SignedCheckpoint] {
    commands.reduce(into: []) { found, command in
      guard case .receive(_, let event) = command, let checkpoint = event.checkpoint,
        found.last?.size != checkpoint.size || found.last?.root != checkpoint.root
      else { return }
      found.append(checkpoint)
    }
  }

  private func counted(_ error: any Error, _ peer: FrameID) -> any Error {
    if !(error is CancellationError) {
      metrics.rejected.with(peer.name, (error as? any FrameError)?.code ?? "failed").increment()
    }
    return error
  }
}
