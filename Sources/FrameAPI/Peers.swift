package struct PeerView: Codable, Sendable {
  package struct Terms: Codable, Sendable {
    package let subscriptions: [String]
    package let netDebitCap: String
    package let bridgeCap: String
    package let bridgeRatePerMinute: String

    package init(subscriptions: [String], netDebitCap: String, bridgeCap: String, bridgeRatePerMinute: String) {
      self.subscriptions = subscriptions
      self.netDebitCap = netDebitCap
      self.bridgeCap = bridgeCap
      self.bridgeRatePerMinute = bridgeRatePerMinute
    }
  }

  package let frameId: String
  /// The treaty's; `stopped` for one that stands while nothing is exchanged: the peer's log has two histories.
  package let state: String
  /// Who has to do what before it goes on; absent when nobody has.
  package let next: String?
  package let invitationId: String
  package let direction: String
  package let fingerprint: String
  package let observedFingerprint: String?
  package let logVerifierKey: String
  /// What the peer's bundle endpoint shows, when somebody looked: another one is another log.
  package let servedLogVerifierKey: String?
  package let federationAddress: String
  package let bundleEndpoint: String
  package let bundleProfile: String
  package let currency: String
  package let since: String
  package let expiresAt: String?
  package let lastRefresh: String?
  package let reason: String?
  /// What the last step of the handshake failed with, while it is being retried.
  package let trouble: String?
  /// How often the terms were amended.
  package let revision: UInt32
  package let terms: Terms
  package let amendments: [AmendmentView]
  /// Absent unless there is a treaty.
  package let reachability: ReachabilityView?

  package init(
    frameId: String, state: String, next: String?, invitationId: String, direction: String, fingerprint: String,
    observedFingerprint: String?, logVerifierKey: String, servedLogVerifierKey: String?, federationAddress: String,
    bundleEndpoint: String, bundleProfile: String, currency: String, since: String, expiresAt: String?,
    lastRefresh: String?, reason: String?, trouble: String?, revision: UInt32, terms: Terms,
    amendments: [AmendmentView], reachability: ReachabilityView?
  ) {
    self.frameId = frameId
    self.state = state
    self.next = next
    self.invitationId = invitationId
    self.direction = direction
    self.fingerprint = fingerprint
    self.observedFingerprint = observedFingerprint
    self.logVerifierKey = logVerifierKey
    self.servedLogVerifierKey = servedLogVerifierKey
    self.federationAddress = federationAddress
    self.bundleEndpoint = bundleEndpoint
    self.bundleProfile = bundleProfile
    self.currency = currency
    self.since = since
    self.expiresAt = expiresAt
    self.lastRefresh = lastRefresh
    self.reason = reason
    self.trouble = trouble
    self.revision = revision
    self.terms = terms
    self.amendments = amendments
    self.reachability = reachability
  }
}

package struct PeersView: Codable, Sendable {
  package let peers: [PeerView]

  package init(peers: [PeerView]) {
    self.peers = peers
  }
}

/// Whether a peer answers, and how old each thing is that is shown of it: a value without an age passes for what is so now.
package struct ReachabilityView: Codable, Sendable {
  package struct Failure: Codable, Sendable {
    package let code: String
    package let message: String
    package let at: String
    package let ageSeconds: Int64

    package init(code: String, message: String, at: String, ageSeconds: Int64) {
      self.code = code
      self.message = message
      self.at = at
      self.ageSeconds = ageSeconds
    }
  }

  /// `reachable`, `unreachable`, or `unknown` before the first call of this process has ended.
  package let state: String
  /// When it became so.
  package let since: String?
  package let lastSuccessAt: String?
  package let lastSuccessAgeSeconds: Int64?
  /// What a call failed with last; also when calls succeed again.
  package let lastError: Failure?
  package let observedAt: String?
  package let observedAgeSeconds: Int64?
  package let lastRefreshAgeSeconds: Int64?
  /// Why the newest refresh of the bundle failed; absent when it did not.
  package let refreshError: Failure?
  package let streamOpen: Bool
  package let streamHeadAt: String?
  package let streamHeadAgeSeconds: Int64?

  package init(
    state: String, since: String?, lastSuccessAt: String?, lastSuccessAgeSeconds: Int64?, lastError: Failure?,
    observedAt: String?, observedAgeSeconds: Int64?, lastRefreshAgeSeconds: Int64?, refreshError: Failure?,
    streamOpen: Bool, streamHeadAt: String?, streamHeadAgeSeconds: Int64?
  ) {
    self.state = state
    self.since = since
    self.lastSuccessAt = lastSuccessAt
    self.lastSuccessAgeSeconds = lastSuccessAgeSeconds
    self.lastError = lastError
    self.observedAt = observedAt
    self.observedAgeSeconds = observedAgeSeconds
    self.lastRefreshAgeSeconds = lastRefreshAgeSeconds
    self.refreshError = refreshError
    self.streamOpen = streamOpen
    self.streamHeadAt = streamHeadAt
    self.streamHeadAgeSeconds = streamHeadAgeSeconds
  }
}

/// An invitation that waits for a decision, or waited in vain.
package struct InvitationView: Codable, Sendable {
  package let invitationId: String
  package let frameId: String
  package let direction: String
  /// `open` or `lapsed`.
  package let state: String
  package let fingerprint: String
  package let bundleEndpoint: String
  package let receivedAt: String
  package let expiresAt: String

  package init(
    invitationId: String, frameId: String, direction: String, state: String, fingerprint: String,
    bundleEndpoint: String, receivedAt: String, expiresAt: String
  ) {
    self.invitationId = invitationId
    self.frameId = frameId
    self.direction = direction
    self.state = state
    self.fingerprint = fingerprint
    self.bundleEndpoint = bundleEndpoint
    self.receivedAt = receivedAt
    self.expiresAt = expiresAt
  }
}

package struct InvitationsView: Codable, Sendable {
  package let invitations: [InvitationView]

  package init(invitations: [InvitationView]) {
    self.invitations = invitations
  }
}

/// `POST /api/v1/peers/invitations`.
package struct InvitationBody: Codable, Sendable {
  package var trustDomain: String
  package var bundleEndpoint: String
  package var expectFingerprint: String?
  package var profile: String?

  package init(trustDomain: String, bundleEndpoint: String, expectFingerprint: String? = nil, profile: String? = nil) {
    self.trustDomain = trustDomain
    self.bundleEndpoint = bundleEndpoint
    self.expectFingerprint = expectFingerprint
    self.profile = profile
  }
}

/// The bundle's fingerprint, as learned by other means than from the peer.
package struct FingerprintBody: Codable, Sendable {
  package var fingerprint: String

  package init(fingerprint: String) {
    self.fingerprint = fingerprint
  }
}
