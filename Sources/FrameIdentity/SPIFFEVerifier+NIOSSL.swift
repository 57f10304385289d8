import Foundation
import FrameCore
import NIOCore
import NIOSSL
import X509

/// What a handshake's check of the peer's certificates came to.
package enum HandshakeVerdict: Sendable {
  case accepted(VerifiedPeer)
  /// - claimed: the trust domain that the presented leaf names, if it names one. Nothing has proved it: for counting only.
  case refused(SPIFFERefusal, claimed: FrameID?)
}

extension SPIFFEVerifier {
  /// What NIOSSL and the gRPC transports call with the certificates a peer presents.
  package typealias NIOCallback =
    @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResultWithMetadata>) -> Void

  /// A verification callback for one side of a TLS connection.
  ///
  /// Path building is asynchronous, so the work runs in a task of its own and the promise is completed from there, which
  /// hops back to the connection's event loop: NIOSSL is never re-entered. The promise is completed exactly once.
  ///
  /// - Important: BoringSSL does not call this for a session that the client resumes with a ticket, and NIOSSL cannot turn
  ///   tickets off. A server must therefore take the peer's id from the *validated* chain of the connection
  ///   (`peerValidatedCertificateChain`, gRPC's `peerCertificateChain`), which a resumed session does not have, and refuse
  ///   the call when there is none. Otherwise a ticket would outlive a revoked treaty or an expired SVID.
  /// - Parameters:
  ///   - expected: which ids are acceptable.
  ///   - onResult: told the verdict, before the handshake goes on. For metrics and logs; must not block.
  package func nioCallback(
    expecting expected: ExpectedID, onResult: (@Sendable (HandshakeVerdict) -> Void)? = nil
  ) -> NIOCallback {
    { certificates, promise in
      let presented: [Data]
      do {
        presented = try certificates.map { Data(try $0.toDERBytes()) }
      } catch {
        onResult?(.refused(SPIFFERefusal(.malformedCertificate, error.words), claimed: nil))
        return promise.succeed(.failed)
      }
      promise.completeWithTask {
        do {
          let peer = try await verify(der: presented, expecting: expected)
          let chain = try peer.chain.map { try NIOSSLCertificate(bytes: Array($0.der()), format: .der) }
          onResult?(.accepted(peer))
          return .certificateVerified(VerificationMetadata(NIOSSL.ValidatedCertificateChain(chain)))
        } catch let refusal as SPIFFERefusal {
          onResult?(.refused(refusal, claimed: Self.claimed(by: presented)))
        } catch {
          onResult?(.refused(SPIFFERefusal(.malformedCertificate, error.words), claimed: Self.claimed(by: presented)))
        }
        return .failed
      }
    }
  }

  /// The trust domain of the id in a leaf that was not accepted.
  private static func claimed(by presented: [Data]) -> FrameID? {
    guard let der = presented.first, let leaf = try? Certificate(derEncoded: Array(der)) else { return nil }
    return try? SPIFFEID(uriNameOf: leaf).trustDomain
  }
}
