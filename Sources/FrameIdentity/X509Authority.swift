import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

/// One certificate authority of a frame: a self-signed P-256 root whose id is the trust domain's own.
package struct X509Authority: Sendable {
  /// First 8 bytes of the SHA-256 of the certificate, in hex.
  package let id: String
  package let certificate: Certificate
  let privateKey: P256.Signing.PrivateKey

  package var notAfter: FrameTime { FrameTime(certificate.notValidAfter) }

  init(certificate: Certificate, privateKey: P256.Signing.PrivateKey) throws {
    self.certificate = certificate
    self.privateKey = privateKey
    self.id = Data(SHA256.hash(data: try certificate.der()).prefix(8)).hex
  }

  /// A new root.
  /// - Parameters:
  ///   - lifetime: how long its certificate is valid.
  ///   - now: the time it is made.
  static func generate(for frame: FrameID, lifetime: Duration, now: FrameTime) throws -> X509Authority {
    let key = P256.Signing.PrivateKey()
    let issuer = Certificate.PrivateKey(key)
    let name = try DistinguishedName {
      OrganizationName("frame")
      // X.520 allows 64 characters; the id that counts is the URI name below.
      CommonName(String(frame.name.prefix(64)))
    }
    let id = SPIFFEID.trustDomain(frame)
    let (notBefore, notAfter) = Validity.span(from: now, lifetime: lifetime)
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: issuer.publicKey,
      notValidBefore: notBefore.date,
      notValidAfter: notAfter.date, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        // SVIDs are issued directly under the root: no intermediate may follow.
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: issuer.publicKey)
        SubjectAlternativeNames([.uniformResourceIdentifier(id.description)])
      },
      issuerPrivateKey: issuer)
    return try X509Authority(certificate: certificate, privateKey: key)
  }

  /// Issues an X.509-SVID: one URI name, `digitalSignature` and nothing else, server and client authentication.
  func issue(_ id: SPIFFEID, key: P256.Signing.PrivateKey, lifetime: Duration, now: FrameTime) throws -> X509SVID {
    let publicKey = Certificate.PublicKey(key.publicKey)
    var (notBefore, notAfter) = Validity.span(from: now, lifetime: lifetime)
    // An SVID that outlives its authority would fail in the middle of its life.
    notAfter = min(notAfter, self.notAfter)
    notBefore = max(notBefore, FrameTime(certificate.notValidBefore))
    let subjectKeyIdentifier = try certificate.extensions.subjectKeyIdentifier?.keyIdentifier
    let leaf = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey, notValidBefore: notBefore.date,
      notValidAfter: notAfter.date, issuer: certificate.subject,
      subject: try DistinguishedName { OrganizationName("frame") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectKeyIdentifier(hash: publicKey)
        AuthorityKeyIdentifier(keyIdentifier: subjectKeyIdentifier)
        SubjectAlternativeNames([.uniformResourceIdentifier(id.description)])
      },
      issuerPrivateKey: Certificate.PrivateKey(privateKey))
    return X509SVID(
      id: id, chain: [leaf], privateKey: key, notBefore: notBefore, notAfter: notAfter, authorityID: self.id)
  }
}

/// The times written into certificates: whole seconds, starting a little in the past.
enum Validity {
  /// Peers' clocks may be behind ours by this much (CONFORMANCE S16).
  static let backdate: Duration = .seconds(10)

  static func span(from now: FrameTime, lifetime: Duration) -> (notBefore: FrameTime, notAfter: FrameTime) {
    (wholeSeconds(now - backdate), wholeSeconds(now + lifetime))
  }

  private static func wholeSeconds(_ time: FrameTime) -> FrameTime {
    FrameTime(unixNanoseconds: time.unixNanoseconds - time.unixNanoseconds % 1_000_000_000)
  }
}

extension SPIFFEID {
  /// The id of the trust domain itself, which its authorities carry.
  package static func trustDomain(_ frame: FrameID) -> SPIFFEID {
    // The empty path is always valid, and a FrameID is at most 255 bytes: this cannot throw.
    do { return try SPIFFEID(trustDomain: frame, path: "") } catch { preconditionFailure(error.words) }
  }
}
