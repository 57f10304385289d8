import Crypto
import CryptoExtras
import Foundation
import FrameCore
import JWTKit
import Testing

@testable import FrameIdentity

@Suite("JWT-SVIDs")
struct JWTSVIDTests {
  let clock = ManualClock()
  let authority: FrameAuthority
  let audience = SPIFFEID.api(of: Frames.a).description
  let alice: SPIFFEID

  init() throws {
    authority = try FrameAuthority.ephemeral(frame: Frames.a, clock: clock)
    alice = .agent(try AgentName("alice"), of: Frames.a)
  }

  private func verifier(_ bundles: SPIFFEBundle...) -> JWTSVIDVerifier {
    JWTSVIDVerifier(
      bundles: BundleSet(bundles.isEmpty ? [authority.bundle] : bundles), audiences: [audience], clock: clock)
  }

  private func refusal(of token: String, _ verifier: JWTSVIDVerifier? = nil) async -> String? {
    do {
      _ = try await (verifier ?? self.verifier()).verify(token)
      return nil
    } catch { return error.code }
  }

  /// A token signed by the authority's real key, with any header and claims.
  private func forge(
    header: [String: Any] = [:], claims: [String: Any] = [:], drop: [String] = [], key: P256.Signing.PrivateKey? = nil
  ) throws -> String {
    let seconds = clock.now().unixNanoseconds / 1_000_000_000
    var head: [String: Any] = ["alg": "ES256", "kid": authority.jwtKeys[0].authority.keyID, "typ": "JWT"]
    var body: [String: Any] = ["sub": alice.description, "aud": [audience], "exp": seconds + 60]
    head.merge(header) { $1 }
    body.merge(claims) { $1 }
    for name in drop {
      head[name] = nil
      body[name] = nil
    }
    let signed = try [head, body].map { Base64URL.encode(try JSONSerialization.data(withJSONObject: $0)) }
      .joined(separator: ".")
    let signature = try (key ?? authority.jwtKeys[0].privateKey).signature(for: Data(signed.utf8))
    return signed + "." + Base64URL.encode(signature.rawRepresentation)
  }

  @Test("an issued token is accepted by its audience with its subject and expiry")
  func accepts() async throws {
    let token = try await authority.issueJWTSVID(for: alice, audience: [audience, "other"])
    let verified = try await verifier().verify(token.token)
    #expect(verified == token)
    #expect(verified.id == alice)
    #expect(verified.expiresAt == clock.now() + FrameAuthority.jwtSVIDLifetime)
  }

  @Test("S4: an issued token names its key, ES256 and JWT in its header, and is in compact form")
  func issuedForm() async throws {
    let token = try await authority.issueJWTSVID(for: alice, audience: [audience]).token
    let parts = token.split(separator: ".")
    #expect(parts.count == 3)
    let header = try #require(Base64URL.decode(parts[0]))
    let members = try #require(try JSONSerialization.jsonObject(with: header) as? [String: String])
    #expect(members == ["alg": "ES256", "typ": "JWT", "kid": authority.bundle.jwtAuthorities[0].keyID])
  }

  @Test("S4: a token needs an audience, an id of this frame and a lifetime to be issued")
  func issueRefusals() async throws {
    await #expect(throws: IssueError.noAudience(alice)) { try await authority.issueJWTSVID(for: alice, audience: []) }
    await #expect(throws: IssueError.self) {
      try await authority.issueJWTSVID(for: .node(of: Frames.b), audience: ["x"])
    }
    await #expect(throws: IssueError.self) {
      try await authority.issueJWTSVID(for: alice, audience: ["x"], lifetime: .seconds(-1))
    }
  }

  @Test("S4: a single audience may be a string, typ may be JWT, JOSE or absent")
  func leniency() async throws {
    #expect(await refusal(of: try forge(claims: ["aud": audience])) == nil)
    #expect(await refusal(of: try forge(header: ["typ": "JOSE"])) == nil)
    #expect(await refusal(of: try forge(drop: ["typ"])) == nil)
    #expect(await refusal(of: try forge(header: ["typ": "at+jwt"])) == "token_type")
  }

  @Test("S4: a header or claims with a member twice, however it is escaped, are refused unread")
  func twice() async throws {
    let keyID = authority.bundle.jwtAuthorities[0].keyID
    let header = #"{"alg":"ES256","kid":"\#(keyID)"}"#
    let claims = #"{"sub":"\#(alice)","aud":"\#(audience)","exp":4000000000}"#
    func token(_ header: String, _ claims: String) -> String {
      "\(Base64URL.encode(Data(header.utf8))).\(Base64URL.encode(Data(claims.utf8))).AAAA"
    }
    #expect(await refusal(of: token(header, claims)) == "token_signature")
    for (header, claims) in [
      (header, claims.replacing("{", with: #"{"sub":"x","#)), (header, claims.replacing("{", with: #"{"\u0065xp":1,"#)),
      (header.replacing("{", with: #"{"alg":"none","#), claims), ("\u{feff}" + header, claims),
      (header, claims.replacing("}", with: ",}")), (header, claims + claims),
    ] {
      #expect(await refusal(of: token(header, claims)) == "token_malformed", "\(header) \(claims)")
    }
  }

  @Test("S4: alg none and every HMAC are refused, also with a right-looking signature")
  func symmetric() async throws {
    for name in ["none", "None", "HS256", "HS384", "HS512", "EdDSA", "es256", ""] {
      #expect(await refusal(of: try forge(header: ["alg": name])) == "token_algorithm")
    }
    #expect(await refusal(of: try forge(header: ["alg": 7])) == "token_malformed")
    let parts = try forge(header: ["alg": "none"]).split(separator: ".")
    #expect(await refusal(of: "\(parts[0]).\(parts[1]).") == "token_algorithm")
    // The public key used as an HMAC secret.
    let secret = SymmetricKey(data: authority.jwtKeys[0].privateKey.publicKey.derRepresentation)
    let hmac = try forge(header: ["alg": "HS256"]).split(separator: ".")
    let code = HMAC<SHA256>.authenticationCode(for: Data("\(hmac[0]).\(hmac[1])".utf8), using: secret)
    #expect(await refusal(of: "\(hmac[0]).\(hmac[1]).\(Base64URL.encode(Data(code)))") == "token_algorithm")
  }

  @Test("S4: the algorithm must fit the key: an ES384 or RS256 header with a P-256 key is refused")
  func algorithmFitsKey() async throws {
    for name in ["ES384", "ES512", "RS256", "PS512"] {
      #expect(await refusal(of: try forge(header: ["alg": name])) != nil)
    }
  }

  @Test("S15: expiry is required and enforced to the second, not-before too")
  func times() async throws {
    let seconds = clock.now().unixNanoseconds / 1_000_000_000
    #expect(await refusal(of: try forge(drop: ["exp"])) == "token_no_expiry")
    #expect(await refusal(of: try forge(claims: ["exp": seconds])) == "token_expired")
    #expect(await refusal(of: try forge(claims: ["exp": seconds + 1])) == nil)
    #expect(await refusal(of: try forge(claims: ["exp": -1])) == "token_no_expiry")
    #expect(await refusal(of: try forge(claims: ["exp": 1e300])) == "token_no_expiry")
    #expect(await refusal(of: try forge(claims: ["exp": "soon"])) == "token_malformed")
    #expect(await refusal(of: try forge(claims: ["nbf": seconds + 1])) == "token_not_yet_valid")
    let token = try await authority.issueJWTSVID(for: alice, audience: [audience], lifetime: .seconds(30)).token
    #expect(await refusal(of: token) == nil)
    clock.advance(by: .seconds(30))
    #expect(await refusal(of: token) == "token_expired")
  }

  @Test("S4: the audience is required and must contain the receiver")
  func audiences() async throws {
    #expect(await refusal(of: try forge(drop: ["aud"])) == "token_audience")
    #expect(await refusal(of: try forge(claims: ["aud": [String]()])) == "token_audience")
    #expect(await refusal(of: try forge(claims: ["aud": ["spiffe://frame-b.example/api"]])) == "token_audience")
    #expect(await refusal(of: try forge(claims: ["aud": [7]])) == "token_malformed")
  }

  @Test("S4: the subject must be a SPIFFE ID with a path")
  func subject() async throws {
    #expect(await refusal(of: try forge(drop: ["sub"])) == "token_subject")
    for subject in ["alice", "spiffe://frame-a.example", "spiffe://frame-a.example/a/../authority"] {
      #expect(await refusal(of: try forge(claims: ["sub": subject])) == "token_subject")
    }
  }

  @Test("S15: a token is verified with the keys of its own trust domain only")
  func wrongDomain() async throws {
    let other = try FrameAuthority.ephemeral(frame: Frames.b, clock: clock)
    let both = verifier(authority.bundle, other.bundle)
    // A signs an id of B: B's bundle has no such key.
    let forged = try forge(claims: ["sub": SPIFFEID.authority(of: Frames.b).description])
    #expect(await refusal(of: forged, both) == "token_unknown_key")
    #expect(await refusal(of: forged) == "token_unknown_trust_domain")
    // B's key id under an id of A.
    let stolen = try forge(header: ["kid": other.jwtKeys[0].authority.keyID], key: other.jwtKeys[0].privateKey)
    #expect(await refusal(of: stolen, both) == "token_unknown_key")
  }

  @Test("S4: a changed claim, another key and a missing or unknown kid are refused")
  func signature() async throws {
    let parts = try forge().split(separator: ".").map(String.init)
    let other = try forge(claims: ["sub": SPIFFEID.authority(of: Frames.a).description]).split(separator: ".")
    #expect(await refusal(of: "\(parts[0]).\(other[1]).\(parts[2])") == "token_signature")
    #expect(await refusal(of: try forge(key: P256.Signing.PrivateKey())) == "token_signature")
    #expect(await refusal(of: "\(parts[0]).\(parts[1]).") == "token_signature")
    #expect(await refusal(of: try forge(header: ["kid": "unknown"])) == "token_unknown_key")
    #expect(await refusal(of: try forge(drop: ["kid"])) == "token_malformed")
    #expect(await refusal(of: try forge(header: ["kid": ""])) == "token_malformed")
    #expect(await refusal(of: try forge(header: ["crit": ["b64"], "b64": false])) == "token_malformed")
  }

  @Test("S4: only the compact form is read, without padding, within the limit")
  func form() async throws {
    let token = try forge()
    #expect(await refusal(of: "") == "token_malformed")
    #expect(await refusal(of: token + ".x") == "token_malformed")
    #expect(await refusal(of: token + "=") == "token_malformed")
    #expect(await refusal(of: #"{"payload":"","signatures":[]}"#) == "token_malformed")
    #expect(await refusal(of: String(repeating: "a", count: JWTSVIDVerifier.tokenLimit + 1)) == "token_too_long")
  }

  @Test("S4: a key that the bundle lists for X.509 only does not verify tokens")
  func x509KeyIsNoJWTKey() async throws {
    let bundle = SPIFFEBundle(Frames.a, authority.x509Authorities.map(\.certificate))
    #expect(await refusal(of: try forge(), verifier(bundle)) == "token_unknown_key")
  }

  private func signed(_ algorithm: String, _ keyID: String) throws -> String {
    try forge(header: ["alg": algorithm, "kid": keyID]).split(separator: ".").prefix(2).joined(separator: ".")
  }

  @Test("S4: tokens of a peer's P-384 key are verified too")
  func p384() async throws {
    let key = P384.Signing.PrivateKey()
    let point = Data(key.publicKey.x963Representation)
    let jwk = JWTAuthority(
      keyID: "k384",
      members: [
        "kty": "EC", "crv": "P-384", "x": Base64URL.encode(point[1..<49]), "y": Base64URL.encode(point[49...]),
      ])
    let signed = try signed("ES384", "k384")
    let signature = try key.signature(for: SHA384.hash(data: Data(signed.utf8)))
    let verifier = verifier(SPIFFEBundle(Frames.a, [], jwt: [jwk]))
    #expect(await refusal(of: signed + "." + Base64URL.encode(signature.rawRepresentation), verifier) == nil)
    let zeros = Base64URL.encode(Data(repeating: 1, count: 96))
    #expect(await refusal(of: signed + "." + zeros, verifier) == "token_signature")
  }

  @Test("S4: tokens of a peer's RSA key are verified too, by the algorithm that the token and the key agree on")
  func rsa() async throws {
    let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let primitives = try key.publicKey.getKeyPrimitives()
    var members = [
      "kty": "RSA", "n": Base64URL.encode(primitives.modulus), "e": Base64URL.encode(primitives.publicExponent),
    ]
    let signed = try signed("RS256", "rsa")
    let digest = SHA256.hash(data: Data(signed.utf8))
    let pkcs1 = Base64URL.encode(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
    let pss = Base64URL.encode(try key.signature(for: digest, padding: .PSS).rawRepresentation)
    let open = verifier(SPIFFEBundle(Frames.a, [], jwt: [JWTAuthority(keyID: "rsa", members: members)]))
    #expect(await refusal(of: signed + "." + pkcs1, open) == nil)
    #expect(await refusal(of: signed + "." + pss, open) == "token_signature")
    members["alg"] = "PS256"
    let bound = verifier(SPIFFEBundle(Frames.a, [], jwt: [JWTAuthority(keyID: "rsa", members: members)]))
    #expect(await refusal(of: signed + "." + pkcs1, bound) == "token_algorithm")
  }
}
