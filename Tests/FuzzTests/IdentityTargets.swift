import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

@testable import FrameIdentity

/// What vouches for others: bundles, certificates, tokens.
enum IdentityTargets {
  static let all = [bundle, workloadKeys, jwk, certificate, names, token, claims, endpointURL, base64, entityTag]

  private static let jwkWords = [
    "\"keys\"", "\"use\"", "\"kty\"", "\"kid\"", "\"x5c\"", "\"crv\"", "\"x\"", "\"y\"", "\"n\"", "\"e\"", "\"alg\"",
    "\"d\"",
    "x509-svid", "jwt-svid", "\"EC\"", "\"RSA\"", "\"OKP\"", "P-256", "spiffe_sequence", "spiffe_refresh_hint", "null",
    "{}",
    "[]", "\\u0000", "\\ud800", ",",
  ]

  static let bundle = FuzzTarget(
    "bundle", words: jwkWords, bytesMax: 32_768,
    seeds: [Data(#"{"keys":[],"spiffe_sequence":1,"spiffe_refresh_hint":300}"#.utf8)] + jwks()
  ) { data in
    try FuzzTarget.verdict {
      let bundle = try SPIFFEBundle(parsing: data, of: FuzzKeys.frame)
      let again = try SPIFFEBundle(parsing: try bundle.serialized(), of: FuzzKeys.frame)
      // What was left out is not said again, and only what our own keys can be is; the fingerprint is what people compare.
      try FuzzTarget.require(again.fingerprint == bundle.fingerprint, "the fingerprint changes on the way")
      try FuzzTarget.require(again.sequence == bundle.sequence, "the sequence changes on the way")
      try FuzzTarget.require(again.jwtAuthorities == bundle.jwtAuthorities, "the JWT keys change on the way")
      try FuzzTarget.require(
        SPIFFEBundle.refreshIntervalBounds.contains(bundle.refreshInterval), "the interval is \(bundle.refreshInterval)"
      )
      _ = try? bundle.replacement(for: again, authenticated: false)
      _ = try bundle.jwtDocument()
      _ = "\(bundle.ignored)"
    }
  }

  private static func jwks() -> [Data] {
    let key = JWTAuthority(jwtKey.publicKey)
    let bundle = SPIFFEBundle(
      trustDomain: FuzzKeys.frame, x509Authorities: [], jwtAuthorities: [key], sequence: 7, refreshHint: .seconds(60))
    return [try? bundle.serialized()].compactMap { $0 }
  }

  static let workloadKeys = FuzzTarget("workload-keys", words: jwkWords, bytesMax: 16_384, seeds: jwks()) { data in
    try FuzzTarget.verdict { _ = try SPIFFEBundle.jwtAuthorities(parsing: data, of: FuzzKeys.frame) }
  }

  /// A key of a peer's bundle, used: the first line is the algorithm, the second the signature, the rest the JWK's members, one a
  /// line.
  static let jwk = FuzzTarget(
    "jwk",
    words: [
      "RS256", "PS512", "ES256", "ES384", "ES512", "kty=RSA", "kty=EC", "crv=P-384", "n=", "e=", "AQAB", "x=", "y=",
    ],
    bytesMax: 8_192,
    texts: [
      "RS256\nAAAA\nkty=RSA\ne=AQAB\nn=" + Base64URL.encode(Data(repeating: 0xa7, count: 256)),
      "ES256\n" + Base64URL.encode(Data(repeating: 1, count: 64)) + "\n"
        + JWTAuthority(jwtKey.publicKey).members.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "\n"),
      "PS256\n" + Base64URL.encode(Data(repeating: 1, count: 256)) + "\nkty=RSA\ne=AQ\nn="
        + Base64URL.encode(Data(repeating: 0xff, count: 512)),
    ]
  ) { text in
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let members = lines.dropFirst(2).reduce(into: [String: String]()) { members, line in
      let pair = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { members[String(pair[0])] = String(pair[1]) }
    }
    return try FuzzTarget.verdict {
      let authority = JWTAuthority(keyID: "k", members: members)
      guard authority.hasKeyMaterial, lines.count >= 2 else { throw AmountError.malformed("no key") }
      let signature = Base64URL.decode(lines[1]) ?? Data()
      let algorithm = lines[0]
      _ = try? FuzzKeys.wait { try await authority.verifies(signature, over: Data("m".utf8), algorithm: algorithm) }
    }
  }

  /// Certificates as a handshake or an agent presents them. The seeds are in the saved corpus.
  static let certificate = FuzzTarget("certificate", bytesMax: 8_192, seeds: [Data([0x30, 0x82, 0xff, 0xff])]) { data in
    try FuzzTarget.verdict {
      let chain = try X509SVID.certificates(in: data, max: SPIFFEVerifier.chainLimit)
      let bytes = try chain.reduce(into: Data()) { $0 += try $1.der() }
      try FuzzTarget.require(bytes == data, "certificates do not come back as they were read")
      for certificate in chain {
        _ = try? SPIFFEID(uriNameOf: certificate)
        _ = try? X509SVID(received: data, key: Data())
        _ = FrameTime(certificate.notValidAfter) - FrameTime(certificate.notValidBefore)
      }
      let bundle = SPIFFEBundle(
        trustDomain: FuzzKeys.frame, x509Authorities: chain, jwtAuthorities: [], sequence: nil, refreshHint: nil)
      _ = bundle.fingerprint
      let verifier = SPIFFEVerifier(bundles: bundle, clock: FuzzKeys.Clock())
      _ = try FuzzKeys.wait { try await verifier.verify(chain) }
    }
  }

  // Any 32 bytes below the curve's order are a P-256 key.
  private static let authorityKey = p256(1)
  private static let leafKey = p256(2)
  static let jwtKey = p256(3)

  private static func p256(_ number: UInt8) -> P256.Signing.PrivateKey {
    do { return try P256.Signing.PrivateKey(rawRepresentation: Data(repeating: number, count: 32)) } catch {
      preconditionFailure("\(error)")
    }
  }

  private static func signed(
    _ key: P256.Signing.PublicKey, _ extensions: Certificate.Extensions, _ name: String
  ) throws -> Certificate {
    let issuer = try DistinguishedName { CommonName("fuzz authority") }
    return try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key),
      notValidBefore: (FuzzKeys.now - .seconds(60)).date, notValidAfter: (FuzzKeys.now + .seconds(3600)).date,
      issuer: issuer, subject: try DistinguishedName { CommonName(name) }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions, issuerPrivateKey: Certificate.PrivateKey(authorityKey))
  }

  private static let authority: Certificate? = try? signed(
    authorityKey.publicKey,
    Certificate.Extensions {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
      Critical(KeyUsage(keyCertSign: true))
      SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://frame-a.example")])
    }, "fuzz authority")

  private static let extensionIDs: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
    .X509ExtensionID.basicConstraints, .X509ExtensionID.nameConstraints, .X509ExtensionID.authorityKeyIdentifier,
    .X509ExtensionID.subjectKeyIdentifier, [1, 3, 6, 1, 4, 1, 99999, 1],
  ]

  /// The extensions of a leaf, its names above all, as a peer with an authority of its own can sign them: each is its
  /// kind, whether it is critical, its length and its bytes.
  static let names = FuzzTarget(
    "certificate-names", words: ["spiffe://frame-a.example/node", "spiffe://", "\u{86}", "%2e"], bytesMax: 1_024,
    seeds: [
      leafNames("spiffe://frame-a.example/node"), leafNames("spiffe://frame-b.example/agent/x"), Data([0, 0, 0]),
    ]
  ) { data in
    guard let authority else { throw FuzzFailure(why: "the authority cannot be made") }
    var extensions = Certificate.Extensions()
    var rest = [UInt8](data)[...]
    while let kind = rest.popFirst(), let length = rest.popFirst(), extensions.count < 8 {
      let value = rest.prefix(Int(length))
      rest = rest.dropFirst(value.count)
      let made = Certificate.Extension(
        oid: extensionIDs[Int(kind & 7)], critical: kind & 8 != 0, value: ArraySlice(value))
      // Two of one kind are a fault of the maker, which refuses them.
      try? extensions.append(made)
    }
    return try FuzzTarget.verdict {
      let leaf = try signed(leafKey.publicKey, extensions, "leaf")
      let bundle = SPIFFEBundle(
        trustDomain: FuzzKeys.frame, x509Authorities: [authority], jwtAuthorities: [], sequence: nil, refreshHint: nil)
      let verifier = SPIFFEVerifier(bundles: bundle, clock: FuzzKeys.Clock())
      let der = try leaf.der()
      let peer = try FuzzKeys.wait { try await verifier.verify(der: [der]) }
      try FuzzTarget.require(peer.id.trustDomain == FuzzKeys.frame, "\(peer.id) is of another trust domain")
      try FuzzTarget.require(!peer.id.path.isEmpty, "\(peer.id) has no path")
    }
  }

  /// An SVID of a node with its authority, as it is verified, and the same with an authority that did not sign it.
  static func svid(of frame: FrameID) throws -> (svid: X509SVID, authority: Certificate) {
    let leaf = try signed(
      leafKey.publicKey,
      Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectAlternativeNames([.uniformResourceIdentifier(SPIFFEID.node(of: frame).description)])
      }, "leaf")
    let authority = try signed(
      authorityKey.publicKey,
      Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
        SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(frame.name)")])
      }, "fuzz authority")
    let svid = X509SVID(
      id: .node(of: frame), chain: [leaf], privateKey: leafKey, notBefore: FuzzKeys.now, notAfter: FuzzKeys.now,
      authorityID: nil)
    return (svid, authority)
  }

  static func signedSeeds() throws -> [(target: String, name: String, bytes: Data)] {
    let (svid, authority) = try svid(of: FuzzKeys.frame)
    let chain = try svid.chainDER().reduce(Data(), +) + authority.der()
    let bundle = SPIFFEBundle(
      trustDomain: FuzzKeys.frame, x509Authorities: [authority], jwtAuthorities: [JWTAuthority(jwtKey.publicKey)],
      sequence: 3, refreshHint: .seconds(300))
    let token = try sign(header, Data(goodClaims.utf8))
    return [
      ("certificate", "node-and-authority", chain), ("certificate", "authority", try authority.der()),
      ("bundle", "both-keys", try bundle.serialized()), ("token", "good", Data(token.utf8)),
    ]
  }

  private static func leafNames(_ uri: String) -> Data {
    let name = Data([0x86, UInt8(uri.utf8.count)]) + Data(uri.utf8)
    let sequence = Data([0x30, UInt8(name.count)]) + name
    return Data([0, UInt8(sequence.count)]) + sequence + Data([9, 4, 3, 2, 7, 0x80])
  }

  private static let tokenBundle = SPIFFEBundle(
    trustDomain: FuzzKeys.frame, x509Authorities: [], jwtAuthorities: [JWTAuthority(jwtKey.publicKey)], sequence: 1,
    refreshHint: nil)
  private static let verifier = JWTSVIDVerifier(
    bundles: tokenBundle, audiences: ["spiffe://frame-a.example/api"], clock: FuzzKeys.Clock())
  private static let header = #"{"alg":"ES256","kid":"\#(JWTAuthority(jwtKey.publicKey).keyID)","typ":"JWT"}"#
  private static let subject = "spiffe://frame-a.example/agent/alice"
  private static let goodClaims =
    #"{"aud":["spiffe://frame-a.example/api"],"exp":1800000300,"iat":1800000000,"sub":"\#(subject)"}"#

  static func sign(_ header: String, _ claims: Data) throws -> String {
    let text = Base64URL.encode(Data(header.utf8)) + "." + Base64URL.encode(claims)
    return text + "." + Base64URL.encode(try jwtKey.signature(for: Data(text.utf8)).rawRepresentation)
  }

  /// A token as it comes, its signature seldom right.
  static let token = FuzzTarget(
    "token", words: [".", "eyJ", "ES256", Base64URL.encode(Data(header.utf8))], bytesMax: 9_000,
    texts: ["..", "\(Base64URL.encode(Data(header.utf8))).\(Base64URL.encode(Data(goodClaims.utf8))).AAAA", "a.b.c"]
  ) { text in
    try FuzzTarget.verdict {
      _ = JWTSVIDVerifier.keyID(of: text)
      _ = try FuzzKeys.wait { try await verifier.verify(text) }
    }
  }

  /// Header and claims behind a signature that holds.
  static let claims = FuzzTarget(
    "claims",
    words: [
      "\"sub\"", "\"aud\"", "\"exp\"", "\"nbf\"", "\"iat\"", "1e300", "9007199254740993", "null", "[]", subject,
      "\"crit\"",
      "\u{0}", "\"kid\"", "\"typ\"",
    ],
    texts: [goodClaims, header + "\u{0}" + goodClaims, #"{"sub":"\#(subject)","aud":"x","exp":9e9,"nbf":-1}"#]
  ) { text in
    let parts = text.split(separator: "\u{0}", maxSplits: 1, omittingEmptySubsequences: false)
    let (head, body) = parts.count == 2 ? (String(parts[0]), parts[1]) : (header, text[...])
    return try FuzzTarget.verdict {
      let token = try sign(head, Data(body.utf8))
      let svid = try FuzzKeys.wait { try await verifier.verify(token) }
      try FuzzTarget.require(svid.id.trustDomain == FuzzKeys.frame, "\(svid.id) is of another trust domain")
      try FuzzTarget.require(svid.expiresAt > FuzzKeys.now, "a token is accepted that expired at \(svid.expiresAt)")
      _ = try svid.claimsJSON()
    }
  }

  static let endpointURL = FuzzTarget(
    "endpoint-url", words: ["https://", "@", "[", "]", "::1", ":443", "?", "#", "%", "/", "\\"], bytesMax: 2_100,
    texts: ["https://frame-a.example", "https://[::1]:8443/bundle?x=1", "https://127.0.0.1:443/"]
  ) { text in
    try FuzzTarget.verdict {
      let url = try EndpointURL(text)
      let again = try EndpointURL(url.description)
      try FuzzTarget.require(again == url, "'\(url)' is read as '\(again)'")
      _ = url.at("/.well-known/frame")
    }
  }

  static let base64 = FuzzTarget(
    "base64url", words: ["=", "-", "_", "+", "/"], bytesMax: 512, texts: ["", "AA", "-_-_"]
  ) {
    text in
    try FuzzTarget.verdict {
      guard let data = Base64URL.decode(text) else { throw AmountError.malformed("base64url") }
      try FuzzTarget.require(Base64URL.encode(data) == text, "\(text) does not come back as it was read")
    }
  }

  static let entityTag = FuzzTarget(
    "if-none-match", words: ["W/", "\"", "*", ","], bytesMax: 2_048, texts: ["*", "W/\"x\", \"y\""]
  ) { text in
    let document = try BundleDocument(tokenBundle)
    return document.matches(ifNoneMatch: text) ? .accepted : .refused("no_match")
  }
}
