import Crypto
import Foundation
import FrameCore
import Synchronization
import X509

/// The identity authority of one frame: issues its X.509-SVIDs and JWT-SVIDs and publishes the bundle that verifies them.
///
/// Its keys are rotated while it runs (``rotate(_:_:byOperator:)``): what is read here is always the present, and
/// ``changes()`` tells when it is another. A change is on the disk before anyone sees it.
package final class FrameAuthority: BundleSource, Sendable {
  package let frame: FrameID
  /// Ed25519: signs the checkpoints of the frame's log. Its public half is part of every treaty.
  package let logKey: Curve25519.Signing.PrivateKey
  package let policy: AuthorityPolicy

  struct Live {
    var keys: AuthorityKeys
    var bundle: SPIFFEBundle
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: AsyncStream<SPIFFEBundle>.Continuation] = [:]
  }

  let live: Mutex<Live>
  /// Held while a change is being stored: one at a time.
  private let changing = Mutex<Void>(())
  /// Nil for an authority that lives in memory only.
  private let store: KeyStore?
  private let clock: any FrameClock
  private let metrics: IdentityMetrics?

  /// How long peers and clients may wait before they look at our bundle again.
  package static let refreshHint: Duration = .seconds(300)
  package static let x509SVIDLifetime: Duration = .seconds(3600)
  package static let jwtSVIDLifetime: Duration = .seconds(300)
  /// A year, not SPIRE's day: peers pin our bundle, and a frame that was off for a weekend must still be known to them.
  package static let authorityLifetime: Duration = .seconds(365 * 86_400)

  init(
    frame: FrameID, keys: AuthorityKeys, policy: AuthorityPolicy, store: KeyStore?, clock: any FrameClock,
    metrics: IdentityMetrics?
  ) {
    self.frame = frame
    self.logKey = keys.logKey
    self.policy = policy
    self.live = Mutex(Live(keys: keys, bundle: Self.bundle(frame, keys, policy)))
    self.store = store
    self.clock = clock
    self.metrics = metrics
    metrics?.show(keys, policy)
  }

  /// A new authority that lives in memory only.
  package static func ephemeral(
    frame: FrameID, policy: AuthorityPolicy = .standard, clock: any FrameClock = SystemClock(),
    metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    FrameAuthority(
      frame: frame, keys: try AuthorityKeys.generate(for: frame, policy: policy, now: clock.now()), policy: policy,
      store: nil, clock: clock, metrics: metrics)
  }

  /// Creates the keys of a new frame in `directory`, atomically. Blocks on the disk.
  /// - Parameter sealer: what the private files are sealed with.
  /// - Throws: ``KeyFileError/alreadyExists(_:)`` when the folder has anything in it, ``KeyFileError/io(_:operation:errno:)``.
  package static func create(
    frame: FrameID, in directory: KeyDirectory, sealer: KeySealer? = nil, policy: AuthorityPolicy = .standard,
    clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    let keys = try AuthorityKeys.generate(for: frame, policy: policy, now: clock.now())
    let store = KeyStore(directory: directory, sealer: sealer)
    var files = try keys.files(for: frame, sealed: sealer != nil)
    for (name, contents) in files { files[name] = try store.stored(contents, as: name) }
    try directory.create(files)
    return FrameAuthority(frame: frame, keys: keys, policy: policy, store: store, clock: clock, metrics: metrics)
  }

  /// Loads the keys of an existing frame. Blocks on the disk.
  /// - Throws: ``KeyFileError``: missing, damaged, readable by others, or another frame's; ``KeySealError``.
  package static func load(
    frame: FrameID, from directory: KeyDirectory, sealer: KeySealer? = nil, policy: AuthorityPolicy = .standard,
    clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    let store = KeyStore(directory: directory, sealer: sealer)
    let keys = try AuthorityKeys.load(for: frame, from: store)
    return FrameAuthority(frame: frame, keys: keys, policy: policy, store: store, clock: clock, metrics: metrics)
  }

  /// Loads the keys when there are any, else creates them.
  /// - Throws: as ``load(frame:from:sealer:policy:clock:metrics:)`` and ``create(frame:in:sealer:policy:clock:metrics:)``.
  package static func loadOrCreate(
    frame: FrameID, in directory: KeyDirectory, clock: any FrameClock = SystemClock(), metrics: IdentityMetrics? = nil
  ) throws -> FrameAuthority {
    directory.exists
      ? try load(frame: frame, from: directory, clock: clock, metrics: metrics)
      : try create(frame: frame, in: directory, clock: clock, metrics: metrics)
  }

  // MARK: The present

  /// What others need to verify what this authority issues.
  package var bundle: SPIFFEBundle { live.withLock { $0.bundle } }

  /// Our own bundle as it is now; of any other trust domain, none.
  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? { trustDomain == frame ? bundle : nil }

  /// Grows with every change of the authorities (SPIFFE Trust Domain and Bundle §4.1.1; CONFORMANCE S5).
  package var sequence: UInt64 { live.withLock { $0.keys.sequence } }
  /// Active first, never empty.
  package var x509Authorities: [X509Authority] { live.withLock { $0.keys.x509.keys } }
  /// Active first, never empty.
  var jwtKeys: [JWTSigningKey] { live.withLock { $0.keys.jwt.keys } }

  /// Where the keys of one kind stand, the active one first.
  package func records(_ kind: AuthorityKind) -> [AuthorityRecord] {
    live.withLock { live in
      switch kind {
      case .x509: live.keys.x509.records
      case .jwt: live.keys.jwt.records
      }
    }
  }

  /// The key that signs.
  package func activeID(_ kind: AuthorityKind) -> String {
    live.withLock { live in
      switch kind {
      case .x509: live.keys.x509.active.record.id
      case .jwt: live.keys.jwt.active.record.id
      }
    }
  }

  /// The next step that the policy wants, and when.
  package func next(_ kind: AuthorityKind) -> (at: FrameTime, step: RotationStep) {
    live.withLock { live in
      switch kind {
      case .x509: live.keys.x509.next(policy.spans(of: kind))
      case .jwt: live.keys.jwt.next(policy.spans(of: kind))
      }
    }
  }

  /// Changes that are in force and not known to be on the log, oldest first.
  package var unlogged: [AuthorityChange] { live.withLock { $0.keys.unlogged } }

  /// The bundle as it is now, then every later one. Who is slow gets the latest only. Ends with the task that reads it.
  package func changes() -> AsyncStream<SPIFFEBundle> {
    let (stream, continuation) = AsyncStream.makeStream(of: SPIFFEBundle.self, bufferingPolicy: .bufferingNewest(1))
    let id = live.withLock { live in
      live.nextWatcher += 1
      live.watchers[live.nextWatcher] = continuation
      continuation.yield(live.bundle)
      return live.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in
      self?.live.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    return stream
  }

  // MARK: Rotation

  /// Carries out one step: stores it, then puts it in force and tells whoever watches. Blocks on the disk.
  /// - Parameter byOperator: who asked; it goes to the log.
  /// - Throws: ``RotationError``; ``KeyFileError`` when it cannot be stored. Nothing has changed then.
  @discardableResult
  package func rotate(_ kind: AuthorityKind, _ step: RotationStep, byOperator: Bool) throws -> AuthorityChange {
    do {
      let change = try change { keys, now in try self.apply(kind, step, to: &keys, now, byOperator) }
      metrics?.rotated(kind, change.action)
      return change
    } catch {
      // A refusal of what an operator asked for is not a failure of the rotation.
      if !(byOperator && error is RotationError) { metrics?.rotationFailed(kind) }
      throw error
    }
  }

  /// Carries out whatever the policy wants by now. Blocks on the disk.
  /// - Returns: what was done, in order.
  /// - Throws: as ``rotate(_:_:byOperator:)``; what was done before stays done.
  package func rotateWhatIsDue() throws -> [AuthorityChange] {
    var changes: [AuthorityChange] = []
    for kind in AuthorityKind.allCases {
      // A year of arrears is a handful of steps; more would be a defect.
      for _ in 0..<(2 * AuthorityRing<X509Authority>.keysMax + 4) {
        let next = next(kind)
        guard next.at <= clock.now() else { break }
        changes.append(try rotate(kind, next.step, byOperator: false))
      }
    }
    return changes
  }

  /// Notes that everything up to this sequence is on the log. Blocks on the disk.
  package func acknowledge(through sequence: UInt64) throws {
    try change { keys, _ in keys.unlogged.removeAll { $0.sequence <= sequence } }
  }

  func change<T>(_ body: (inout AuthorityKeys, FrameTime) throws -> T) throws -> T {
    try changing.withLock { _ in
      let before = live.withLock { $0.keys }
      var keys = before
      let result = try body(&keys, clock.now())
      if let store { try keys.save(for: frame, to: store, after: before) }
      let bundle = Self.bundle(frame, keys, policy)
      live.withLock { live in
        live.keys = keys
        guard live.bundle.sequence != bundle.sequence else { return }
        live.bundle = bundle
        for watcher in live.watchers.values { watcher.yield(bundle) }
      }
      metrics?.show(keys, policy)
      return result
    }
  }

  private func apply(
    _ kind: AuthorityKind, _ step: RotationStep, to keys: inout AuthorityKeys, _ now: FrameTime, _ byOperator: Bool
  ) throws -> AuthorityChange {
    guard keys.unlogged.count < AuthorityKeys.unloggedMax else { throw RotationError.logBehind(keys.unlogged.count) }
    let spans = policy.spans(of: kind)
    let done =
      switch kind {
      case .x509:
        try keys.x509.apply(step, now: now, spans: spans) {
          let authority = try X509Authority.generate(for: frame, lifetime: policy.caLifetime, now: now)
          return (authority.id, authority.notAfter, authority)
        }
      case .jwt:
        try keys.jwt.apply(step, now: now, spans: spans) {
          let key = JWTSigningKey(privateKey: P256.Signing.PrivateKey())
          return (key.authority.keyID, now + policy.jwtKeyLifetime, key)
        }
      }
    keys.sequence += 1
    let change = AuthorityChange(
      kind: kind, action: done.action, authorityID: done.record.id, expiresAt: done.record.expiresAt.unixNanoseconds,
      sequence: keys.sequence, fingerprint: Self.bundle(frame, keys, policy).fingerprint.description,
      forced: done.forced, byOperator: byOperator)
    keys.unlogged.append(change)
    return change
  }

  static func bundle(_ frame: FrameID, _ keys: AuthorityKeys, _ policy: AuthorityPolicy) -> SPIFFEBundle {
    SPIFFEBundle(
      trustDomain: frame, x509Authorities: keys.x509.keys.map(\.certificate),
      jwtAuthorities: keys.jwt.keys.map(\.authority), sequence: keys.sequence, refreshHint: policy.refreshHint)
  }

  // MARK: Issuing

  /// Issues an X.509-SVID with a fresh P-256 key.
  /// - Parameters:
  ///   - id: an id of this frame, with a path.
  ///   - lifetime: time to live from now, at most what the policy says (and that by default); never beyond the authority's
  ///     own end.
  /// - Throws: ``IssueError``.
  package func issueX509SVID(for id: SPIFFEID, lifetime: Duration? = nil) throws -> X509SVID {
    let lifetime = lifetime ?? policy.x509SVIDLifetime
    try check(id, lifetime, longest: policy.x509SVIDLifetime)
    let now = clock.now()
    guard let authority = x509Authorities.first, authority.notAfter > now else {
      throw IssueError.authorityExpired(frame)
    }
    let svid = try authority.issue(id, key: P256.Signing.PrivateKey(), lifetime: lifetime, now: now)
    metrics?.x509SVIDIssued()
    return svid
  }

  /// Issues a JWT-SVID (JWT-SVID specification; CONFORMANCE S4).
  /// - Parameters:
  ///   - id: an id of this frame, with a path.
  ///   - audience: who may accept it, at least one.
  /// - Throws: ``IssueError``.
  package func issueJWTSVID(
    for id: SPIFFEID, audience: [String], lifetime: Duration = FrameAuthority.jwtSVIDLifetime
  ) async throws -> JWTSVID {
    try check(id, lifetime, longest: policy.longestJWTSVID)
    guard !audience.isEmpty, audience.allSatisfy({ !$0.isEmpty }) else { throw IssueError.noAudience(id) }
    guard let key = jwtKeys.first else { throw IssueError.authorityExpired(frame) }
    let token = try await key.sign(id, audience: audience, now: clock.now(), lifetime: lifetime)
    metrics?.jwtSVIDIssued()
    return token
  }

  private func check(_ id: SPIFFEID, _ lifetime: Duration, longest: Duration) throws(IssueError) {
    guard id.trustDomain == frame else { throw .otherTrustDomain(id, frame) }
    guard !id.path.isEmpty else { throw .noPath(id) }
    guard lifetime >= .seconds(1), lifetime <= longest else { throw .lifetime(lifetime) }
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
    case .lifetime:
      "Use at least one second and at most what identity.x509_svid_ttl_seconds (JWT: a sixth of identity.jwt_key_ttl_seconds, a day at most) allows."
    case .noAudience: "Name who is to accept the token, for example the frame's API."
    case .authorityExpired: "Check the machine's clock; rotate the authority if it is right."
    }
  }
}
