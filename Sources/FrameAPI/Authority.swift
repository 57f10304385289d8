/// The keys of the frame's authority and when they change next; nothing of it is secret. Of an authority elsewhere, what its agent
/// says: which keys there are, not what happens to them.
package struct AuthorityView: Codable, Sendable {
  package struct Key: Codable, Sendable {
    package let id: String
    package let state: String
    package let publishedAt: String?
    package let activatedAt: String?
    package let retiredAt: String?
    package let expiresAt: String?

    package init(
      id: String, state: String, publishedAt: String?, activatedAt: String?, retiredAt: String?, expiresAt: String?
    ) {
      self.id = id
      self.state = state
      self.publishedAt = publishedAt
      self.activatedAt = activatedAt
      self.retiredAt = retiredAt
      self.expiresAt = expiresAt
    }
  }

  package struct Ring: Codable, Sendable {
    package let keys: [Key]
    package let nextStep: String?
    package let nextAt: String?

    package init(keys: [Key], nextStep: String?, nextAt: String?) {
      self.keys = keys
      self.nextStep = nextStep
      self.nextAt = nextAt
    }
  }

  /// The agent that gives the node its identity.
  package struct Upstream: Codable, Sendable {
    package let socket: String
    package let connected: Bool
    package let updatedAt: String
    package let svidExpiresAt: String

    package init(socket: String, connected: Bool, updatedAt: String, svidExpiresAt: String) {
      self.socket = socket
      self.connected = connected
      self.updatedAt = updatedAt
      self.svidExpiresAt = svidExpiresAt
    }
  }

  package let frameId: String
  /// As `identity.source` in frame.yaml.
  package let source: String
  package let upstream: Upstream?
  package let sequence: UInt64
  package let fingerprint: String
  package let refreshHintSeconds: Int64
  package let caTtlSeconds: Int64?
  package let x509SvidTtlSeconds: Int64?
  package let jwtKeyTtlSeconds: Int64?
  /// Changes that the log does not have yet.
  package let unlogged: Int
  package let x509: Ring
  package let jwt: Ring

  package init(
    frameId: String, source: String, upstream: Upstream?, sequence: UInt64, fingerprint: String,
    refreshHintSeconds: Int64, caTtlSeconds: Int64?, x509SvidTtlSeconds: Int64?, jwtKeyTtlSeconds: Int64?,
    unlogged: Int, x509: Ring, jwt: Ring
  ) {
    self.frameId = frameId
    self.source = source
    self.upstream = upstream
    self.sequence = sequence
    self.fingerprint = fingerprint
    self.refreshHintSeconds = refreshHintSeconds
    self.caTtlSeconds = caTtlSeconds
    self.x509SvidTtlSeconds = x509SvidTtlSeconds
    self.jwtKeyTtlSeconds = jwtKeyTtlSeconds
    self.unlogged = unlogged
    self.x509 = x509
    self.jwt = jwt
  }
}

/// What an operator's step did.
package struct AuthorityChangeView: Codable, Sendable {
  package let kind: String
  package let action: String
  package let authorityId: String
  package let sequence: UInt64
  package let fingerprint: String
  package let forced: Bool
  package let nextStep: String
  package let nextAt: String

  package init(
    kind: String, action: String, authorityId: String, sequence: UInt64, fingerprint: String, forced: Bool,
    nextStep: String, nextAt: String
  ) {
    self.kind = kind
    self.action = action
    self.authorityId = authorityId
    self.sequence = sequence
    self.fingerprint = fingerprint
    self.forced = forced
    self.nextStep = nextStep
    self.nextAt = nextAt
  }
}

/// `POST /api/v1/authority/{kind}/activate`.
package struct ActivateKeyBody: Codable, Sendable {
  package var force: Bool?

  package init(force: Bool? = nil) {
    self.force = force
  }
}

/// Which key is meant.
package struct AuthorityKeyBody: Codable, Sendable {
  package var authorityId: String

  package init(authorityId: String) {
    self.authorityId = authorityId
  }
}
