import Foundation
import FrameCore
import FrameFederation
import FrameProtos

/// What one side of a treaty holds the other to; amounts are decimal strings with their asset.
struct TermsView: Encodable, Sendable {
  let netDebitCap: String
  let bridgeCap: String
  let bridgeRatePerMinute: String
  let subscriptions: [String]

  /// - Parameters:
  ///   - own: the currency of the frame whose terms they are.
  ///   - foreign: the currency of the frame that is held to them.
  init(_ terms: PBTreatyTerms, own: Asset?, foreign: Asset?) {
    func amount(_ units: Int64, _ asset: Asset?) -> String {
      // A treaty's currencies were checked before it was recorded.
      guard let asset else { return "\(units)" }
      return "\(Amount(minorUnits: units).decimal(scale: asset.scale)) \(asset)"
    }
    netDebitCap = amount(terms.netDebitCap, own)
    bridgeCap = amount(terms.bridgeCap, foreign)
    bridgeRatePerMinute = amount(terms.bridgeRatePerMinute, foreign)
    subscriptions = terms.subscriptions.sorted()
  }
}

/// Where a frame is reached.
struct EndpointsView: Encodable, Sendable {
  let bundleEndpoint: String
  let federationAddress: String
  /// Absent when it is not published.
  let apiUrl: String?

  init(_ endpoints: TreatyEndpoints) {
    bundleEndpoint = endpoints.bundleEndpoint
    federationAddress = endpoints.federationAddress
    apiUrl = endpoints.apiURL.isEmpty ? nil : endpoints.apiURL
  }
}

/// A treaty as both sides signed it.
struct TreatyView: Encodable, Sendable {
  let frameId: String
  let treatyId: String
  let state: String
  let revision: UInt32
  let since: String
  /// What we hold the peer to.
  let ours: TermsView
  /// What the peer holds us to.
  let theirs: TermsView
  /// Where the peer reaches us.
  let ourEndpoints: EndpointsView
  /// Where we reach the peer.
  let theirEndpoints: EndpointsView
  let logVerifierKeys: [String]
  /// The signed note, as it is.
  let document: String

  /// - Throws: ``FederationError/documentMissing(_:)``, ``FederationError/documentInvalid(_:)``.
  init(_ treaty: Treaty, native: Asset) throws {
    guard !treaty.document.isEmpty else { throw FederationError.documentMissing(treaty.peer) }
    let foreign = try? Asset(treaty.theirs.native)
    frameId = treaty.peer.name
    treatyId = treaty.invitationID
    state = treaty.state.rawValue
    revision = treaty.revision
    since = treaty.since.description
    ours = TermsView(treaty.ours.terms, own: native, foreign: foreign)
    theirs = TermsView(treaty.theirs.terms, own: foreign, foreign: native)
    ourEndpoints = EndpointsView(treaty.endpoints(of: .us))
    theirEndpoints = EndpointsView(treaty.endpoints(of: .peer))
    logVerifierKeys = try TreatyDocument.inspect(treaty.document).keys
    document = String(decoding: treaty.document, as: UTF8.self)
  }
}

/// A proposal to change a treaty's terms, or where its proposer is reached.
struct AmendmentView: Encodable, Sendable {
  let amendmentId: String
  let frameId: String
  /// `outgoing` when we proposed it.
  let direction: String
  let state: String
  let revision: UInt32
  let note: String
  let reason: String?
  let expiresAt: String
  let since: String
  /// What we would hold the peer to.
  let ours: TermsView
  /// What the peer would hold us to.
  let theirs: TermsView
  /// Where the proposer would be reached; absent when it stays, and once it is decided.
  let endpoints: EndpointsView?
  /// What differs from the treaty as it stands, a line each; empty once it is decided.
  let changes: [String]

  init(_ amendment: Amendment, of treaty: Treaty, direction: Treaty.Direction, native: Asset) {
    let foreign = try? Asset(treaty.theirs.native)
    amendmentId = amendment.id
    frameId = treaty.peer.name
    self.direction = direction.rawValue
    state = amendment.state.rawValue
    revision = amendment.revision
    note = amendment.note
    reason = amendment.reason.isEmpty ? nil : amendment.reason
    expiresAt = amendment.expires.description
    since = amendment.since.description
    ours = TermsView(amendment.ours, own: native, foreign: foreign)
    theirs = TermsView(amendment.theirs, own: foreign, foreign: native)
    let present = (
      TermsView(treaty.ours.terms, own: native, foreign: foreign),
      TermsView(treaty.theirs.terms, own: foreign, foreign: native)
    )
    let proposer: Treaty.Party = direction == .outgoing ? .us : .peer
    let move = amendment.state == .pending ? treaty.move(of: proposer, in: amendment.document) : nil
    endpoints = move.map(EndpointsView.init)
    changes =
      amendment.state == .pending
      ? Self.changes("we hold \(treaty.peer) to", present.0, ours)
        + Self.changes("\(treaty.peer) holds us to", present.1, theirs)
        + Self.changes(proposer == .us ? "we are" : "\(treaty.peer) is", treaty.endpoints(of: proposer), move) : []
  }

  private static func changes(_ who: String, _ old: TreatyEndpoints, _ new: TreatyEndpoints?) -> [String] {
    guard let new else { return [] }
    let fields = [
      ("bundle endpoint", old.bundleEndpoint, new.bundleEndpoint),
      ("federation address", old.federationAddress, new.federationAddress), ("API", old.apiURL, new.apiURL),
    ]
    return fields.filter { $0.1 != $0.2 }.map { "\(who) reached by \($0.0): \($0.1) -> \($0.2)" }
  }

  private static func changes(_ who: String, _ old: TermsView, _ new: TermsView) -> [String] {
    let fields = [
      ("net debit cap", old.netDebitCap, new.netDebitCap), ("bridge cap", old.bridgeCap, new.bridgeCap),
      ("bridge rate per minute", old.bridgeRatePerMinute, new.bridgeRatePerMinute),
      ("subscriptions", old.subscriptions.joined(separator: " "), new.subscriptions.joined(separator: " ")),
    ]
    return fields.filter { $0.1 != $0.2 }.map { "\(who) \($0.0): \($0.1) -> \($0.2)" }
  }

  /// The last one of each direction, the open ones first.
  static func all(of treaty: Treaty, native: Asset) -> [AmendmentView] {
    let views = [
      treaty.proposed.map { AmendmentView($0, of: treaty, direction: .outgoing, native: native) },
      treaty.received.map { AmendmentView($0, of: treaty, direction: .incoming, native: native) },
    ].compactMap { $0 }
    return views.filter { $0.state == "pending" } + views.filter { $0.state != "pending" }
  }
}

struct AmendmentsView: Encodable, Sendable { let amendments: [AmendmentView] }

/// An invitation that waits for a decision, or waited in vain.
struct InvitationView: Encodable, Sendable {
  let invitationId: String
  let frameId: String
  let direction: String
  /// `open` or `lapsed`.
  let state: String
  let fingerprint: String
  let bundleEndpoint: String
  let receivedAt: String
  let expiresAt: String

  init(_ treaty: Treaty, now: FrameTime) {
    invitationId = treaty.invitationID
    frameId = treaty.peer.name
    direction = treaty.direction.rawValue
    state = treaty.isExpired(at: now) ? "lapsed" : "open"
    fingerprint = treaty.fingerprint
    bundleEndpoint = treaty.theirs.bundleEndpoint
    receivedAt = treaty.since.description
    expiresAt = treaty.expires.description
  }
}

struct InvitationsView: Encodable, Sendable { let invitations: [InvitationView] }
