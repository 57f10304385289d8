import Crypto
import Foundation
import FrameCore
import NIOSSL
import SwiftASN1
import X509

/// An X.509-SVID with its private key (X509-SVID specification; CONFORMANCE S2).
package struct X509SVID: Sendable {
  package let id: SPIFFEID
  /// The leaf, then the intermediates. The authority itself is not in it: peers have it in their bundle.
  package let chain: [Certificate]
  package let privateKey: P256.Signing.PrivateKey
  package let notBefore: FrameTime
  package let notAfter: FrameTime
  /// The authority of this frame that issued it; nil when it comes from elsewhere.
  package var authorityID: String?

  /// When half of its life is over and a new one should be asked for.
  package var renewAt: FrameTime { notBefore + .nanoseconds((notAfter - notBefore).nanoseconds / 2) }

  /// Time for a new one: half of its life is over, or it is not valid yet, because a clock that was ahead issued it.
  package func isDue(at now: FrameTime) -> Bool { now >= renewAt || now < notBefore }

  /// The chain as DER, leaf first.
  package func chainDER() throws -> [Data] { try chain.map { try $0.der() } }

  /// The private key as PKCS #8 DER, unencrypted.
  package var pkcs8: Data {
    get throws { Data(try PEMDocument(pemString: privateKey.pemRepresentation).derBytes) }
  }

  /// The chain and the key in the form a TLS configuration takes.
  package func nioSSLSources() throws -> (chain: [NIOSSLCertificateSource], key: NIOSSLPrivateKeySource) {
    let certificates = try chain.map {
      NIOSSLCertificateSource.certificate(try NIOSSLCertificate(bytes: Array($0.der()), format: .der))
    }
    let key = try NIOSSLPrivateKey(bytes: Array(privateKey.derRepresentation), format: .der)
    return (certificates, .privateKey(key))
  }
}

extension Certificate {
  /// The DER encoding.
  package func der() throws -> Data {
    var serializer = DER.Serializer()
    try serializer.serialize(self)
    return Data(serializer.serializedBytes)
  }
}
