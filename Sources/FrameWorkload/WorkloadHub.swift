import Foundation
import FrameCore
import FrameIdentity
import Logging
import ServiceLifecycle
import Synchronization

/// What the Workload API answers from: entries, the frame's own authority, the bundles of its peers. It keeps the SVIDs of
/// local workloads fresh, and tells open streams when something may have changed.
package final class WorkloadHub: Service, BundleSource {
  package let authority: FrameAuthority
  package let entries: EntryBook
  private let peers: @Sendable () -> [SPIFFEBundle]
  private let admits: @Sendable (SPIFFEID) -> Bool
  private let clock: any FrameClock
  private let logger: Logger

  private struct State {
    var ready = false
    var ended = false
    /// By entry id: shared by everyone whom the entry matches.
    var svids: [String: X509SVID] = [:]
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
  }
  private let held = Mutex(State())

  /// How often it looks for SVIDs that are due: much less than half of the shortest life an SVID may have.
  package static let checkInterval: Duration = .seconds(2)

  /// - Parameters:
  ///   - peers: the bundles of the frames that a treaty stands with.
  ///   - admits: whether an id may be had now, whatever the entries say; call ``announce()`` when its answers change.
  package init(
    authority: FrameAuthority, entries: EntryBook, peers: @escaping @Sendable () -> [SPIFFEBundle],
    admits: @escaping @Sendable (SPIFFEID) -> Bool = { _ in true }, clock: any FrameClock, logger: Logger
  ) {
    self.authority = authority
    self.entries = entries
    self.peers = peers
    self.admits = admits
    self.clock = clock
    self.logger = logger
  }

  /// Watches the authority, the entries and the SVIDs' lives until it is shut down; nothing is answered before it runs.
  package func run() async throws {
    held.withLock { $0.ready = true }
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { for await _ in self.authority.changes() { self.announce() } }
        group.addTask { for await _ in self.entries.changes() { self.announce() } }
        group.addTask { await self.renewInTime() }
        await group.waitForAll()
      }
    }
    end()
  }

  /// Something that streams show may be another: each looks again. Called also when a peer's bundle moves, or when an id may be
  /// had that could not be before, or the other way round.
  package func announce() { for watcher in held.withLock({ Array($0.watchers.values) }) { watcher.yield() } }

  /// Ends all streams, for good.
  package func end() {
    let watchers = held.withLock { held in
      held.ready = false
      held.ended = true
      defer { held.watchers.removeAll() }
      return Array(held.watchers.values)
    }
    for watcher in watchers { watcher.finish() }
  }

  var isReady: Bool { held.withLock { $0.ready } }

  /// One stream's look at the hub.
  struct Watch: Sendable {
    /// Yields at once, then whenever something may have changed; ends with the hub.
    let changes: AsyncStream<Void>
    fileprivate let continuation: AsyncStream<Void>.Continuation

    /// Yields no more.
    func end() { continuation.finish() }
  }

  func watch() -> Watch {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    continuation.yield()
    let id = held.withLock { held -> UInt64? in
      guard !held.ended else { return nil }
      held.nextWatcher += 1
      held.watchers[held.nextWatcher] = continuation
      return held.nextWatcher
    }
    if let id {
      continuation.onTermination = { [weak self] _ in
        self?.held.withLock { _ = $0.watchers.removeValue(forKey: id) }
      }
    } else {
      continuation.finish()
    }
    return Watch(changes: stream, continuation: continuation)
  }

  private func renewInTime() async {
    while !Task.isCancelled {
      let now = clock.now()
      let due = held.withLock { held in
        let before = held.svids.count
        held.svids = held.svids.filter { !$0.value.isDue(at: now) }
        return held.svids.count < before
      }
      // Those who look again get new ones; those that nobody wants any more are gone.
      if due { announce() }
      do { try await clock.sleep(for: Self.checkInterval) } catch { return }
    }
  }

  // MARK: What is served

  /// The entries of a process, but for ids that may not be had now.
  func entries(for caller: Set<Selector>) -> [RegistrationEntry] {
    entries.entries(for: caller).filter { admits($0.spiffeID) }
  }

  /// The SVID of an entry: the same for everyone until half of its life is over or another key signs.
  /// - Throws: `IssueError`.
  func svid(of entry: RegistrationEntry) throws -> X509SVID {
    let (now, active) = (clock.now(), authority.activeID(.x509))
    if let known = held.withLock({ $0.svids[entry.id] }), !known.isDue(at: now), known.authorityID == active {
      return known
    }
    let lifetime = entry.x509Lifetime.map { min($0, authority.policy.x509SVIDLifetime) }
    let fresh = try authority.issueX509SVID(for: entry.spiffeID, lifetime: lifetime)
    return held.withLock { held in
      // Two callers may have come at once: all get the one that came first.
      if let known = held.svids[entry.id], !known.isDue(at: now), known.authorityID == fresh.authorityID {
        return known
      }
      held.svids[entry.id] = fresh
      return fresh
    }
  }

  /// - Throws: `IssueError`.
  func token(for entry: RegistrationEntry, audience: [String]) async throws -> JWTSVID {
    let longest = authority.policy.longestJWTSVID
    return try await authority.issueJWTSVID(
      for: entry.spiffeID, audience: audience,
      lifetime: min(entry.jwtLifetime ?? FrameAuthority.jwtSVIDLifetime, longest))
  }

  /// Our own bundle.
  var own: SPIFFEBundle { authority.bundle }

  /// Those of our peers, none of them ours.
  var federated: [SPIFFEBundle] { peers().filter { $0.trustDomain != authority.frame } }

  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? {
    trustDomain == authority.frame ? own : federated.first { $0.trustDomain == trustDomain }
  }
}
