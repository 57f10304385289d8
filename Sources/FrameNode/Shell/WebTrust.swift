import FrameCore
import FramePeering
import FrameIdentity
import FrameConfiguration
import FrameMetrics
import Logging
import NIOCertificateReloading
import ServiceLifecycle

/// What the node has of Web PKI: the certificate that its bundle endpoint presents with profile `https_web`, and additional
/// roots for peers' endpoints. Both are read again when frame.yaml is, and every minute, so that a certificate that was renewed
/// on disk is presented soon, whoever renewed it.
final class WebTrust: Service {
  static let lookAgainAfter: Duration = .seconds(60)

  let endpoints: EndpointTrust
  private let certificate: WebCertificateSource?
  private let configuration: NodeConfiguration.BundleEndpoint
  private let clock: any FrameClock
  private let metrics: BundleEndpointMetrics
  private let logger: Logger

  /// Reads the files; blocks.
  /// - Throws: `WebCertificateError`.
  init(
    _ configuration: NodeConfiguration.BundleEndpoint, clock: any FrameClock, metrics: BundleEndpointMetrics,
    logger: Logger
  ) throws {
    self.configuration = configuration
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    endpoints = EndpointTrust()
    if let roots = configuration.additionalRoots { try endpoints.readAdditionalRoots(roots.path) }
    if let file = configuration.certificate, let key = configuration.privateKey {
      certificate = try WebCertificateSource(certificate: file.path, key: key.path)
    } else {
      certificate = nil
    }
    metrics.show(certificate)
  }

  /// What the bundle endpoint presents.
  /// - Parameter svid: the node's SVID, for profile `https_spiffe`.
  func presented(else svid: SVIDSource) -> any CertificateReloader { certificate ?? svid }

  /// Reads the files again; blocks.
  /// - Throws: `WebCertificateError`; what was read last stays.
  func reload() throws {
    do {
      var isOther = false
      let present = { isOther = try self.certificate?.reload() == true }
      if let roots = configuration.additionalRoots {
        try endpoints.readAdditionalRoots(roots.path, with: present)
      } else {
        try present()
      }
      if isOther {
        logger.notice(
          "The bundle endpoint presents another certificate",
          metadata: ["expires": "\(certificate?.notAfter.description ?? "")"])
      }
      metrics.reloads.with("done").increment()
    } catch {
      metrics.reloads.with("refused").increment()
      throw error
    }
    metrics.show(certificate)
  }

  func run() async throws {
    guard certificate != nil || configuration.additionalRoots != nil else {
      try? await gracefulShutdown()
      return
    }
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await self.clock.sleep(for: Self.lookAgainAfter)
          try await Blocking.run { try self.reload() }
        } catch is CancellationError {
          return
        } catch {
          self.logger.error(
            "The certificates cannot be read; those read before stay", metadata: ["error": "\(error.report)"])
        }
      }
    }
  }
}
