import FrameCore

/// How long a frame's keys and SVIDs live, and with that when the keys are rotated (CONFORMANCE S8, S16).
///
/// A key's life is cut as SPIRE cuts it: a successor is prepared when half of it is left, and signs from when a sixth is left.
package struct AuthorityPolicy: Sendable, Hashable {
  /// Of an X.509 authority's certificate.
  package var caLifetime: Duration
  /// Of a JWT signing key.
  package var jwtKeyLifetime: Duration
  /// Of an X.509-SVID, unless its caller asks for less. None lives longer.
  package var x509SVIDLifetime: Duration
  /// How long peers and clients may wait before they look at our bundle again: `spiffe_refresh_hint`.
  package var refreshHint: Duration

  package init(
    caLifetime: Duration = FrameAuthority.authorityLifetime, jwtKeyLifetime: Duration = .seconds(90 * 86_400),
    x509SVIDLifetime: Duration = FrameAuthority.x509SVIDLifetime, refreshHint: Duration = FrameAuthority.refreshHint
  ) {
    self.caLifetime = caLifetime
    self.jwtKeyLifetime = jwtKeyLifetime
    self.x509SVIDLifetime = x509SVIDLifetime
    self.refreshHint = refreshHint
  }

  package static let standard = AuthorityPolicy()

  /// What a key's life must have room for, times six: an SVID of full length and one refresh.
  package var shortestCALifetime: Duration { (x509SVIDLifetime + refreshHint) * 6 }
  /// The same for JWT keys, whose tokens are as long as a sixth of the key's life allows.
  package var shortestJWTKeyLifetime: Duration { (FrameAuthority.jwtSVIDLifetime + refreshHint) * 6 }

  /// A JWT-SVID lives at most this long: a day, or a sixth of its key's life.
  package var longestJWTSVID: Duration { min(.seconds(86_400), jwtKeyLifetime / 6) }

  func spans(of kind: AuthorityKind) -> RotationSpans {
    switch kind {
    case .x509: RotationSpans(lifetime: caLifetime, longestSVID: x509SVIDLifetime, refresh: refreshHint)
    case .jwt: RotationSpans(lifetime: jwtKeyLifetime, longestSVID: longestJWTSVID, refresh: refreshHint)
    }
  }
}

/// What one kind of key needs to know of the policy.
struct RotationSpans: Sendable, Hashable {
  let lifetime: Duration
  let longestSVID: Duration
  let refresh: Duration

  /// A new key is published this long before it signs (CONFORMANCE S8).
  var propagation: Duration { refresh + longestSVID }
}
