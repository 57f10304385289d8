/// What one side of a treaty holds the other to; amounts are decimal strings with their asset.
package struct TermsView: Codable, Sendable {
  package let netDebitCap: String
  package let bridgeCap: String
  package let bridgeRatePerMinute: String
  package let subscriptions: [String]

  package init(netDebitCap: String, bridgeCap: String, bridgeRatePerMinute: String, subscriptions: [String]) {
    self.netDebitCap = netDebitCap
    self.bridgeCap = bridgeCap
    self.bridgeRatePerMinute = bridgeRatePerMinute
    self.subscriptions = subscriptions
  }
}

/// Where a frame is reached.
package struct EndpointsView: Codable, Sendable {
  package let bundleEndpoint: String
  package let federationAddress: String
  /// Absent when it is not published.
  package let apiUrl: String?

  package init(bundleEndpoint: String, federationAddress: String, apiUrl: String?) {
    self.bundleEndpoint = bundleEndpoint
    self.federationAddress = federationAddress
    self.apiUrl = apiUrl
  }
}

/// A treaty as both sides signed it.
package struct TreatyView: Codable, Sendable {
  package let frameId: String
  package let treatyId: String
  package let state: String
  package let revision: UInt32
  package let since: String
  /// What we hold the peer to.
  package let ours: TermsView
  /// What the peer holds us to.
  package let theirs: TermsView
  /// Where the peer reaches us.
  package let ourEndpoints: EndpointsView
  /// Where we reach the peer.
  package let theirEndpoints: EndpointsView
  package let logVerifierKeys: [String]
  /// The signed note, as it is.
  package let document: String

  package init(
    frameId: String, treatyId: String, state: String, revision: UInt32, since: String, ours: TermsView,
    theirs: TermsView, ourEndpoints: EndpointsView, theirEndpoints: EndpointsView, logVerifierKeys: [String],
    document: String
  ) {
    self.frameId = frameId
    self.treatyId = treatyId
    self.state = state
    self.revision = revision
    self.since = since
    self.ours = ours
    self.theirs = theirs
    self.ourEndpoints = ourEndpoints
    self.theirEndpoints = theirEndpoints
    self.logVerifierKeys = logVerifierKeys
    self.document = document
  }
}

/// A proposal to change a treaty's terms, or where its proposer is reached.
package struct AmendmentView: Codable, Sendable {
  package let amendmentId: String
  package let frameId: String
  /// `outgoing` when we proposed it.
  package let direction: String
  package let state: String
  package let revision: UInt32
  package let note: String
  package let reason: String?
  package let expiresAt: String
  package let since: String
  /// What we would hold the peer to.
  package let ours: TermsView
  /// What the peer would hold us to.
  package let theirs: TermsView
  /// Where the proposer would be reached; absent when it stays, and once it is decided.
  package let endpoints: EndpointsView?
  /// What differs from the treaty as it stands, a line each; empty once it is decided.
  package let changes: [String]

  package init(
    amendmentId: String, frameId: String, direction: String, state: String, revision: UInt32, note: String,
    reason: String?, expiresAt: String, since: String, ours: TermsView, theirs: TermsView, endpoints: EndpointsView?,
    changes: [String]
  ) {
    self.amendmentId = amendmentId
    self.frameId = frameId
    self.direction = direction
    self.state = state
    self.revision = revision
    self.note = note
    self.reason = reason
    self.expiresAt = expiresAt
    self.since = since
    self.ours = ours
    self.theirs = theirs
    self.endpoints = endpoints
    self.changes = changes
  }
}

package struct AmendmentsView: Codable, Sendable {
  package let amendments: [AmendmentView]

  package init(amendments: [AmendmentView]) {
    self.amendments = amendments
  }
}

/// `POST /api/v1/peers/{peer}/amendments`: what is left out stays as it is. Amounts are in the currency that they limit.
package struct AmendmentBody: Codable, Sendable {
  package var netDebitCap: String?
  package var bridgeCap: String?
  package var bridgeRatePerMinute: String?
  package var subscriptions: [String]?
  package var subscribe: [String]?
  package var unsubscribe: [String]?
  package var bundleEndpoint: String?
  package var federationAddress: String?
  package var apiUrl: String?
  package var peerNetDebitCap: String?
  package var peerBridgeCap: String?
  package var peerBridgeRatePerMinute: String?
  package var note: String?
  package var expiresInSeconds: Int?

  package init(
    netDebitCap: String? = nil, bridgeCap: String? = nil, bridgeRatePerMinute: String? = nil,
    subscriptions: [String]? = nil, subscribe: [String]? = nil, unsubscribe: [String]? = nil,
    bundleEndpoint: String? = nil, federationAddress: String? = nil, apiUrl: String? = nil,
    peerNetDebitCap: String? = nil, peerBridgeCap: String? = nil, peerBridgeRatePerMinute: String? = nil,
    note: String? = nil, expiresInSeconds: Int? = nil
  ) {
    self.netDebitCap = netDebitCap
    self.bridgeCap = bridgeCap
    self.bridgeRatePerMinute = bridgeRatePerMinute
    self.subscriptions = subscriptions
    self.subscribe = subscribe
    self.unsubscribe = unsubscribe
    self.bundleEndpoint = bundleEndpoint
    self.federationAddress = federationAddress
    self.apiUrl = apiUrl
    self.peerNetDebitCap = peerNetDebitCap
    self.peerBridgeCap = peerBridgeCap
    self.peerBridgeRatePerMinute = peerBridgeRatePerMinute
    self.note = note
    self.expiresInSeconds = expiresInSeconds
  }
}
