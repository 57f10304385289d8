import FrameTreaty
import FrameCore
import FrameIdentity
import FrameProtos
import NIOSSL
import Synchronization

/// What endpoints are believed by, beside the pinned bundles: the roots that Web PKI is extended with.
package final class EndpointTrust: Sendable {
  private let roots: Mutex<[NIOSSLCertificate]>

  /// - Parameter additionalRoots: trusted for `https_web` besides the system's.
  package init(additionalRoots: [NIOSSLCertificate] = []) { roots = Mutex(additionalRoots) }

  /// Takes the additional roots from a PEM file; blocks.
  /// - Throws: `WebCertificateError`; the roots then stay.
  /// - Parameter others: what changes with them; when it cannot, these stay as they are too.
  package func readAdditionalRoots(_ path: String, with others: () throws -> Void = {}) throws {
    let read = try WebCertificates.roots(path)
    try others()
    roots.withLock { $0 = read }
  }

  /// Web PKI, as this node knows it now.
  var web: EndpointProfile { .web(additionalRoots: roots.withLock { $0 }) }

  /// How the endpoint of a peer must prove itself.
  /// - Parameters:
  ///   - description: what the peer said of itself; its profile counts.
  ///   - held: the bundle that is held for the peer.
  /// - Throws: ``FederationError/profileUnknown(_:)``.
  func profile(
    of peer: FrameID, _ description: PBFrameDescription, held: any BundleSource
  ) throws(FederationError) -> EndpointProfile {
    switch try BundleProfile(description.bundleEndpointProfile) {
    case .spiffe: .spiffe(held, expecting: .node(of: peer))
    case .web: web
    }
  }
}
