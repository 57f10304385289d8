import Foundation
import FrameCore

/// Verifies JWT-SVIDs against the bundle of the trust domain they claim (CONFORMANCE S4, S15).
///
/// Checked, in this order: size; compact form; header (`alg` asymmetric, `typ` JWT, JOSE or absent, no `crit`, `kid`); `sub` is
/// a SPIFFE ID with a path; a bundle of exactly that trust domain is held; it has that `kid`; the signature; `exp` and `nbf`;
/// `aud` contains one of ours. Claims are used only after the signature has been checked, except to choose the bundle.
package struct JWTSVIDVerifier: Sendable {
  private let bundles: any BundleSource
  private let audiences: Set<String>
  private let clock: any FrameClock
  private let metrics: IdentityMetrics?

  /// A longer token is refused unread.
  package static let tokenLimit = 8 * 1024

  /// The algorithms a JWT-SVID may use.
  private static let algorithms: Set<String> = [
    "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
  ]

  /// - Parameter audiences: what this verifier answers to; a token must name at least one of them.
  package init(
    bundles: any BundleSource, audiences: Set<String>, clock: any FrameClock = SystemClock(),
    metrics: IdentityMetrics? = nil
  ) {
    self.bundles = bundles
    self.audiences = audiences
    self.clock = clock
    self.metrics = metrics
  }

  /// - Returns: the verified token.
  /// - Throws: ``JWTSVIDRefusal``, one case a check.
  package func verify(_ token: String) async throws(JWTSVIDRefusal) -> JWTSVID {
    do {
      let svid = try await check(token)
      metrics?.jwtSVIDVerified(nil)
      return svid
    } catch {
      metrics?.jwtSVIDVerified(error)
      throw error
    }
  }

  /// The `kid` that a token names, without any check; nil when it names none. Only to choose who verifies it.
  package static func keyID(of token: String) -> String? {
    guard token.utf8.count <= tokenLimit, let part = token.split(separator: ".").first,
      let data = Base64URL.decode(part)
    else { return nil }
    return (try? header(data))?.keyID
  }

  private struct Header: Decodable {
    var alg: String
    var kid: String?
    var typ: String?
    var hasCritical: Bool

    private enum CodingKeys: String, CodingKey { case alg, kid, typ, crit }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      alg = try container.decode(String.self, forKey: .alg)
      kid = try container.decodeIfPresent(String.self, forKey: .kid)
      typ = try container.decodeIfPresent(String.self, forKey: .typ)
      hasCritical = container.contains(.crit)
    }
  }

  private struct Claims: Decodable {
    var sub: String?
    var aud: Audience?
    var exp: Double?
    var nbf: Double?

    enum Audience: Decodable {
      case names([String])

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let one = try? container.decode(String.self) {
          self = .names([one])
        } else {
          self = .names(try container.decode([String].self))
        }
      }
    }
  }

  private func check(_ token: String) async throws(JWTSVIDRefusal) -> JWTSVID {
    guard token.utf8.count <= Self.tokenLimit else { throw .tooLong(token.utf8.count) }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .malformed("it is not in compact form") }
    guard let headerData = Base64URL.decode(parts[0]), let claimsData = Base64URL.decode(parts[1]),
      let signature = Base64URL.decode(parts[2])
    else { throw .malformed("a part is not base64url") }
    let (header, keyID) = try Self.header(headerData)

    guard let claims = try? Self.decode(Claims.self, claimsData) else {
      throw .malformed("its claims do not parse")
    }
    guard let subject = claims.sub, let id = try? SPIFFEID(subject), !id.path.isEmpty else {
      throw .subject(claims.sub ?? "")
    }
    guard let bundle = bundles.bundle(for: id.trustDomain), bundle.trustDomain == id.trustDomain else {
      throw .unknownTrustDomain(id.trustDomain)
    }
    guard let authority = bundle.jwtAuthorities.first(where: { $0.keyID == keyID }) else {
      throw .unknownKey(keyID, id.trustDomain)
    }
    let signed = Data(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    let valid: Bool
    do { valid = try await authority.verifies(signature, over: signed, algorithm: header.alg) } catch {
      throw (error as? JWTSVIDRefusal) ?? .signature
    }
    guard valid else { throw .signature }

    return try accept(claims, id, token)
  }

  private func accept(_ claims: Claims, _ id: SPIFFEID, _ token: String) throws(JWTSVIDRefusal) -> JWTSVID {
    let now = clock.now()
    guard let expiry = Self.time(claims.exp) else { throw .noExpiry }
    guard now < expiry else { throw .expired(expiry) }
    if let claimed = claims.nbf {
      // A time that cannot be said in ours has not come, unless it lies before all of them.
      guard let notBefore = Self.time(claimed) ?? (claimed < 0 ? now : nil) else {
        throw .malformed("its nbf is no time")
      }
      guard now >= notBefore else { throw .notYetValid(notBefore) }
    }
    guard case .names(let audience) = claims.aud, !audience.isEmpty else { throw .audience([]) }
    guard !audiences.isDisjoint(with: audience) else { throw .audience(audience) }
    return JWTSVID(token: token, id: id, audience: audience, expiresAt: expiry)
  }

  private static func header(_ data: Data) throws(JWTSVIDRefusal) -> (Header, keyID: String) {
    guard let header = try? decode(Header.self, data) else {
      throw .malformed("its header does not parse")
    }
    guard algorithms.contains(header.alg) else { throw .algorithm(header.alg) }
    if let type = header.typ, type != "JWT", type != "JOSE" { throw .type(type) }
    // An extension that must be understood and is not: RFC 7515 §4.1.11.
    guard !header.hasCritical else { throw .malformed("it has critical header parameters") }
    guard let keyID = header.kid, !keyID.isEmpty else { throw .malformed("it has no key id") }
    return (header, keyID)
  }

  /// Members that we do not know are allowed (RFC 7519 §4), the same one twice is not.
  private static func decode<T: Decodable>(_ type: T.Type, _ data: Data) throws(TextFailure) -> T {
    try TextDecoding.extensible.decode(
      type, json: data, JSONReader.Limits(bytes: tokenLimit, depth: 16, values: 1_000))
  }

  private static func time(_ seconds: Double?) -> FrameTime? {
    guard let seconds, seconds.isFinite, seconds >= 0, seconds < 9e9 else { return nil }
    return FrameTime(unixNanoseconds: Int64(seconds * 1e9))
  }
}

/// Why a JWT-SVID is refused.
package enum JWTSVIDRefusal: FrameError, Hashable {
  case tooLong(Int)
  case malformed(String)
  case algorithm(String)
  case type(String)
  case subject(String)
  case unknownTrustDomain(FrameID)
  case unknownKey(String, FrameID)
  case signature
  case noExpiry
  case expired(FrameTime)
  case notYetValid(FrameTime)
  case audience([String])

  package var code: String {
    switch self {
    case .tooLong: "token_too_long"
    case .malformed: "token_malformed"
    case .algorithm: "token_algorithm"
    case .type: "token_type"
    case .subject: "token_subject"
    case .unknownTrustDomain: "token_unknown_trust_domain"
    case .unknownKey: "token_unknown_key"
    case .signature: "token_signature"
    case .noExpiry: "token_no_expiry"
    case .expired: "token_expired"
    case .notYetValid: "token_not_yet_valid"
    case .audience: "token_audience"
    }
  }
  package var kind: FrameErrorKind { .unauthenticated }

  /// Every code, so that a counter by result can start at zero.
  static let codes = [
    "token_too_long", "token_malformed", "token_algorithm", "token_type", "token_subject", "token_unknown_trust_domain",
    "token_unknown_key", "token_signature", "token_no_expiry", "token_expired", "token_not_yet_valid", "token_audience",
  ]

  package var message: String {
    switch self {
    case .tooLong(let count): "The token has \(count) bytes; \(JWTSVIDVerifier.tokenLimit) are allowed."
    case .malformed(let why): "The token is not a JWT-SVID: \(why)."
    case .algorithm(let name): "The token's algorithm '\(name.shown(40))' is not allowed for its key."
    case .type(let type): "The token's type '\(type.shown(40))' is neither JWT nor JOSE."
    case .subject(let subject): "The token's subject '\(subject.shown(300))' is not a SPIFFE ID with a path."
    case .unknownTrustDomain(let domain): "No bundle of the token's trust domain \(domain) is held."
    case .unknownKey(let key, let domain): "The bundle of \(domain) has no JWT key '\(key.shown(100))'."
    case .signature: "The token's signature is not valid."
    case .noExpiry: "The token has no expiry."
    case .expired(let time): "The token expired at \(time)."
    case .notYetValid(let time): "The token is not valid before \(time)."
    case .audience(let names):
      "The token's audience '\(names.prefix(4).map { $0.shown(100) }.joined(separator: "', '"))' does not contain this receiver."
    }
  }
  package var remedy: String {
    switch self {
    case .expired, .noExpiry: "Get a new token, for example with 'frame agent token'."
    case .notYetValid: "Check the clocks of the issuer and of this machine."
    case .audience: "Ask for a token for this frame's API."
    case .unknownTrustDomain, .unknownKey: "Use a token of this frame, issued after its last key rotation."
    default: "Send a JWT-SVID as its issuer made it."
    }
  }
}
