import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

/// The private keys of a frame, and how they lie in the keys folder:
/// `authority.json` names them, `x509-<id>.pem` (certificate and key), `jwt-<kid>.pem`, `log.key`.
struct AuthorityKeys: Sendable {
  var sequence: UInt64
  var x509: AuthorityRing<X509Authority>
  var jwt: AuthorityRing<JWTSigningKey>
  var logKey: Curve25519.Signing.PrivateKey
  /// In force and not yet known to be on the log, oldest first.
  var unlogged: [AuthorityChange] = []

  /// Changes that may wait for the log.
  static let unloggedMax = 64

  static func generate(for frame: FrameID, policy: AuthorityPolicy, now: FrameTime) throws -> AuthorityKeys {
    let authority = try X509Authority.generate(for: frame, lifetime: policy.caLifetime, now: now)
    let key = JWTSigningKey(privateKey: P256.Signing.PrivateKey())
    return AuthorityKeys(
      sequence: 1,
      x509: AuthorityRing(.x509, first: authority, id: authority.id, now: now, expiresAt: authority.notAfter),
      jwt: AuthorityRing(
        .jwt, first: key, id: key.authority.keyID, now: now, expiresAt: now + policy.jwtKeyLifetime),
      logKey: Curve25519.Signing.PrivateKey())
  }

  /// Every file of the folder, as it is before sealing.
  func files(for frame: FrameID, sealed: Bool) throws -> [String: Data] {
    var files = [KeyFiles.manifest: try manifest(for: frame, sealed: sealed)]
    for name in names() { files[name] = try contents(of: name) }
    return files
  }

  func manifest(for frame: FrameID, sealed: Bool) throws -> Data {
    let manifest = AuthorityManifest(
      version: AuthorityManifest.version, trust_domain: frame.name, sequence: sequence, sealed: sealed,
      x509: x509.records.map { .init($0) }, jwt: jwt.records.map { .init($0) }, unlogged: unlogged)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(manifest) + Data("\n".utf8)
  }

  /// The private files.
  func names() -> Set<String> {
    Set(x509.keys.map { KeyFiles.x509($0.id) } + jwt.keys.map { KeyFiles.jwt($0.authority.keyID) } + [KeyFiles.logKey])
  }

  private func contents(of name: String) throws -> Data {
    if let authority = x509.keys.first(where: { KeyFiles.x509($0.id) == name }) {
      let certificate = try authority.certificate.serializeAsPEM().pemString
      return Data((certificate + "\n" + authority.privateKey.pemRepresentation + "\n").utf8)
    }
    if let key = jwt.keys.first(where: { KeyFiles.jwt($0.authority.keyID) == name }) {
      return Data((key.privateKey.pemRepresentation + "\n").utf8)
    }
    return KeyFiles.encode(logKey: logKey)
  }

  /// Stores what has changed since `previous`: new keys first, then the manifest that names them, then what is not named any
  /// more goes. A crash in between leaves the one or the other set of keys, whole.
  func save(for frame: FrameID, to store: KeyStore, after previous: AuthorityKeys) throws {
    for name in names().subtracting(previous.names()).sorted() { try store.write(try contents(of: name), to: name) }
    try store.write(try manifest(for: frame, sealed: store.sealer != nil), to: KeyFiles.manifest)
    store.sweep(keeping: names().union([KeyFiles.manifest]))
  }

  // MARK: Loading

  static func readManifest(for frame: FrameID, from store: KeyStore) throws(KeyFileError) -> AuthorityManifest {
    let file = store.path(KeyFiles.manifest)
    let manifest: AuthorityManifest
    let data = try store.directory.read(KeyFiles.manifest)
    do {
      manifest =
        try TextDecoding.extensible.decode(AuthorityManifest.self, json: data, JSONReader.Limits(bytes: 1 << 20))
    } catch {
      throw .damaged(file, why: error.words)
    }
    guard AuthorityManifest.readable.contains(manifest.version) else {
      throw .damaged(file, why: "its version is \(manifest.version), this node writes \(AuthorityManifest.version)")
    }
    guard manifest.trust_domain == frame.name else {
      throw .otherFrame(file, expected: frame, found: manifest.trust_domain)
    }
    let entries = manifest.x509 + manifest.jwt
    guard !manifest.x509.isEmpty, !manifest.jwt.isEmpty else { throw .damaged(file, why: "it names no keys") }
    guard entries.allSatisfy({ isFileName($0.id) }) else { throw .damaged(file, why: "an id in it is not a file name") }
    return manifest
  }

  /// - Parameter anySeal: whether the files may be sealed or not, whatever the manifest says.
  /// - Throws: ``KeyFileError``, ``KeySealError``.
  static func load(for frame: FrameID, from store: KeyStore, anySeal: Bool = false) throws -> AuthorityKeys {
    let manifest = try readManifest(for: frame, from: store)
    let file = store.path(KeyFiles.manifest)
    if !anySeal, store.sealer != nil, manifest.sealed != true { throw KeySealError.notSealed(file) }
    func damaged(_ why: String) -> KeyFileError { .damaged(file, why: why) }
    var x509: [AuthorityRing<X509Authority>.Entry] = []
    for entry in manifest.x509 {
      let authority = try loadX509(entry.id, frame, store)
      let begins = FrameTime(authority.certificate.notValidBefore)
      guard let record = entry.record(published: begins, expires: authority.notAfter) else {
        throw damaged("'\(entry.state.shown(40))' is no state of a key")
      }
      x509.append(.init(record: record, key: authority))
    }
    guard let x509Ring = AuthorityRing(.x509, x509) else {
      throw damaged("its X.509 authorities contradict each other")
    }
    var jwt: [AuthorityRing<JWTSigningKey>.Entry] = []
    for entry in manifest.jwt {
      let name = KeyFiles.jwt(entry.id)
      let key = JWTSigningKey(privateKey: try KeyFiles.decodeP256(try store.read(name), file: store.path(name)))
      guard key.authority.keyID == entry.id else {
        throw KeyFileError.damaged(store.path(name), why: "it is another key than its name says")
      }
      let sibling = x509Ring.active.record
      guard let record = entry.record(published: sibling.publishedAt, expires: sibling.expiresAt) else {
        throw damaged("'\(entry.state.shown(40))' is no state of a key")
      }
      jwt.append(.init(record: record, key: key))
    }
    guard let jwtRing = AuthorityRing(.jwt, jwt) else { throw damaged("its JWT keys contradict each other") }
    // It goes on by one with each change, and peers compare it as a signed number.
    guard manifest.sequence <= UInt64(Int64.max) - 1_000_000 else {
      throw damaged("its sequence is \(manifest.sequence)")
    }
    let logKey = try KeyFiles.decodeLogKey(try store.read(KeyFiles.logKey), file: store.path(KeyFiles.logKey))
    return AuthorityKeys(
      sequence: manifest.sequence, x509: x509Ring, jwt: jwtRing, logKey: logKey, unlogged: manifest.unlogged ?? [])
  }

  private static func loadX509(_ id: String, _ frame: FrameID, _ store: KeyStore) throws -> X509Authority {
    let name = KeyFiles.x509(id)
    let path = store.path(name)
    let data = try store.read(name)
    let certificate = try KeyFiles.decodeCertificate(data, file: path)
    let key = try KeyFiles.decodeP256(data, file: path)
    guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
      throw KeyFileError.damaged(path, why: "its certificate and its key do not belong together")
    }
    guard let authority = try? X509Authority(certificate: certificate, privateKey: key), authority.id == id else {
      throw KeyFileError.damaged(path, why: "it is another certificate than its name says")
    }
    guard (try? SPIFFEID(uriNameOf: certificate)) == .trustDomain(frame) else {
      throw KeyFileError.damaged(path, why: "its certificate is not that of \(SPIFFEID.trustDomain(frame))")
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
