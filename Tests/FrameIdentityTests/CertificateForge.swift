import Crypto
import Foundation
import FrameCore
import X509

@testable import FrameIdentity

/// Makes certificates that a real authority would refuse to make.
struct CertificateForge {
  let key = P256.Signing.PrivateKey()
  let certificate: Certificate

  /// What goes into a certificate.
  struct Form {
    var uris: [String] = []
    var otherNames: [GeneralName] = []
    var isAuthority = false
    var usage: KeyUsage? = KeyUsage(digitalSignature: true)
    var extended: [ExtendedKeyUsage.Usage]? = [.serverAuth, .clientAuth]
    var notBefore: FrameTime
    var notAfter: FrameTime
    var unknownCritical = false

    static func leaf(_ uris: [String], at now: FrameTime) -> Form {
      Form(uris: uris, notBefore: now - .seconds(10), notAfter: now + .seconds(3600))
    }

    static func authority(_ uris: [String], at now: FrameTime) -> Form {
      Form(
        uris: uris, isAuthority: true, usage: KeyUsage(keyCertSign: true, cRLSign: true), extended: nil,
        notBefore: now - .seconds(10), notAfter: now + .seconds(86_400))
    }
  }

  /// A self-signed root.
  /// - Parameter end: in place of the form's, for dates that FrameTime cannot say.
  init(root form: Form, name: String = "root", until end: Date? = nil) throws {
    let subject = try DistinguishedName { CommonName(name) }
    certificate = try Self.make(form, subject, Certificate.PublicKey(key.publicKey), subject, key, until: end)
  }

  /// A certificate signed by `issuer`.
  init(_ form: Form, by issuer: CertificateForge, name: String = "leaf") throws {
    let subject = try DistinguishedName { CommonName(name) }
    certificate = try Self.make(
      form, subject, Certificate.PublicKey(key.publicKey), issuer.certificate.subject, issuer.key)
  }

  private static func make(
    _ form: Form, _ subject: DistinguishedName, _ publicKey: Certificate.PublicKey, _ issuer: DistinguishedName,
    _ issuerKey: P256.Signing.PrivateKey, until end: Date? = nil
  ) throws -> Certificate {
    var extensions = Certificate.Extensions()
    if form.isAuthority {
      try extensions.append(
        Certificate.Extension(BasicConstraints.isCertificateAuthority(maxPathLength: nil), critical: true))
    } else {
      try extensions.append(Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true))
    }
    if let usage = form.usage { try extensions.append(Certificate.Extension(usage, critical: true)) }
    if let extended = form.extended {
      try extensions.append(Certificate.Extension(ExtendedKeyUsage(extended), critical: false))
    }
    let names = form.otherNames + form.uris.map { GeneralName.uniformResourceIdentifier($0) }
    if !names.isEmpty {
      try extensions.append(Certificate.Extension(SubjectAlternativeNames(names), critical: false))
    }
    if form.unknownCritical {
      try extensions.append(Certificate.Extension(oid: [1, 3, 6, 1, 4, 1, 99999, 1], critical: true, value: [5, 0]))
    }
    return try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey, notValidBefore: form.notBefore.date,
      notValidAfter: end ?? form.notAfter.date, issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions, issuerPrivateKey: Certificate.PrivateKey(issuerKey))
  }
}

extension SPIFFEBundle {
  /// A bundle of these authorities only.
  init(_ domain: FrameID, _ authorities: [Certificate], jwt: [JWTAuthority] = [], sequence: UInt64? = nil) {
    self.init(
      trustDomain: domain, x509Authorities: authorities, jwtAuthorities: jwt, sequence: sequence, refreshHint: nil)
  }
}

/// The two frames of every story.
enum Frames {
  static let a = try! FrameID("frame-a.example")  // Valid names: a wrong one would fail every test at once.
  static let b = try! FrameID("frame-b.example")
}

/// A folder that goes away with its test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/frame-identity-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
