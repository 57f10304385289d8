import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

/// The private keys of a frame, and how they lie in the keys folder:
/// `authority.json` names them, `x509-<id>.pem` (certificate and key), `jwt-<kid>.pem`, `log.key`.
struct AuthorityKeys: Sendable {
  var sequence: UInt64
  var x509: [X509Authority]
  var jwt: [JWTSigningKey]
  var logKey: Curve25519.Signing.PrivateKey

  static func generate(for frame: FrameID, now: FrameTime) throws -> AuthorityKeys {
    AuthorityKeys(
      sequence: 1,
      x509: [try X509Authority.generate(for: frame, lifetime: FrameAuthority.authorityLifetime, now: now)],
      jwt: [JWTSigningKey(privateKey: P256.Signing.PrivateKey())],
      logKey: Curve25519.Signing.PrivateKey())
  }

  /// The manifest: written last and by name, so that what it does not name is not in use.
  private struct Manifest: Codable {
    struct Entry: Codable {
      var id: String
      /// Only `active` until rotation gives the others a meaning.
      var state: String
    }
    var version: Int
    var trust_domain: String
    var sequence: UInt64
    var x509: [Entry]
    var jwt: [Entry]

    static let version = 1
    static let active = "active"
  }

  func files(for frame: FrameID) throws -> [String: Data] {
    let manifest = Manifest(
      version: Manifest.version, trust_domain: frame.name, sequence: sequence,
      x509: x509.map { .init(id: $0.id, state: Manifest.active) },
      jwt: jwt.map { .init(id: $0.authority.keyID, state: Manifest.active) })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    var files = [
      KeyFiles.manifest: try encoder.encode(manifest) + Data("\n".utf8),
      KeyFiles.logKey: KeyFiles.encode(logKey: logKey),
    ]
    for authority in x509 {
      let certificate = try authority.certificate.serializeAsPEM().pemString
      files[KeyFiles.x509(authority.id)] = Data(
        (certificate + "\n" + authority.privateKey.pemRepresentation + "\n").utf8)
    }
    for key in jwt { files[KeyFiles.jwt(key.authority.keyID)] = Data((key.privateKey.pemRepresentation + "\n").utf8) }
    return files
  }

  /// - Throws: ``KeyFileError``.
  static func load(for frame: FrameID, from directory: KeyDirectory) throws(KeyFileError) -> AuthorityKeys {
    let file = directory.path + "/" + KeyFiles.manifest
    let manifest: Manifest
    let data = try directory.read(KeyFiles.manifest)
    do { manifest = try JSONDecoder().decode(Manifest.self, from: data) } catch {
      throw .damaged(file, why: "it is not the expected JSON")
    }
    guard manifest.version == Manifest.version else {
      throw .damaged(file, why: "its version is \(manifest.version), this node writes \(Manifest.version)")
    }
    guard manifest.trust_domain == frame.name else {
      throw .otherFrame(file, expected: frame, found: manifest.trust_domain)
    }
    let entries = manifest.x509 + manifest.jwt
    guard !manifest.x509.isEmpty, !manifest.jwt.isEmpty else { throw .damaged(file, why: "it names no keys") }
    guard entries.allSatisfy({ isFileName($0.id) }) else { throw .damaged(file, why: "an id in it is not a file name") }
    var x509: [X509Authority] = []
    for entry in manifest.x509 { x509.append(try loadX509(entry.id, frame, directory)) }
    var jwt: [JWTSigningKey] = []
    for entry in manifest.jwt {
      let name = KeyFiles.jwt(entry.id)
      let path = directory.path + "/" + name
      let key = JWTSigningKey(privateKey: try KeyFiles.decodeP256(try directory.read(name), file: path))
      guard key.authority.keyID == entry.id else { throw .damaged(path, why: "it is another key than its name says") }
      jwt.append(key)
    }
    let logKey = try KeyFiles.decodeLogKey(
      try directory.read(KeyFiles.logKey), file: directory.path + "/" + KeyFiles.logKey)
    return AuthorityKeys(sequence: manifest.sequence, x509: x509, jwt: jwt, logKey: logKey)
  }

  private static func loadX509(
    _ id: String, _ frame: FrameID, _ directory: KeyDirectory
  ) throws(KeyFileError) -> X509Authority {
    let name = KeyFiles.x509(id)
    let path = directory.path + "/" + name
    let data = try directory.read(name)
    let certificate = try KeyFiles.decodeCertificate(data, file: path)
    let key = try KeyFiles.decodeP256(data, file: path)
    guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
      throw .damaged(path, why: "its certificate and its key do not belong together")
    }
    guard let authority = try? X509Authority(certificate: certificate, privateKey: key), authority.id == id else {
      throw .damaged(path, why: "it is another certificate than its name says")
    }
    guard (try? SPIFFEID(uriNameOf: certificate)) == .trustDomain(frame) else {
      throw .damaged(path, why: "its certificate is not that of \(SPIFFEID.trustDomain(frame))")
    }
    return authority
  }

  /// Ids become file names: nothing in them may lead out of the folder.
  private static func isFileName(_ id: String) -> Bool {
    (1...128).contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}
