package import FrameCore
package import FrameEvents
package import FrameProtos
import Synchronization

/// SF-4, the sending side: a peer's subscription to our log, for as long as its stream is open.
///
/// One stream a peer: a newer one takes the place of the older, so that a peer cannot hold many (CONFORMANCE B21). What is
/// sent is bounded by the peer's own flow control: `send` suspends, nothing is buffered here.
package final class ProjectionServer: Sendable {
  private let writer: any ProjectionWriter
  private let log: any OwnLog
  private let clock: any FrameClock
  private let metrics: ProjectionMetrics
  /// The newest stream of each peer.
  private let streams = Mutex<[FrameID: UInt64]>([:])

  package init(
    writer: any ProjectionWriter, log: any OwnLog, clock: any FrameClock, metrics: ProjectionMetrics
  ) {
    self.writer = writer
    self.log = log
    self.clock = clock
    self.metrics = metrics
  }

  /// Sends a head, then every event after `sequence` as it becomes durable, and a head every
  /// ``ProjectionLimits/headInterval``, until the task is cancelled or the treaty ends.
  /// - Parameter send: suspends while the peer's window is full.
  /// - Throws: ``ProjectionError/cursorAhead(peer:head:asked:)``, ``ProjectionError/replaced(peer:)``, the treaty's
  ///   refusal, and whatever `send` throws.
  package func subscribe(
    after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    let stream = streams.withLock { streams -> UInt64 in
      streams[peer, default: 0] += 1
      return streams[peer, default: 0]
    }
    let (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let changes = log.changes()
    let clock = clock
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in changes { signal.yield() }
        signal.finish()
      }
      group.addTask {
        while true {
          try await clock.sleep(for: ProjectionLimits.headInterval)
          signal.yield()
        }
      }
      defer { group.cancelAll() }
      try await serve(after: sequence, peer, stream, signals, send)
    }
  }

  private func serve(
    after start: UInt64, _ peer: FrameID, _ stream: UInt64, _ signals: AsyncStream<Void>,
    _ send: (PBProjectionMessage) async throws -> Void
  ) async throws {
    let head = try await head(for: peer)
    guard start <= head else { throw ProjectionError.cursorAhead(peer: peer, head: head, asked: start) }
    var sent = start
    try await sendHead(to: peer, send)
    var headAt = clock.steady()
    sent = try await sendItems(after: sent, to: peer, stream, send)
    for await _ in signals {
      sent = try await sendItems(after: sent, to: peer, stream, send)
      if clock.steady() - headAt >= ProjectionLimits.headInterval {
        try await sendHead(to: peer, send)
        headAt = clock.steady()
      }
    }
    try Task.checkCancellation()
  }

  /// - Returns: the sequence of the last item sent.
  private func sendItems(
    after sequence: UInt64, to peer: FrameID, _ stream: UInt64, _ send: (PBProjectionMessage) async throws -> Void
  ) async throws -> UInt64 {
    var sent = sequence
    while true {
      guard streams.withLock({ $0[peer] }) == stream else { throw ProjectionError.replaced(peer: peer) }
      let after = sent
      let positions = try await writer.read { rooms in
        try rooms.federation.requireEstablished(peer)
        return Array(rooms.projection.positions(for: peer, after: after, limit: ProjectionLimits.sendBatchMax))
      }
      guard !positions.isEmpty else { return sent }
      for position in positions {
        var item = PBProjectedItem()
        item.sequence = sent + 1
        item.attestation = try await log.attest(position)
        var message = PBProjectionMessage()
        message.item = item
        try await send(message)
        sent += 1
        metrics.sent.with(peer.name).increment()
      }
    }
  }

  private func head(for peer: FrameID) async throws -> UInt64 {
    try await writer.read { rooms in
      try rooms.federation.requireEstablished(peer)
      return rooms.projection.head(for: peer)
    }
  }

  private func sendHead(to peer: FrameID, _ send: (PBProjectionMessage) async throws -> Void) async throws {
    // The checkpoint is taken after the sequence was read, so that it covers all of it.
    var head = PBProjectionHead()
    head.sequence = try await self.head(for: peer)
    head.checkpoint = try await log.checkpoint().note
    head.timeUnixNs = clock.now().unixNanoseconds
    var message = PBProjectionMessage()
    message.head = head
    try await send(message)
  }
}
