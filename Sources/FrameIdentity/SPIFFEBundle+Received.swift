import Crypto
import Foundation
import FrameCore
import X509

extension SPIFFEBundle {
  /// The X.509 authorities of a trust domain as the Workload API gives them, without number and without JWT keys.
  /// - Parameters:
  ///   - der: certificates one behind the other.
  ///   - max: more are refused.
  /// - Throws: ``ReceivedSVIDError``.
  package init(received der: Data, of trustDomain: FrameID, max: Int) throws(ReceivedSVIDError) {
    self.init(
      trustDomain: trustDomain, x509Authorities: try X509SVID.certificates(in: der, max: max), jwtAuthorities: [],
      sequence: nil, refreshHint: nil)
  }

  /// This bundle's authorities with these JWT keys, in an order of our own: they come in none that means anything, and equal keys
  /// are to make equal bytes.
  package func canonical(jwtAuthorities: [JWTAuthority], refreshHint: Duration) throws -> SPIFFEBundle {
    var ders: [Data: Certificate] = [:]
    for certificate in x509Authorities { ders[try certificate.der()] = certificate }
    var keys: [String: JWTAuthority] = [:]
    for key in jwtAuthorities { keys[key.keyID] = key }
    return SPIFFEBundle(
      trustDomain: trustDomain,
      x509Authorities: ders.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value),
      jwtAuthorities: keys.sorted { $0.key < $1.key }.map(\.value), sequence: nil, refreshHint: refreshHint)
  }

  /// The X.509 authorities as ``AuthorityRecord/id`` names them, each with its end.
  package var x509Keys: [(id: String, expiresAt: FrameTime)] {
    x509Authorities.map { certificate in
      // A certificate that was parsed or issued here serialises again; there is no other kind.
      let der = (try? certificate.der()) ?? Data()
      return (Data(SHA256.hash(data: der).prefix(8)).hex, FrameTime(certificate.notValidAfter))
    }
  }

  /// The same keys under a number.
  package func numbered(_ sequence: UInt64) -> SPIFFEBundle {
    SPIFFEBundle(
      trustDomain: trustDomain, x509Authorities: x509Authorities, jwtAuthorities: jwtAuthorities, sequence: sequence,
      refreshHint: refreshHint)
  }
}
