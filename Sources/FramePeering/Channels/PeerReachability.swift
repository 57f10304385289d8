import FrameCore
import FrameIdentity
import Logging
import Synchronization

/// Whether each peer answers on the federation channel, since when, and what the last failure was; told to people once when it is
/// lost and once when it is back.
///
/// An answer is an answer also when it is no. A stranger at the peer's address never counts as the peer: its certificate was refused, and
/// that is then why the peer is not reached.
package final class PeerReachability: Sendable {
  /// What went wrong last, in short.
  package struct Failure: Sendable, Equatable {
    package let code: String
    package let message: String
    package let at: FrameTime
  }

  package struct View: Sendable, Equatable {
    /// Nil until the first call of this process has ended.
    package let isReachable: Bool?
    /// When it became so.
    package let since: FrameTime?
    package let lastSuccess: FrameTime?
    package let lastFailure: Failure?
  }

  private struct Seen {
    var outage = Outage()
    /// When it first answered after it did not.
    var reachedSince: FrameTime?
    var lastSuccess: FrameTime?
    var lastFailure: Failure?
    /// The refusal of whoever answered at the peer's address since it last did itself.
    var impostor: Failure?
    /// Told when it answers again.
    var waiting: [UInt64: AsyncStream<Never>.Continuation] = [:]
  }

  private let clock: any FrameClock
  private let metrics: PeeringMetrics
  private let logger: Logger
  private let seen = Mutex<[FrameID: Seen]>([:])
  private let numbers = Atomic<UInt64>(0)

  package init(clock: any FrameClock, metrics: PeeringMetrics, logger: Logger) {
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  package func view(_ peer: FrameID) -> View {
    seen.withLock { seen in
      guard let peer = seen[peer] else { return View(isReachable: nil, since: nil, lastSuccess: nil, lastFailure: nil) }
      let isReachable: Bool? = peer.outage.isLost ? false : peer.lastSuccess == nil ? nil : true
      return View(
        isReachable: isReachable, since: peer.outage.isLost ? peer.outage.since : peer.reachedSince,
        lastSuccess: peer.lastSuccess, lastFailure: peer.lastFailure)
    }
  }

  /// The peer has answered a call.
  func answered(_ peer: FrameID) {
    let now = clock.now()
    let (news, isFirst, waiting) = seen.withLock { seen in
      let (isLost, isFirst) = (seen[peer]?.outage.isLost ?? false, seen[peer]?.lastSuccess == nil)
      seen[peer, default: Seen()].lastSuccess = now
      seen[peer]?.impostor = nil
      if isFirst || isLost { seen[peer]?.reachedSince = now }
      let news = seen[peer]?.outage.succeeded(at: now)
      guard case .back = news else { return (news, isFirst, [AsyncStream<Never>.Continuation]()) }
      defer { seen[peer]?.waiting = [:] }
      return (news, isFirst, seen[peer].map { Array($0.waiting.values) } ?? [])
    }
    guard case .back(let after) = news else {
      if isFirst { metrics.reachable.with(peer.name).set(true) }
      return
    }
    metrics.reachable.with(peer.name).set(true)
    logger.notice("A peer answers again", metadata: ["peer": "\(peer)", "after": "\(Self.text(after))"])
    for waiter in waiting { waiter.finish() }
  }

  /// Whether the last call brought no answer.
  func isFailing(_ peer: FrameID) -> Bool { seen.withLock { $0[peer]?.outage.isFailing ?? false } }

  /// Pauses before the next try, until the peer is back at the latest.
  /// - Throws: `CancellationError`.
  func pause(_ peer: FrameID, for duration: Duration, clock: any FrameClock) async throws {
    let (back, continuation) = AsyncStream.makeStream(of: Never.self)
    let id = numbers.add(1, ordering: .relaxed).newValue
    seen.withLock { $0[peer, default: Seen()].waiting[id] = continuation }
    defer { seen.withLock { _ = $0[peer]?.waiting.removeValue(forKey: id) } }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await clock.sleep(for: duration) }
      group.addTask {
        for await _ in back {}
        try Task.checkCancellation()
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func text(_ duration: Duration) -> String { "\(duration.components.seconds) s" }

  /// A call has brought no answer.
  func failed(_ peer: FrameID, code: String, why: String) {
    let now = clock.now()
    let (news, failure, isLost) = seen.withLock { seen -> (Outage.News?, Failure, Bool) in
      var state = seen[peer] ?? Seen()
      defer { seen[peer] = state }
      let failure =
        state.impostor.map { Failure(code: $0.code, message: $0.message, at: now) }
        ?? Failure(code: code, message: why.shown(200), at: now)
      state.lastFailure = failure
      return (state.outage.failed(at: now), failure, state.outage.isLost)
    }
    if isLost { metrics.reachable.with(peer.name).set(false) }
    switch news {
    case .lost: tellLost(peer, failure)
    case .still(let long):
      logger.warning(
        "A peer still does not answer",
        metadata: [
          "peer": "\(peer)", "code": "\(failure.code)", "reason": "\(failure.message)", "for": "\(Self.text(long))",
        ])
    case .back, nil: break
    }
  }

  /// Whoever answered at the peer's address is not the peer, or cannot prove it.
  /// - Parameter isChannel: it was the channel in use that tried, and not one that is to take its place. Then somebody with another
  ///   authority ends what was known of the peer at once: calls that wait for their time to end would show it as answering meanwhile.
  func refused(_ peer: FrameID, _ refusal: SPIFFERefusal, isChannel: Bool) {
    let now = clock.now()
    let failure = Failure(
      code: refusal.code, message: "whoever answers at its address was refused: \(refusal.words)".shown(200), at: now)
    let news = seen.withLock { seen -> Outage.News? in
      seen[peer, default: Seen()].impostor = failure
      seen[peer]?.lastFailure = failure
      guard isChannel, refusal.reason == .untrustedAuthority else { return nil }
      return seen[peer]?.outage.lost(at: now)
    }
    guard case .lost = news else { return }
    metrics.reachable.with(peer.name).set(false)
    tellLost(peer, failure)
  }

  private func tellLost(_ peer: FrameID, _ failure: Failure) {
    logger.warning(
      "A peer does not answer; it is asked until it does",
      metadata: ["peer": "\(peer)", "code": "\(failure.code)", "reason": "\(failure.message)"])
  }

  /// There is no treaty with it any more.
  func forget(_ peer: FrameID) {
    for waiter in seen.withLock({ $0.removeValue(forKey: peer)?.waiting.values }) ?? [:].values { waiter.finish() }
    metrics.reachable.removeAll("peer", peer.name)
  }
}
