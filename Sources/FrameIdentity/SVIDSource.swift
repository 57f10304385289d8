import FrameCore
import Logging
import NIOCertificateReloading
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Holds the node's current X.509-SVID and renews it at half of its life, or when it is told to.
///
/// Listeners and clients take it as their certificate reloader: a handshake uses whatever is current, connections that are
/// already open keep going.
package final class SVIDSource: Service, CertificateReloader {
  private struct State {
    var svid: X509SVID
    var override: NIOSSLContextConfigurationOverride
  }

  /// What makes an SVID worth replacing before its time.
  package struct Watch: Sendable {
    /// Yields whenever it may have become so.
    package let changes: @Sendable () -> AsyncStream<SPIFFEBundle>
    package let isStale: @Sendable (X509SVID) -> Bool

    package init(
      changes: @escaping @Sendable () -> AsyncStream<SPIFFEBundle>, isStale: @escaping @Sendable (X509SVID) -> Bool
    ) {
      self.changes = changes
      self.isStale = isStale
    }
  }

  private struct Watchers {
    var next: UInt64 = 0
    var continuations: [UInt64: AsyncStream<X509SVID>.Continuation] = [:]
  }

  private let held: Mutex<State>
  private let watchers = Mutex(Watchers())
  private let watch: Watch?
  private let renewsByItself: Bool
  private let issue: @Sendable () async throws -> X509SVID
  private let clock: any FrameClock
  private let metrics: IdentityMetrics?
  private let logger: Logger

  /// Pause after a failed renewal; the current SVID has half of its life left.
  package static let retryInterval: Duration = .seconds(10)
  /// Between two renewals, whatever the lifetime.
  package static let shortestInterval: Duration = .seconds(1)
  static let longestSleep: Duration = .seconds(60)

  /// - Parameters:
  ///   - first: the SVID to begin with.
  ///   - watch: tells when the current one is to be replaced at once (its issuer signs no more, or has sent another).
  ///   - renewsByItself: ask for another at half of its life; false when the issuer sends it by itself.
  ///   - issue: obtains the next one.
  package init(
    first: X509SVID, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil,
    logger: Logger = Logger(label: "frame.identity"), watch: Watch? = nil,
    renewsByItself: Bool = true, issue: @escaping @Sendable () async throws -> X509SVID
  ) throws {
    self.held = Mutex(try Self.hold(first))
    self.watch = watch
    self.renewsByItself = renewsByItself
    self.issue = issue
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    metrics?.x509SVIDObtained(expiring: first.notAfter)
  }

  /// A source that issues from the frame's own authority, anew as soon as another key signs.
  /// - Parameters:
  ///   - id: usually ``FrameCore/SPIFFEID/node(of:)``.
  ///   - lifetime: nil for what the authority's policy says.
  package convenience init(
    authority: FrameAuthority, id: SPIFFEID, lifetime: Duration? = nil,
    clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil,
    logger: Logger = Logger(label: "frame.identity")
  ) throws {
    let issue: @Sendable () throws -> X509SVID = { try authority.issueX509SVID(for: id, lifetime: lifetime) }
    let watch = Watch(
      changes: { authority.changes() }, isStale: { $0.authorityID != authority.activeID(.x509) })
    try self.init(first: try issue(), clock: clock, metrics: metrics, logger: logger, watch: watch, issue: issue)
  }

  package var current: X509SVID { held.withLock { $0.svid } }

  package var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride { held.withLock { $0.override } }

  /// Every SVID from the next one on; the latest only for who is slow. Ends with the task that reads it.
  package func renewals() -> AsyncStream<X509SVID> {
    let (stream, continuation) = AsyncStream.makeStream(of: X509SVID.self, bufferingPolicy: .bufferingNewest(1))
    let id = watchers.withLock { watchers in
      watchers.next += 1
      watchers.continuations[watchers.next] = continuation
      return watchers.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.watchers.withLock { _ = $0.continuations.removeValue(forKey: id) }
    }
    return stream
  }

  /// Renews when it is time, and at once when the watch says so, until the service is shut down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        if self.renewsByItself { group.addTask { await self.renewAtHalfLife() } }
        if let watch = self.watch {
          group.addTask { for await _ in watch.changes() { await self.renewWhileStale(watch) } }
        }
        await group.waitForAll()
      }
    }
  }

  private func renewAtHalfLife() async {
    do {
      while !Task.isCancelled {
        let now = clock.now()
        if !current.isDue(at: now) {
          // Never for long: the clock may be set while we sleep, or the SVID replaced.
          try await clock.sleep(for: min(current.renewAt - now, Self.longestSleep))
          continue
        }
        guard try await tryToRenew() else { continue }
        // An SVID that is due as soon as it is issued (a tiny lifetime, an authority near its end) must not spin.
        if current.isDue(at: clock.now()) { try await clock.sleep(for: Self.shortestInterval) }
      }
    } catch {
      // Only sleep and cancellation throw out of the loop: the service has been asked to stop.
    }
  }

  private func renewWhileStale(_ watch: Watch) async {
    do { while !Task.isCancelled, watch.isStale(current) { _ = try await tryToRenew() } } catch {
      // As above: the service has been asked to stop.
    }
  }

  /// - Returns: false when it failed; the pause before the next attempt is over then.
  /// - Throws: `CancellationError`.
  private func tryToRenew() async throws -> Bool {
    do {
      try await renew()
      return true
    } catch {
      if error is CancellationError { throw error }
      metrics?.x509SVIDRenewalFailed()
      logger.error(
        "Cannot renew the node's SVID; the current one stays in use",
        metadata: ["expires": "\(current.notAfter)", "error": "\(error.report)"])
      try await clock.sleep(for: Self.retryInterval)
      return false
    }
  }

  /// Obtains a new SVID now and puts it in place of the current one.
  /// - Throws: what the issuer throws; the current SVID then stays.
  package func renew() async throws {
    let next = try Self.hold(try await issue())
    held.withLock { $0 = next }
    metrics?.x509SVIDObtained(expiring: next.svid.notAfter)
    for watcher in watchers.withLock({ Array($0.continuations.values) }) { watcher.yield(next.svid) }
    logger.info("Renewed the node's SVID", metadata: ["id": "\(next.svid.id)", "expires": "\(next.svid.notAfter)"])
  }

  private static func hold(_ svid: X509SVID) throws -> State {
    let sources = try svid.nioSSLSources()
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = sources.chain
    override.privateKey = sources.key
    return State(svid: svid, override: override)
  }
}
