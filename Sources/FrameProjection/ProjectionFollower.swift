package import FrameCore
package import FrameTreaty
package import FrameEvents
internal import FrameProtos
internal import Foundation
package import Logging
internal import ServiceLifecycle
import Synchronization

/// What the projection may look at.
package typealias ProjectionRooms = (projection: ProjectionState, federation: FederationState)

/// How the projection's shells reach the one writer.
package typealias ProjectionWriter = RoomWriter<ProjectionRooms, ProjectionCommand>

/// SF-4, the receiving side: one long-lived subscription at every established peer.
///
/// Each item is verified with the log key the treaty pins, then recorded in order; items that arrive together share a
/// commit. What cannot be verified ends the stream, is counted, and is asked for again after a pause: a peer that sends
/// junk stops its own stream and nothing else.
package final class ProjectionFollower: Service {
  private let frame: FrameID
  private let writer: any ProjectionWriter
  private let peers: any PeerCalling
  private let clock: any FrameClock
  private let metrics: ProjectionMetrics
  private let heads: PeerHeads
  private let logger: Logger
  private let onCommitted: @Sendable ([RecordedEvent]) async -> Void
  private let read: CheckpointReader
  private let following = Mutex<Set<FrameID>>([])
  /// What each peer may still have recorded; a new stream does not begin anew.
  private let allowances = Mutex<[FrameID: PeerAllowance]>([:])

  /// - Parameters:
  ///   - read: asked before anything that a checkpoint proves is acted on (CONFORMANCE B19, B20).
  ///   - onCommitted: told what receiving brought about, in order, after it is durable; for metrics and for those
  ///     who wait for an outcome.
  package init(
    frame: FrameID, writer: any ProjectionWriter, peers: any PeerCalling, clock: any FrameClock,
    metrics: ProjectionMetrics, logger: Logger, read: @escaping CheckpointReader,
    onCommitted: @escaping @Sendable ([RecordedEvent]) async -> Void
  ) {
    self.frame = frame
    self.writer = writer
    self.peers = peers
    self.clock = clock
    self.metrics = metrics
    self.heads = PeerHeads()
    self.logger = logger
    self.read = read
    self.onCommitted = onCommitted
  }

  /// Follows every established peer until the task is cancelled or the node shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          let established = (try? await self.writer.read { $0.federation.establishedPeers }) ?? []
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
      let found = try? await writer.read { rooms in
        (rooms.projection.cursor(of: peer), try rooms.federation.requireEstablished(peer).peerLogKey)
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
    allowances.withLock { $0[peer] = nil }
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
    let buffer = ItemBuffer<PBProjectedItem>(
      limit: ProjectionLimits.receiveBufferMax, bytes: ProjectionLimits.receiveBufferBytesMax)
    let gate = Gate(peer, after: cursor)
    return try await withThrowingTaskGroup(of: SessionEnd.self) { group in
      group.addTask {
        defer { buffer.finish() }
        do {
          try await self.peers.subscribe(peer, after: cursor, of: PeerLog(peer, key: key.text)) { message in
            self.heads.heard(peer, now: self.clock.now())
            try await self.received(message, from: peer, key: key, gate, buffer)
          }
          return .ended
        } catch PeerCallError.moved {
          // What has arrived is recorded before the next stream is opened.
          return .moved
        }
      }
      group.addTask {
        defer { buffer.finish() }
        while let items = await buffer.takeAll() {
          try await self.waitForAllowance(of: peer)
          try await self.record(items, from: peer, key: key)
        }
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

  /// A stream's gate, behind a lock: messages are handed over one at a time, by whatever thread.
  private final class Gate: Sendable {
    private let gate: Mutex<StreamGate>
    init(_ peer: FrameID, after cursor: UInt64) { gate = Mutex(StreamGate(peer, after: cursor)) }
    func item(_ item: PBProjectedItem) throws -> Int { try gate.withLock { try $0.item(item) } }
    func head(at now: FrameTime) throws { try gate.withLock { try $0.head(at: now) } }
  }

  private func received(
    _ message: PBProjectionMessage, from peer: FrameID, key: LogVerifierKey, _ gate: Gate,
    _ buffer: ItemBuffer<PBProjectedItem>
  ) async throws {
    switch message.kind {
    case .item(let item):
      let bytes: Int
      do { bytes = try gate.item(item) } catch { throw await refused(error, item.attestation.checkpoint, peer, key) }
      heads.connected(peer, true)
      heads.announced(item.sequence, of: peer)
      guard await buffer.put(item, bytes: bytes) else { throw CancellationError() }
    case .head(let head):
      do { try gate.head(at: clock.now()) } catch {
        metrics.excess.with(peer.name, "heads").increment()
        throw await refused(error, head.checkpoint, peer, key)
      }
      do {
        let size = try await read([head.checkpoint], peer, key).checkpoint(head.checkpoint).checkpoint.size
        // Each event of the stream is one of the log: nobody has more for us than there are.
        guard head.sequence <= size else {
          throw ProjectionError.malformedMessage(
            peer: peer, why: "its head announces \(head.sequence) events, its log has \(size)")
        }
      } catch {
        throw counted(error, peer)
      }
      heads.connected(peer, true)
      heads.head(head.sequence, of: peer, now: clock.now())
    case nil:
      throw counted(ProjectionError.malformedMessage(peer: peer, why: "it is empty"), peer)
    }
  }

  /// What comes of a message that is not accepted: what its log has signed is witnessed all the same.
  private func refused(
    _ error: any Error, _ note: Data, _ peer: FrameID, _ key: LogVerifierKey
  ) async -> any Error {
    do { _ = try await read([note], peer, key) } catch { return counted(error, peer) }
    return counted(error, peer)
  }

  /// Suspends while the peer has had more recorded than it may have in a minute.
  private func waitForAllowance(of peer: FrameID) async throws {
    var isCounted = false
    while true {
      let now = clock.now()
      let pause = allowances.withLock { $0[peer, default: PeerAllowance()].pause(at: now) }
      guard let pause else { return }
      if !isCounted {
        isCounted = true
        metrics.excess.with(peer.name, pause.kind.rawValue).increment()
        logger.warning(
          "a peer's stream brings more than it may, and waits",
          metadata: ["peer": "\(peer)", "kind": "\(pause.kind.rawValue)", "wait": "\(pause.wait)"])
      }
      // The silence is ours.
      heads.heard(peer, now: now)
      try await clock.sleep(for: min(pause.wait, .seconds(1)))
    }
  }

  /// Verifies and records items in order, in one submission.
  private func record(_ items: [PBProjectedItem], from peer: FrameID, key: LogVerifierKey) async throws {
    let witnessed: WitnessedCheckpoints
    do { witnessed = try await read(items.map(\.attestation.checkpoint), peer, key) } catch {
      throw counted(error, peer)
    }
    var commands: [ProjectionCommand] = []
    var refusal: (any Error)?
    // What comes before a bad one is good.
    for item in items {
      do {
        let event = try AttestedEvent(
          verifying: item.attestation, from: peer, by: witnessed.checkpoint(item.attestation.checkpoint))
        commands.append(.receive(sequence: item.sequence, event: event))
      } catch {
        refusal = error
        break
      }
    }
    var (events, bytes, idle) = (0, 0, 0)
    defer {
      let now = clock.now()
      allowances.withLock { allowances in
        allowances[peer, default: PeerAllowance()].charge(events: events, bytes: bytes, idle: idle, at: now)
      }
    }
    let results = await writer.submit(
      commands.map { ($0, IdempotencyKey(derived: $0.key)) }, actor: .node(of: frame))
    // Once for all of them: whoever is told looks at the state, which is a way of its own to the writer.
    var told: [RecordedEvent] = []
    for (command, result) in zip(commands, results) {
      guard case .receive(let sequence, let attested) = command else { continue }
      switch result {
      case .failure(let error):
        await onCommitted(told)
        throw counted(error, peer)
      case .success(let committed):
        heads.held(sequence, of: peer, now: clock.now())
        guard !committed.replayed, !committed.events.isEmpty else { continue }
        events += 1
        bytes += committed.events.reduce(0) { $0 + $1.bytes.count }
        if Self.isIdle(committed) { idle += 1 }
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
        told += committed.events
      }
    }
    if !told.isEmpty { await onCommitted(told) }
    if let refusal { throw counted(refusal, peer) }
  }

  /// Whether nothing came of an event but words: it was not acted on, or refused.
  private static func isIdle(_ committed: Committed) -> Bool {
    committed.events.allSatisfy { event in
      switch event.event.payload {
      case .peerEventProjected(let projected): !projected.rejected.isEmpty || committed.events.count > 1
      case .crossFrameTransferRefused: true
      default: false
      }
    }
  }

  private func counted(_ error: any Error, _ peer: FrameID) -> any Error {
    if !(error is CancellationError) {
      metrics.rejected.with(peer.name, (error as? any FrameError)?.code ?? "failed").increment()
    }
    return error
  }
}
