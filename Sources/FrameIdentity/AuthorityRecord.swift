import FrameCore

/// What a key signs.
package enum AuthorityKind: String, Sendable, Hashable, Codable, CaseIterable {
  case x509, jwt
}

/// Where a key stands. All of them are published in the bundle; one signs.
package enum AuthorityState: String, Sendable, Hashable, Codable, CaseIterable {
  /// Published, so that everyone knows it before it signs.
  case prepared
  /// Signs.
  case active
  /// Signs no more; what it signed is still accepted.
  case old
  /// Old and no longer to be relied on: what rests on it is replaced, then it is revoked.
  case tainted
}

/// What is known of one key of the authority; nothing of it is secret.
package struct AuthorityRecord: Sendable, Hashable {
  /// Of an X.509 authority, the first 8 bytes of its certificate's SHA-256 in hex; of a JWT key, its `kid`.
  package let id: String
  package var state: AuthorityState
  /// Since when it has been in the bundle.
  package let publishedAt: FrameTime
  package let expiresAt: FrameTime
  package var activatedAt: FrameTime?
  /// Since when it has not signed any more.
  package var retiredAt: FrameTime?

  package init(
    id: String, state: AuthorityState, publishedAt: FrameTime, expiresAt: FrameTime, activatedAt: FrameTime? = nil,
    retiredAt: FrameTime? = nil
  ) {
    self.id = id
    self.state = state
    self.publishedAt = publishedAt
    self.expiresAt = expiresAt
    self.activatedAt = activatedAt
    self.retiredAt = retiredAt
  }
}

/// What can happen to a key.
package enum RotationStep: Sendable, Hashable {
  /// Makes a successor and publishes it.
  case prepare
  /// Lets the prepared key sign.
  /// - force: also before everyone can know it; peers that have not refreshed then refuse our new SVIDs.
  case activate(force: Bool)
  /// Marks an old key as not to be relied on.
  case taint(String)
  /// Takes a tainted key out of the bundle: nothing it signed is accepted any more.
  case revoke(String)
  /// Takes a key out of the bundle of which nothing valid is left.
  case retire(String)
}

/// A change of the authority, as it is told to the log: public facts only.
package struct AuthorityChange: Sendable, Hashable, Codable {
  package enum Action: String, Sendable, Hashable, Codable, CaseIterable {
    case prepared, activated, tainted, revoked, retired
  }

  package let kind: AuthorityKind
  package let action: Action
  package let authorityID: String
  /// Unix nanoseconds: when the key expires.
  package let expiresAt: Int64
  /// `spiffe_sequence` of the bundle from this change on.
  package let sequence: UInt64
  /// Fingerprint of the bundle from this change on.
  package let fingerprint: String
  /// It signs before everyone can know it.
  package let forced: Bool
  /// Asked for by an operator; else due by the policy.
  package let byOperator: Bool

  package init(
    kind: AuthorityKind, action: Action, authorityID: String, expiresAt: Int64, sequence: UInt64, fingerprint: String,
    forced: Bool, byOperator: Bool
  ) {
    self.kind = kind
    self.action = action
    self.authorityID = authorityID
    self.expiresAt = expiresAt
    self.sequence = sequence
    self.fingerprint = fingerprint
    self.forced = forced
    self.byOperator = byOperator
  }
}

/// Why a key is not changed as asked.
package enum RotationError: FrameError, Hashable {
  case alreadyPrepared(AuthorityKind, String)
  case nothingPrepared(AuthorityKind)
  case tooEarly(AuthorityKind, String, until: FrameTime)
  case unknownAuthority(AuthorityKind, String)
  case notOld(AuthorityKind, String, AuthorityState)
  case notTainted(AuthorityKind, String, AuthorityState)
  case stillNeeded(AuthorityKind, String)
  case tooMany(AuthorityKind, limit: Int)
  /// Changes wait to be written to the log; more are not taken.
  case logBehind(Int)

  package var code: String {
    switch self {
    case .alreadyPrepared: "authority_already_prepared"
    case .nothingPrepared: "authority_nothing_prepared"
    case .tooEarly: "authority_too_early"
    case .unknownAuthority: "authority_unknown"
    case .notOld: "authority_not_old"
    case .notTainted: "authority_not_tainted"
    case .stillNeeded: "authority_still_needed"
    case .tooMany: "authority_too_many"
    case .logBehind: "authority_log_behind"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .unknownAuthority: .notFound
    case .logBehind: .unavailable
    default: .conflict
    }
  }
  package var message: String {
    switch self {
    case .alreadyPrepared(let kind, let id): "The \(kind.rawValue) authority \(id) is prepared already."
    case .nothingPrepared(let kind): "No \(kind.rawValue) authority is prepared."
    case .tooEarly(let kind, let id, let time):
      "The \(kind.rawValue) authority \(id) is not known to everyone before \(time)."
    case .unknownAuthority(let kind, let id): "There is no \(kind.rawValue) authority '\(id.shown(64))'."
    case .notOld(let kind, let id, let state):
      "The \(kind.rawValue) authority \(id) is \(state.rawValue); only an old one can be tainted."
    case .notTainted(let kind, let id, let state):
      "The \(kind.rawValue) authority \(id) is \(state.rawValue); only a tainted one can be revoked."
    case .stillNeeded(let kind, let id):
      "Something that the \(kind.rawValue) authority \(id) signed may still be valid."
    case .tooMany(let kind, let limit): "The bundle has \(limit) \(kind.rawValue) authorities already."
    case .logBehind(let count): "\(count) changes of the authority are not on the log yet."
    }
  }
  package var remedy: String {
    switch self {
    case .alreadyPrepared: "Activate it with 'frame authority activate'."
    case .nothingPrepared: "Prepare one with 'frame authority prepare'."
    case .tooEarly: "Wait until then, or use --force and have peers that have not refreshed repin."
    case .unknownAuthority: "List them with 'frame authority show'."
    case .notOld: "Activate a successor first; the key in use then becomes old."
    case .notTainted: "Taint it first with 'frame authority taint'."
    case .stillNeeded: "Wait, or taint and revoke it."
    case .tooMany: "Wait until old ones have ended, or taint and revoke them."
    case .logBehind: "Check why the log does not take them; see the node's own log."
    }
  }
}
