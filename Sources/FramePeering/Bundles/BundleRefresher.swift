import FrameTreaty
import FrameCore
import FrameIdentity
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps the pinned bundles of all established peers fresh (seed: "auto-refresh every 5 minutes").
///
/// Each peer has its own loop, so a silent one delays nobody (CONFORMANCE S13). A bundle that comes over a connection which
/// the held pin (or Web PKI, when the treaty says `https_web`) vouches for moves the pin; anything else changes nothing but what is shown as observed, and the alert.
package final class BundleRefresher: Service {
  private let directory: PeerDirectory
  private let federation: FederationService
  private let client: BundleClient
  private let trust: EndpointTrust
  private let reachability: PeerReachability?
  private let interval: Duration
  private let clock: any FrameClock
  private let metrics: PeeringMetrics
  private let logger: Logger
  private let loops = Mutex<[FrameID: Task<Void, Never>]>([:])
  private let stopped = Mutex(false)
  private let seen = Mutex<[FrameID: Seen]>([:])
  /// How often each peer's pin may still be moved.
  private let moves = Mutex<[FrameID: TokenBucket]>([:])
  /// When a refused certificate last brought about a refresh.
  private let hurried = Mutex<[FrameID: FrameTime]>([:])

  /// Each move is an event. A rotation of all keys of a frame takes fewer.
  static let movesPerHour = 12
  /// Whoever can reach a listener can show a certificate that nobody knows.
  static let hurryInterval: Duration = .seconds(60)
  /// On average one in an interval, where the operator chose a shorter one.
  private var movesMax: Int { max(Self.movesPerHour, Int(3600 / max(1, interval.inSeconds))) }

  private struct Seen {
    var fingerprint: String
    /// When it was looked at; nil: it is what the log says.
    var at: FrameTime?
    var refreshed: FrameTime?
    /// Why the newest refresh failed; nil when it did not.
    var failure: PeerReachability.Failure?
    /// When that refresh began: what was looked at before may be so no longer.
    var freshFrom: FrameTime?
    var outage = Outage(patience: 1, spread: .zero)
  }

  /// What the newest refresh of a peer's bundle saw.
  package struct Observation: Sendable, Equatable {
    /// Nil when it saw nothing: what was seen before may be so no longer.
    package let fingerprint: String?
    package let at: FrameTime?
    /// When one last succeeded in this process.
    package let lastRefresh: FrameTime?
    package let failure: PeerReachability.Failure?
  }

  /// - Parameter interval: how long to wait between two refreshes, unless a peer's own hint is shorter.
  package init(
    directory: PeerDirectory, federation: FederationService, endpoints: EndpointClient,
    trust: EndpointTrust = EndpointTrust(), reachability: PeerReachability? = nil,
    interval: Duration = SPIFFEBundle.defaultRefreshInterval, metrics: PeeringMetrics,
    clock: any FrameClock = SystemClock(), logger: Logger = Logger(label: "frame.federation")
  ) {
    self.directory = directory
    self.federation = federation
    self.client = BundleClient(client: endpoints, clock: clock)
    self.trust = trust
    self.reachability = reachability
    self.interval = interval
    self.metrics = metrics
    self.clock = clock
    self.logger = logger
  }

  /// What was seen at the peer's bundle endpoint. Nothing that was seen before the newest try passes for what is there now.
  package func observed(_ peer: FrameID) -> Observation {
    seen.withLock { seen in
      let seen = seen[peer]
      let isFresh = seen?.at.map { at in seen?.freshFrom.map { $0 <= at } ?? true } ?? false
      return Observation(
        fingerprint: isFresh ? seen?.fingerprint : nil, at: isFresh ? seen?.at : nil, lastRefresh: seen?.refreshed,
        failure: seen?.failure)
    }
  }

  /// - Parameter isSeen: it was looked at just now; else it is what the log says.
  private func show(_ peer: FrameID, expected: String, observed: String, isSeen: Bool = true) {
    let now = isSeen ? clock.now() : nil
    seen.withLock { seen in
      seen[peer, default: Seen(fingerprint: observed)].fingerprint = observed
      if let now { seen[peer]?.at = now }
    }
    metrics.show(peer, expected: expected, observed: observed)
  }

  /// Refreshes until shut down.
  package func run() async throws {
    directory.observe { [weak self] change in self?.follow(change) }
    for treaty in directory.established { start(treaty.peer) }
    try? await gracefulShutdown()
    stopped.withLock { $0 = true }
    for loop in loops.withLock({ Array($0.values) }) { loop.cancel() }
  }

  private func follow(_ change: PeerChange) {
    switch change {
    case .established(let peer): start(peer)
    case .closed(let peer, _):
      loops.withLock { $0.removeValue(forKey: peer) }?.cancel()
      seen.withLock { _ = $0.removeValue(forKey: peer) }
      moves.withLock { _ = $0.removeValue(forKey: peer) }
      hurried.withLock { _ = $0.removeValue(forKey: peer) }
      metrics.forgetBundle(of: peer)
    case .pinMoved(let peer, _):
      // What is pinned is what was fetched: by this loop, or for the operator who named it.
      guard let treaty = directory.treaty(peer), treaty.state == .established else { return }
      show(peer, expected: treaty.fingerprint, observed: treaty.fingerprint)
    case .untrusted(let peer):
      guard directory.treaty(peer)?.state == .established else { return }
      let now = clock.now()
      let isDue = hurried.withLock { hurried in
        if let last = hurried[peer], last.isWithin(Self.hurryInterval, of: now) { return false }
        hurried[peer] = now
        return true
      }
      // Either the peer has rotated, or another answers in its place: both are seen by looking, and not by waiting.
      if isDue { begin(peer) }
    case .endpointsMoved(let peer):
      // At once, from the new endpoint: what the old one said to be current says nothing there.
      guard directory.treaty(peer)?.state == .established else { return }
      begin(peer)
    }
  }

  private func start(_ peer: FrameID) {
    guard !stopped.withLock({ $0 }), let treaty = directory.treaty(peer) else { return }
    // What the log says is true until something newer is seen: the pin was verified when it was set.
    show(peer, expected: treaty.fingerprint, observed: treaty.fingerprint, isSeen: false)
    metrics.refreshTimestamp.with(peer.name).set(treaty.since.seconds)
    begin(peer)
  }

  /// Refreshes from now on, in place of the loop that did so far.
  private func begin(_ peer: FrameID) {
    guard !stopped.withLock({ $0 }) else { return }
    let loop = Task { [weak self] in await self?.loop(peer) ?? () }
    loops.withLock { loops in
      loops[peer]?.cancel()
      loops[peer] = loop
    }
  }

  private func loop(_ peer: FrameID) async {
    var round = 0
    var failures = 0
    var etag: String?
    while !Task.isCancelled {
      round += 1
      let interval = min(interval, directory.bundle(for: peer)?.refreshInterval ?? interval)
      var wait = Backoff.spread(interval, peer, round, percent: 10)
      do {
        etag = try await refresh(peer, etag: etag)
        failures = 0
      } catch is CancellationError {
        return
      } catch FederationError.pinMovesLimited {
        // Nothing failed: asking sooner would not help.
      } catch {
        failures += 1
        // Sooner than the interval, so that a passing failure is made good before anyone is paged.
        wait = min(wait, Backoff.delay(failures, first: .seconds(5), max: interval, of: peer))
      }
      do { try await clock.sleep(for: wait) } catch { return }
    }
  }

  /// One refresh.
  /// - Parameter etag: of the document that was served last.
  /// - Returns: the new entity tag.
  /// - Throws: `FetchError`, `BundleError`, ``FederationError``, or what the log throws; the pin then stays.
  @discardableResult
  package func refresh(_ peer: FrameID, etag: String? = nil) async throws -> String? {
    let treaty = try directory.requireEstablished(peer)
    guard let held = directory.bundle(for: peer) else {
      throw FederationError.bundleUnusable(peer, why: "the pinned document cannot be read")
    }
    let began = clock.now()
    do {
      let url = try EndpointURL(treaty.theirs.bundleEndpoint)
      let fetched = try await client.fetch(
        peer, from: url, profile: trust.profile(of: peer, treaty.theirs, held: held), etag: etag)
      if let fetched {
        try await adopt(fetched, in: treaty, held)
      } else {
        succeeded(peer, expected: treaty.fingerprint, observed: treaty.fingerprint, held)
      }
      return fetched?.etag ?? etag
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let code = (error as? any FrameError)?.code ?? "internal"
      metrics.refreshFailures.with(peer.name, code).increment()
      failed(peer, error, code, began: began)
      if case FetchError.refused = error { await look(peer, treaty) }
      throw error
    }
  }

  /// Takes over a bundle that the held one vouches for.
  private func adopt(_ fetched: FetchedBundle, in treaty: Treaty, _ held: SPIFFEBundle) async throws {
    let peer = treaty.peer
    let observed = fetched.bundle.fingerprint.description
    let replacement: BundleReplacement
    do {
      replacement = try held.replacement(for: fetched.bundle, authenticated: true)
    } catch {
      show(peer, expected: treaty.fingerprint, observed: observed)
      throw error
    }
    switch replacement {
    case .unchanged: break
    case .updated, .changedUnderSameSequence:
      if replacement == .changedUnderSameSequence {
        metrics.bundleReports.with(peer.name, "changed_under_same_sequence").increment()
        logger.warning("A peer changed its bundle without raising its sequence", metadata: ["peer": "\(peer)"])
      }
      let now = clock.now()
      let movesMax = movesMax
      let isAllowed = moves.withLock { moves in
        moves[peer, default: TokenBucket(movesMax, per: .seconds(3600))].take(at: now)
      }
      guard isAllowed else {
        metrics.excess.with(peer.name, "pin_moves").increment()
        show(peer, expected: treaty.fingerprint, observed: observed)
        throw FederationError.pinMovesLimited(peer, limit: movesMax)
      }
      try await federation.rotate(peer, to: PinnedBundle(fetched.bundle, document: fetched.document))
      logger.notice("A peer's bundle has rotated", metadata: ["peer": "\(peer)", "fingerprint": "\(observed)"])
    }
    succeeded(peer, expected: observed, observed: observed, fetched.bundle)
  }

  /// Told once, and now and then; not at all while it is told already that the peer does not answer.
  private func failed(_ peer: FrameID, _ error: any Error, _ code: String, began: FrameTime) {
    let now = clock.now()
    let failure = PeerReachability.Failure(code: code, message: error.words.shown(200), at: now)
    let news = seen.withLock { seen in
      seen[peer, default: Seen(fingerprint: "")].failure = failure
      seen[peer]?.freshFrom = began
      return seen[peer]?.outage.failed(at: now)
    }
    let isKnown = reachability?.isFailing(peer) ?? false
    logger.log(
      level: news == nil || isKnown ? .debug : .warning, "Cannot refresh a peer's bundle",
      metadata: ["peer": "\(peer)", "code": "\(code)", "reason": "\(failure.message)"])
  }

  private func succeeded(_ peer: FrameID, expected: String, observed: String, _ bundle: SPIFFEBundle) {
    // The treaty may have ended while the answer was on its way.
    guard directory.treaty(peer)?.state == .established else { return }
    metrics.refreshes.with(peer.name).increment()
    metrics.refreshTimestamp.with(peer.name).set(clock.now().seconds)
    show(peer, expected: expected, observed: observed)
    let now = clock.now()
    let news = seen.withLock { seen in
      seen[peer]?.refreshed = now
      seen[peer]?.failure = nil
      seen[peer]?.freshFrom = nil
      return seen[peer]?.outage.succeeded(at: now)
    }
    if case .back(let after) = news {
      logger.info(
        "A peer's bundle is refreshed again", metadata: ["peer": "\(peer)", "after": "\(after.components.seconds) s"])
    }
    if let expiry = bundle.earliestExpiry { metrics.bundleExpiry.with(peer.name).set(expiry.seconds) }
  }

  /// Whoever answers at the peer's endpoint is not vouched for: see what it serves, for people only. Nothing of it is kept.
  private func look(_ peer: FrameID, _ treaty: Treaty) async {
    guard let url = try? EndpointURL(treaty.theirs.bundleEndpoint),
      let fetched = try? await client.fetch(peer, from: url, profile: .firstUse)
    else { return }
    guard directory.treaty(peer)?.state == .established else { return }
    show(peer, expected: treaty.fingerprint, observed: fetched.bundle.fingerprint.description)
    await federation.look(at: treaty)
  }
}
