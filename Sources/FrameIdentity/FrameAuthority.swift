import Crypto
import Foundation
import FrameCore
import X509

/// The identity authority of one frame: issues its X.509-SVIDs and JWT-SVIDs and publishes the bundle that verifies them.
///
/// Holds a list of X.509 authorities and a list of JWT keys, so that a successor can be published before it signs; the
/// first of each list is the active one, all of them are in the bundle.
package final class FrameAuthority: Sendable {
  package let frame: FrameID
  /// Ed25519: signs the checkpoints of the frame's log. Its public half is part of every treaty.
  package let logKey: Curve25519.Signing.PrivateKey
  /// Grows with every change of the authorities (SPIFFE Trust Domain and Bundle §4.1.1; CONFORMANCE S5).
  package let sequence: UInt64
  /// Active first, never empty.
  package let x509Authorities: [X509Authority]
  /// Active first, never empty.
  let jwtKeys: [JWTSigningKey]
  private let clock: any FrameClock
  private let metrics: IdentityMetrics?

  /// How long peers and clients may wait before they look at our bundle again.
  package static let refreshHint: Duration = .seconds(300)
  package static let x509SVIDLifetime: Duration = .seconds(3600)
  package static let jwtSVIDLifetime: Duration = .seconds(300)
  /// Long, because an authority is replaced by rotation and not by its expiry.
  package static let authorityLifetime: Duration = .seconds(5 * 365 * 86_400)

  init(
    frame: FrameID, keys: AuthorityKeys, clock: any FrameClock, metrics: IdentityMetrics?
  ) {
    self.frame = frame
    self.logKey = keys.logKey
    self.sequence = keys.sequence
    self.x509Authorities = keys.x509
    self.jwtKeys = keys.jwt
    self.clock = clock
    self.metrics = metrics
    if let earliest = keys.x509.map(\.notAfter).min() { metrics?.authorityExpires(at: earliest) }
  }

  /// A new authority that lives in memory only.
  package static func ephemeral(
    frame: FrameID, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    FrameAuthority(
      frame: frame, keys: try AuthorityKeys.generate(for: frame, now: clock.now()), clock: clock, metrics: metrics)
  }

  /// Creates the keys of a new frame in `directory`, atomically. Blocks on the disk.
  /// - Throws: ``KeyFileError/alreadyExists(_:)`` when the folder has anything in it, ``KeyFileError/io(_:operation:errno:)``.
  package static func create(
    frame: FrameID, in directory: KeyDirectory, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    let keys = try AuthorityKeys.generate(for: frame, now: clock.now())
    try directory.create(keys.files(for: frame))
    return FrameAuthority(frame: frame, keys: keys, clock: clock, metrics: metrics)
  }

  /// Loads the keys of an existing frame. Blocks on the disk.
  /// - Throws: ``KeyFileError``: missing, damaged, readable by others, or another frame's.
  package static func load(
    frame: FrameID, from directory: KeyDirectory, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    let keys = try AuthorityKeys.load(for: frame, from: directory)
    return FrameAuthority(frame: frame, keys: keys, clock: clock, metrics: metrics)
  }

  /// Loads the keys when there are any, else creates them.
  /// - Throws: as ``load(frame:from:clock:metrics:)`` and ``create(frame:in:clock:metrics:)``.
  package static func loadOrCreate(
    frame: FrameID, in directory: KeyDirectory, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    directory.exists
      ? try load(frame: frame, from: directory, clock: clock, metrics: metrics)
      : try create(frame: frame, in: directory, clock: clock, metrics: metrics)
  }

  /// What others need to verify what this authority issues.
  package var bundle: SPIFFEBundle {
    SPIFFEBundle(
      trustDomain: frame, x509Authorities: x509Authorities.map(\.certificate), jwtAuthorities: jwtKeys.map(\.authority),
      sequence: sequence, refreshHint: Self.refreshHint)
  }

  /// Issues an X.509-SVID with a fresh P-256 key.
  /// - Parameters:
  ///   - id: an id of this frame, with a path.
  ///   - lifetime: time to live from now; never beyond the authority's own end.
  /// - Throws: ``IssueError``.
  package func issueX509SVID(
    for id: SPIFFEID, lifetime: Duration = FrameAuthority.x509SVIDLifetime
  ) throws -> X509SVID {
    try check(id, lifetime)
    let now = clock.now()
    guard let authority = x509Authorities.first, authority.notAfter > now else {
      throw IssueError.authorityExpired(frame)
    }
    return try authority.issue(id, key: P256.Signing.PrivateKey(), lifetime: lifetime, now: now)
  }

  /// Issues a JWT-SVID (JWT-SVID specification; CONFORMANCE S4).
  /// - Parameters:
  ///   - id: an id of this frame, with a path.
  ///   - audience: who may accept it, at least one.
  /// - Throws: ``IssueError``.
  package func issueJWTSVID(
    for id: SPIFFEID, audience: [String], lifetime: Duration = FrameAuthority.jwtSVIDLifetime
  ) async throws -> JWTSVID {
    try check(id, lifetime)
    guard !audience.isEmpty, audience.allSatisfy({ !$0.isEmpty }) else { throw IssueError.noAudience(id) }
    guard let key = jwtKeys.first else { throw IssueError.authorityExpired(frame) }
    let token = try await key.sign(id, audience: audience, now: clock.now(), lifetime: lifetime)
    metrics?.jwtSVIDIssued()
    return token
  }

  private func check(_ id: SPIFFEID, _ lifetime: Duration) throws(IssueError) {
    guard id.trustDomain == frame else { throw .otherTrustDomain(id, frame) }
    guard !id.path.isEmpty else { throw .noPath(id) }
    guard lifetime >= .seconds(1), lifetime <= Self.authorityLifetime else { throw .lifetime(lifetime) }
  }
}

/// Why an SVID is not issued.
package enum IssueError: FrameError, Hashable {
  case otherTrustDomain(SPIFFEID, FrameID)
  case noPath(SPIFFEID)
  case lifetime(Duration)
  case noAudience(SPIFFEID)
  case authorityExpired(FrameID)

  package var code: String {
    switch self {
    case .otherTrustDomain: "svid_other_trust_domain"
    case .noPath: "svid_without_path"
    case .lifetime: "svid_lifetime"
    case .noAudience: "svid_no_audience"
    case .authorityExpired: "authority_expired"
    }
  }
  package var kind: FrameErrorKind {
    if case .authorityExpired = self { .unavailable } else { .invalid }
  }
  package var message: String {
    switch self {
    case .otherTrustDomain(let id, let frame): "'\(id)' is not in the trust domain \(frame)."
    case .noPath(let id): "'\(id)' names a trust domain, not a workload."
    case .lifetime(let lifetime): "\(lifetime) is not a lifetime an SVID can have."
    case .noAudience(let id): "A JWT-SVID for '\(id)' needs an audience."
    case .authorityExpired(let frame): "The X.509 authority of \(frame) has expired."
    }
  }
  package var remedy: String {
    switch self {
    case .otherTrustDomain: "Ask the authority of that trust domain."
    case .noPath: "Use an id with a path, for example /agent/alice."
    case .lifetime: "Use at least one second and at most the authority's own lifetime."
    case .noAudience: "Name who is to accept the token, for example the frame's API."
    case .authorityExpired: "Check the machine's clock; rotate the authority if it is right."
    }
  }
}
