import Foundation
import FrameCore
import FrameIdentity
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The node's identity when an authority elsewhere gives it, through an agent's Workload API: decision 0027.
///
/// It has an identity from the moment it exists, and keeps it up to date while it runs. What the agent says is taken over only
/// when it holds by itself; until then, and while the agent is away, what was there before stays.
package final class UpstreamIdentity: TrustSource, Service {
  package let settings: UpstreamSettings
  private let feed: UpstreamFeed
  private let first: UpstreamSnapshot

  /// How often it looks whether the SVID has expired.
  static let checkInterval: Duration = .seconds(2)

  private init(_ feed: UpstreamFeed, first: UpstreamSnapshot) {
    settings = feed.settings
    self.feed = feed
    self.first = first
  }

  /// Waits for the agent to give this node its identity.
  /// - Throws: ``UpstreamError``; `CancellationError`.
  package static func open(
    _ settings: UpstreamSettings, clock: any FrameClock, metrics: UpstreamMetrics, logger: Logger
  ) async throws -> UpstreamIdentity {
    try await open(settings, WorkloadAPIAgent(path: settings.path), clock: clock, metrics: metrics, logger: logger)
  }

  /// - Parameter chance: what the pauses between two attempts are spread by.
  static func open(
    _ settings: UpstreamSettings, _ agent: some UpstreamAgent, clock: any FrameClock, metrics: UpstreamMetrics,
    logger: Logger, chance: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) async throws -> UpstreamIdentity {
    let feed = UpstreamFeed(settings, agent, clock: clock, metrics: metrics, logger: logger, chance: chance)
    let news = feed.news()
    let snapshot = try await withThrowingTaskGroup(of: UpstreamSnapshot?.self) { group in
      group.addTask {
        try await feed.run()
        return nil
      }
      group.addTask {
        try await clock.sleep(for: settings.wait)
        return nil
      }
      group.addTask {
        for await news in news {
          switch news {
          case .snapshot(let snapshot): return snapshot
          case .failed(let error as UpstreamError) where error.isFinal: throw error
          case .failed: continue
          }
        }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
    guard let snapshot else {
      let why = feed.status.failure.map(UpstreamFailure.explain) ?? "it does not answer."
      throw UpstreamError.unavailable(socket: settings.socket, within: settings.wait, why: why)
    }
    return UpstreamIdentity(feed, first: snapshot)
  }

  package var frame: FrameID { settings.frame }
  package var snapshot: UpstreamSnapshot { feed.status.snapshot ?? first }
  package var svid: X509SVID { snapshot.svid }
  package var bundle: SPIFFEBundle { snapshot.bundle }
  /// Whether the agent has said everything since the last connection was made, and the connection stands.
  package var isConnected: Bool { feed.status.isConnected }

  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? { trustDomain == frame ? bundle : nil }

  package func changes() -> AsyncStream<SPIFFEBundle> {
    let news = feed.news()
    let now = bundle
    return AsyncStream(SPIFFEBundle.self, bufferingPolicy: .bufferingNewest(1)) { continuation in
      continuation.yield(now)
      let task = Task {
        for await case .snapshot(let snapshot) in news { continuation.yield(snapshot.bundle) }
        continuation.finish()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// The node's SVID as listeners and clients take it: another one as soon as the agent sends it.
  package func svidSource(clock: any FrameClock, metrics: IdentityMetrics, logger: Logger) throws -> SVIDSource {
    try SVIDSource(
      first: svid, clock: clock, metrics: metrics, logger: logger,
      watch: SVIDSource.Watch(
        changes: { [self] in changes() }, isStale: { [self] in $0.chain != svid.chain }),
      renewsByItself: false, issue: { [self] in svid })
  }

  /// Listens to the agent until it is shut down.
  package func run() async throws { try await run { _ in } }

  /// Listens to the agent until it is shut down.
  /// - Parameter onStanding: told at once, and then whenever it changes, whether the SVID is valid.
  package func run(onStanding: @escaping @Sendable (Bool) -> Void) async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { try? await self.feed.run() }
        group.addTask { await self.watchExpiry(onStanding) }
        await group.waitForAll()
      }
    }
  }

  private func watchExpiry(_ onStanding: @Sendable (Bool) -> Void) async {
    var stood: Bool?
    while !Task.isCancelled {
      let stands = svid.notAfter > feed.clock.now()
      if stands != stood {
        onStanding(stands)
        if !stands {
          feed.logger.error(
            "The node's SVID has expired and the agent gives no other; peers refuse this node",
            metadata: ["socket": "\(settings.socket)", "expired": "\(svid.notAfter)"])
        }
      }
      stood = stands
      do { try await feed.clock.sleep(for: Self.checkInterval) } catch { return }
    }
  }
}

/// Where the identity comes from, and what the node adds to it.
package struct UpstreamSettings: Sendable {
  package let frame: FrameID
  /// Absolute path of the agent's unix socket.
  package let path: String
  /// How long a start waits for the first SVID.
  package let wait: Duration
  /// `spiffe_refresh_hint` of the bundle as this node serves it.
  package let refreshHint: Duration
  /// Where the last number of the bundle is kept.
  package let keys: KeyDirectory
  /// A number of the bundle that others may have seen already.
  package let floor: UInt64

  package init(
    frame: FrameID, path: String, wait: Duration, refreshHint: Duration, keys: KeyDirectory, floor: UInt64
  ) {
    self.frame = frame
    self.path = path
    self.wait = wait
    self.refreshHint = refreshHint
    self.keys = keys
    self.floor = floor
  }

  /// As `SPIFFE_ENDPOINT_SOCKET` names it.
  package var socket: String { "unix://" + path }
}
