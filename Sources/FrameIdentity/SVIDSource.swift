import FrameCore
import Logging
import NIOCertificateReloading
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Holds the node's current X.509-SVID and renews it at half of its life.
///
/// Listeners and clients take it as their certificate reloader: a handshake uses whatever is current, connections that are
/// already open keep going.
package final class SVIDSource: Service, CertificateReloader {
  private struct Held {
    var svid: X509SVID
    var override: NIOSSLContextConfigurationOverride
  }

  private let held: Mutex<Held>
  private let issue: @Sendable () async throws -> X509SVID
  private let clock: any FrameClock
  private let metrics: IdentityMetrics?
  private let logger: Logger

  /// Pause after a failed renewal; the current SVID has half of its life left.
  package static let retryInterval: Duration = .seconds(10)
  /// Between two renewals, whatever the lifetime.
  package static let shortestInterval: Duration = .seconds(1)

  /// - Parameters:
  ///   - first: the SVID to begin with.
  ///   - issue: obtains the next one.
  package init(
    first: X509SVID, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil,
    logger: Logger = Logger(label: "frame.identity"), issue: @escaping @Sendable () async throws -> X509SVID
  ) throws {
    self.held = Mutex(try Self.hold(first))
    self.issue = issue
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    metrics?.x509SVIDObtained(expiring: first.notAfter)
  }

  /// A source that issues from the frame's own authority.
  /// - Parameter id: usually ``FrameCore/SPIFFEID/node(of:)``.
  package convenience init(
    authority: FrameAuthority, id: SPIFFEID, lifetime: Duration = FrameAuthority.x509SVIDLifetime,
    clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil,
    logger: Logger = Logger(label: "frame.identity")
  ) throws {
    let issue: @Sendable () throws -> X509SVID = { try authority.issueX509SVID(for: id, lifetime: lifetime) }
    try self.init(first: try issue(), clock: clock, metrics: metrics, logger: logger, issue: issue)
  }

  package var current: X509SVID { held.withLock { $0.svid } }

  package var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride { held.withLock { $0.override } }

  /// Renews at half life until the service is shut down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      do {
        while !Task.isCancelled {
          let wait = self.current.renewAt - self.clock.now()
          if wait > .zero {
            try await self.clock.sleep(for: wait)
            // The clock may have been set while we slept: look again before renewing.
            continue
          }
          do {
            try await self.renew()
            // An SVID that is due as soon as it is issued (a tiny lifetime, an authority near its end) must not spin.
            if self.current.renewAt <= self.clock.now() { try await self.clock.sleep(for: Self.shortestInterval) }
          } catch {
            if error is CancellationError { throw error }
            self.metrics?.x509SVIDRenewalFailed()
            self.logger.error(
              "Cannot renew the node's SVID; the current one stays in use",
              metadata: ["expires": "\(self.current.notAfter)", "error": "\(error)"])
            try await self.clock.sleep(for: Self.retryInterval)
          }
        }
      } catch {
        // Only sleep and cancellation throw out of the loop: the service has been asked to stop.
      }
    }
  }

  /// Obtains a new SVID now and puts it in place of the current one.
  /// - Throws: what the issuer throws; the current SVID then stays.
  package func renew() async throws {
    let next = try Self.hold(try await issue())
    held.withLock { $0 = next }
    metrics?.x509SVIDObtained(expiring: next.svid.notAfter)
    logger.info("Renewed the node's SVID", metadata: ["id": "\(next.svid.id)", "expires": "\(next.svid.notAfter)"])
  }

  private static func hold(_ svid: X509SVID) throws -> Held {
    let sources = try svid.nioSSLSources()
    var override = NIOSSLContextConfigurationOverride()
    override.certificateChain = sources.chain
    override.privateKey = sources.key
    return Held(svid: svid, override: override)
  }
}
