import Crypto
import Foundation
import FrameCore
import JWTKit

/// A JWT-SVID as issued.
package struct JWTSVID: Sendable, Hashable {
  /// JWS compact form.
  package let token: String
  package let id: SPIFFEID
  package let audience: [String]
  package let expiresAt: FrameTime

  /// The claims as they stand in the token. For one that was verified, or made here.
  /// - Throws: ``JWTSVIDRefusal/malformed(_:)``.
  package func claimsJSON() throws(JWTSVIDRefusal) -> Data {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let claims = Base64URL.decode(parts[1]) else {
      throw .malformed("it is not in compact form")
    }
    return claims
  }
}

/// A P-256 key that signs JWT-SVIDs with ES256.
struct JWTSigningKey: Sendable {
  let privateKey: P256.Signing.PrivateKey
  /// The public half, as published in the bundle; its key id is the RFC 7638 thumbprint.
  let authority: JWTAuthority

  init(privateKey: P256.Signing.PrivateKey) {
    self.privateKey = privateKey
    self.authority = JWTAuthority(privateKey.publicKey)
  }

  private struct Claims: JWTPayload {
    var sub: String
    var aud: [String]
    var exp: Int64
    var iat: Int64

    // Nothing to check when signing; verification is JWTSVIDVerifier's, with its own clock.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  func sign(_ id: SPIFFEID, audience: [String], now: FrameTime, lifetime: Duration) async throws -> JWTSVID {
    let expiry = (now + lifetime).unixNanoseconds / 1_000_000_000
    let claims = Claims(
      sub: id.description, aud: audience, exp: expiry, iat: now.unixNanoseconds / 1_000_000_000)
    let keys = JWTKeyCollection()
    let keyID = JWKIdentifier(string: authority.keyID)
    await keys.add(ecdsa: try ES256PrivateKey(backing: privateKey), kid: keyID)
    let token = try await keys.sign(claims, kid: keyID, header: ["typ": "JWT"])
    return JWTSVID(
      token: token, id: id, audience: audience, expiresAt: FrameTime(unixNanoseconds: expiry * 1_000_000_000))
  }
}
