import Crypto
import Foundation
import FrameCore
import X509

extension SPIFFEBundle {
  /// A larger document is refused (CONFORMANCE S13).
  package static let documentLimit = 1 << 20

  /// Parses a bundle document (JWKS).
  ///
  /// An entry that is unknown or broken is left out alone and listed in ``ignored``. `keys: []` parses: it revokes
  /// everything, and ``replacement(for:authenticated:)`` decides whether it may.
  /// - Parameters:
  ///   - data: the document's bytes.
  ///   - trustDomain: whose bundle it is; the document itself does not say.
  /// - Throws: ``BundleError``.
  package init(parsing data: Data, of trustDomain: FrameID) throws(BundleError) {
    let document = try Self.document(data, of: trustDomain)
    guard let entries = document["keys"]?.list else { throw .malformed(trustDomain, why: "'keys' is missing") }
    let sequence = try Self.number("spiffe_sequence", in: document, trustDomain)
    let hint = try Self.number("spiffe_refresh_hint", in: document, trustDomain)

    var x509: [Certificate] = []
    var jwt: [JWTAuthority] = []
    var ignored: [IgnoredEntry] = []
    for (index, entry) in entries.enumerated() {
      switch Self.entry(entry, use: entry["use"]?.string) {
      case .x509(let certificate) where x509.contains(certificate):
        ignored.append(.init(index: index, reason: "the certificate is there twice"))
      case .x509(let certificate): x509.append(certificate)
      case .jwt(let authority) where jwt.contains(where: { $0.keyID == authority.keyID }):
        ignored.append(.init(index: index, reason: "the key id '\(authority.keyID.shown(64))' is there twice"))
      case .jwt(let authority): jwt.append(authority)
      case .unusable(let reason): ignored.append(.init(index: index, reason: reason))
      }
    }
    self.init(
      trustDomain: trustDomain, x509Authorities: x509, jwtAuthorities: jwt, sequence: sequence,
      refreshHint: hint.map { .seconds(Int64(clamping: $0)) }, ignored: ignored)
    // What had keys and yields none is a broken document, not a revocation.
    guard entries.isEmpty || !isEmpty else { throw .noUsableKey(trustDomain, ignored) }
  }

  /// The document: keys in the bundle's order, members sorted, so that equal bundles have equal bytes.
  package func serialized() throws -> Data {
    var keys: [[String: Any]] = []
    for certificate in x509Authorities {
      var key = Self.publicMembers(of: certificate)
      key["use"] = "x509-svid"
      key["x5c"] = [try certificate.der().base64EncodedString()]
      keys.append(key)
    }
    for authority in jwtAuthorities {
      var key: [String: Any] = authority.members
      key["use"] = "jwt-svid"
      key["kid"] = authority.keyID
      keys.append(key)
    }
    var document: [String: Any] = ["keys": keys]
    if let sequence { document["spiffe_sequence"] = sequence }
    if let refreshHint { document["spiffe_refresh_hint"] = refreshHint.components.seconds }
    return try JSONSerialization.data(withJSONObject: document, options: [.sortedKeys, .withoutEscapingSlashes])
  }

  /// The JWT keys alone, as the Workload API hands them out: clients stumble over keys without a `kid` (CONFORMANCE S11).
  package func jwtDocument() throws -> Data {
    try SPIFFEBundle(
      trustDomain: trustDomain, x509Authorities: [], jwtAuthorities: jwtAuthorities, sequence: nil, refreshHint: nil
    ).serialized()
  }

  /// The keys of a JWT bundle as the Workload API hands it out: a plain JWK Set, in which SPIRE leaves `use` away. What is not
  /// usable is left out, as in a bundle document.
  /// - Throws: ``BundleError/tooLarge(_:_:)``, ``BundleError/malformed(_:why:)``.
  package static func jwtAuthorities(parsing data: Data, of trustDomain: FrameID) throws(BundleError) -> [JWTAuthority]
  {
    let document = try document(data, of: trustDomain)
    // Go writes a set without keys as null.
    guard let entries = document["keys"] == .null ? [] : document["keys"]?.list else {
      throw .malformed(trustDomain, why: "its JWT keys are not a JWK Set")
    }
    var keys: [JWTAuthority] = []
    for key in entries {
      let use = key["use"] == nil || key["use"]?.string == "sig" ? "jwt-svid" : key["use"]?.string
      guard case .jwt(let authority) = entry(key, use: use), !keys.contains(where: { $0.keyID == authority.keyID })
      else { continue }
      keys.append(authority)
    }
    return keys
  }

  private enum Entry {
    case x509(Certificate)
    case jwt(JWTAuthority)
    case unusable(String)
  }

  /// Members that we do not know are allowed (RFC 7517 §4).
  private static func entry(_ entry: TextTree, use: String?) -> Entry {
    guard entry.members != nil else { return .unusable("it is not an object") }
    if let twice = entry.nameTwice { return .unusable("'\(twice.shown(64))' is there twice") }
    guard let use else { return .unusable("it has no 'use'") }
    guard let type = entry["kty"]?.string, ["EC", "RSA", "OKP"].contains(type) else {
      return .unusable("its 'kty' is missing or unknown")
    }
    switch use {
    case "x509-svid":
      // Exactly one is allowed; of several the first counts, as in SPIRE and go-spiffe.
      guard let first = entry["x5c"]?.list?.first?.string else {
        return .unusable("it has no 'x5c'")
      }
      guard let der = Data(base64Encoded: first), let certificate = try? Certificate(derEncoded: Array(der)) else {
        return .unusable("its certificate does not parse")
      }
      return .x509(certificate)
    case "jwt-svid":
      guard let keyID = entry["kid"]?.string, !keyID.isEmpty else { return .unusable("it has no 'kid'") }
      // A private member means that its owner has published its secret: such a key proves nothing.
      guard entry["d"] == nil else { return .unusable("it is a private key") }
      let members = JWTAuthority.publicMembers.reduce(into: [String: String]()) { $0[$1] = entry[$1]?.string }
      let authority = JWTAuthority(keyID: keyID, members: members)
      return authority.hasKeyMaterial ? .jwt(authority) : .unusable("its key does not parse")
    default: return .unusable("its 'use' is unknown")
    }
  }

  private static func document(_ data: Data, of trustDomain: FrameID) throws(BundleError) -> TextTree {
    guard data.count <= documentLimit else { throw .tooLarge(trustDomain, data.count) }
    let document: TextTree
    // An entry with a member twice is left out alone; the document's own members must be there once.
    do { document = try TextTree(json: data, JSONReader.Limits(bytes: documentLimit, strictDepth: 1)) } catch {
      throw .malformed(trustDomain, why: error.description)
    }
    guard document.members != nil else { throw .malformed(trustDomain, why: "it is not a JSON object") }
    return document
  }

  private static func number(
    _ name: String, in document: TextTree, _ domain: FrameID
  ) throws(BundleError) -> UInt64? {
    guard let value = document[name], value != .null else { return nil }
    guard let number = value.wholeNumber else { throw .malformed(domain, why: "'\(name)' is not a whole number") }
    return number
  }

  /// The JWK members of a P-256 certificate's key; other key types are carried by `x5c` alone.
  private static func publicMembers(of certificate: Certificate) -> [String: Any] {
    if let key = P256.Signing.PublicKey(certificate.publicKey) { return JWTAuthority(key).members }
    if P384.Signing.PublicKey(certificate.publicKey) != nil { return ["kty": "EC", "crv": "P-384"] }
    if P521.Signing.PublicKey(certificate.publicKey) != nil { return ["kty": "EC", "crv": "P-521"] }
    if Curve25519.Signing.PublicKey(certificate.publicKey) != nil { return ["kty": "OKP", "crv": "Ed25519"] }
    return ["kty": "RSA"]
  }
}
