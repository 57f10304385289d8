import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FrameProtos

extension TermsView {
  /// - Parameters:
  ///   - own: the currency of the frame whose terms they are.
  ///   - foreign: the currency of the frame that is held to them.
  init(_ terms: PBTreatyTerms, own: Asset?, foreign: Asset?) {
    func amount(_ units: Int64, _ asset: Asset?) -> String {
      // A treaty's currencies were checked before it was recorded.
      guard let asset else { return "\(units)" }
      return "\(Amount(minorUnits: units).decimal(scale: asset.scale)) \(asset)"
    }
    self.init(
      netDebitCap: amount(terms.netDebitCap, own),
      bridgeCap: amount(terms.bridgeCap, foreign),
      bridgeRatePerMinute: amount(terms.bridgeRatePerMinute, foreign),
      subscriptions: terms.subscriptions.sorted())
  }
}

extension EndpointsView {
  init(_ endpoints: TreatyEndpoints) {
    self.init(
      bundleEndpoint: endpoints.bundleEndpoint,
      federationAddress: endpoints.federationAddress,
      apiUrl: endpoints.apiURL.isEmpty ? nil : endpoints.apiURL)
  }
}

extension TreatyView {
  /// - Throws: ``FederationError/documentMissing(_:)``, ``FederationError/documentInvalid(_:)``.
  init(_ treaty: Treaty, native: Asset) throws {
    guard !treaty.document.isEmpty else { throw FederationError.documentMissing(treaty.peer) }
    let foreign = try? Asset(treaty.theirs.native)
    self.init(
      frameId: treaty.peer.name,
      treatyId: treaty.invitationID,
      state: treaty.state.rawValue,
      revision: treaty.revision,
      since: treaty.since.description,
      ours: TermsView(treaty.ours.terms, own: native, foreign: foreign),
      theirs: TermsView(treaty.theirs.terms, own: foreign, foreign: native),
      ourEndpoints: EndpointsView(treaty.endpoints(of: .us)),
      theirEndpoints: EndpointsView(treaty.endpoints(of: .peer)),
      logVerifierKeys: try TreatyDocument.inspect(treaty.document).keys,
      document: String(decoding: treaty.document, as: UTF8.self))
  }
}

extension AmendmentView {
  init(_ amendment: Amendment, of treaty: Treaty, direction: Treaty.Direction, native: Asset) {
    let foreign = try? Asset(treaty.theirs.native)
    let isPending = amendment.state == .pending
    let proposer: Treaty.Party = direction == .outgoing ? .us : .peer
    let move = isPending ? treaty.move(of: proposer, in: amendment.document) : nil
    let ours = TermsView(amendment.ours, own: native, foreign: foreign)
    let theirs = TermsView(amendment.theirs, own: foreign, foreign: native)
    var changes: [String] = []
    if isPending {
      let present = TermsView(treaty.ours.terms, own: native, foreign: foreign)
      changes += Self.changes("we hold \(treaty.peer) to", present, ours)
      let theirPresent = TermsView(treaty.theirs.terms, own: foreign, foreign: native)
      changes += Self.changes("\(treaty.peer) holds us to", theirPresent, theirs)
      let who = proposer == .us ? "we are" : "\(treaty.peer) is"
      changes += Self.changes(who, treaty.endpoints(of: proposer), move)
    }
    self.init(
      amendmentId: amendment.id, frameId: treaty.peer.name, direction: direction.rawValue,
      state: amendment.state.rawValue, revision: amendment.revision, note: amendment.note,
      reason: amendment.reason.isEmpty ? nil : amendment.reason, expiresAt: amendment.expires.description,
      since: amendment.since.description, ours: ours, theirs: theirs, endpoints: move.map(EndpointsView.init),
      changes: changes)
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

extension InvitationView {
  init(_ treaty: Treaty, now: FrameTime) {
    self.init(
      invitationId: treaty.invitationID,
      frameId: treaty.peer.name,
      direction: treaty.direction.rawValue,
      state: treaty.isExpired(at: now) ? "lapsed" : "open",
      fingerprint: treaty.fingerprint,
      bundleEndpoint: treaty.theirs.bundleEndpoint,
      receivedAt: treaty.since.description,
      expiresAt: treaty.expires.description)
  }
}
