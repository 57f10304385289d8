import FrameCore
import FrameEvents
import FrameProtos
import Foundation

// Amending a treaty: a proposal, and the other frame's decision about it.
extension FederationState {
  /// How long a proposal may be open.
  package static let amendmentLifetimeMax: Duration = .seconds(31 * 86_400)
  /// Proposals and withdrawals that a peer may bring within an hour (CONFORMANCE B21).
  package static let amendmentsPerHourMax = 30
  static let crossed = "crossed"
  package static let lapsed = "lapsed"
  static let staleRevision = "stale_revision"

  /// - Throws: ``FederationError``.
  func decide(
    _ command: AmendmentCommand, with peer: FrameID, _ context: DecisionContext
  ) throws(FederationError) -> [EventDraft] {
    switch command {
    case .propose, .accept, .reject: try requireAuthority(context)
    case .receive, .decided, .withdraw: try requirePeer(peer, context)
    }
    let treaty = try requireEstablished(peer)
    switch command {
    case .propose(let offer): return try propose(offer, treaty, context.now)
    case .receive(let offer): return try receive(offer, treaty, context.now)
    case .accept(let id, let document): return try accept(id, document, treaty, context.now)
    case .reject(let id, let reason):
      let amendment = try received(id, treaty)
      if amendment.state == .rejected { return [] }
      guard amendment.state == .pending else { throw .amendmentClosed(id, state: amendment.state.rawValue) }
      return [Self.amendmentRejected(id, peer, byPeer: false, reason: reason)]
    case .decided(let id, let state, let document, let reason):
      return try decided(id, state, document, reason, treaty)
    case .withdraw(let treatyID, let id, let number, let reason):
      return try withdraw(treatyID, id, number, reason, treaty, context.now)
    }
  }

  private func propose(
    _ offer: AmendmentOffer, _ treaty: Treaty, _ now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    for open in [treaty.proposed, treaty.received] {
      // Ours stays open until the peer has said that it is not, whatever the time.
      if let open, open.state == .pending, open.id == treaty.proposed?.id || open.isOpen(at: now) {
        throw .amendmentPending(treaty.peer, amendment: open.id)
      }
    }
    guard offer.treatyID == treaty.invitationID, offer.revision == treaty.revision + 1,
      offer.number == (treaty.proposed?.number ?? 0) + 1
    else { throw .amendmentBehind(treaty.peer) }
    guard
      offer.ours != treaty.ours.terms || offer.theirs != treaty.theirs.terms
        || treaty.move(of: .us, in: offer.document) != nil
    else { throw .amendmentInvalid("it changes nothing") }
    try check(offer, treaty, now, by: .us)
    return [Self.amendmentProposed(offer, treaty.peer, outgoing: true)]
  }

  private func receive(
    _ offer: AmendmentOffer, _ treaty: Treaty, _ now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    let peer = treaty.peer
    guard offer.treatyID == treaty.invitationID else { throw .amendmentUnknown(peer, amendment: offer.id) }
    if let last = treaty.received {
      guard offer.number >= last.number, offer.number > last.number || offer.id == last.id else {
        throw .amendmentUnknown(peer, amendment: offer.id)
      }
      if offer.number == last.number {
        // A repeat is answered with what is on record. What nobody decided in time is decided now.
        guard last.state == .pending, !last.isOpen(at: now) else { return [] }
        return [Self.amendmentRejected(last.id, peer, byPeer: false, reason: Self.lapsed)]
      }
      // The peer cannot have closed it without us.
      guard last.state != .pending else { throw .amendmentBehind(peer) }
    }
    try checkRate(treaty, now)
    guard offer.number > 0, offer.number < UInt64(Int64.max), Self.isAmendmentID(offer.id) else {
      throw .amendmentInvalid("its id or number is not usable")
    }
    // We have not heard yet what the peer decided about ours.
    guard offer.revision <= treaty.revision + 1 else { throw .amendmentBehind(peer) }
    let proposal = Self.amendmentProposed(offer, peer, outgoing: false)
    guard offer.revision == treaty.revision + 1 else {
      return [proposal, Self.amendmentRejected(offer.id, peer, byPeer: false, reason: Self.staleRevision)]
    }
    try check(offer, treaty, now, by: .peer)
    if let own = treaty.proposed, own.state == .pending {
      // Proposals crossed: the lesser frame's is carried through. Only the decider can end one, so each ends the other's.
      guard frame < peer, own.isOpen(at: now) else { throw .amendmentBehind(peer) }
      return [proposal, Self.amendmentRejected(offer.id, peer, byPeer: false, reason: Self.crossed)]
    }
    return [proposal]
  }

  private func accept(
    _ id: String, _ document: Data, _ treaty: Treaty, _ now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    let amendment = try received(id, treaty)
    if amendment.state == .accepted { return [] }
    guard amendment.state == .pending else { throw .amendmentClosed(id, state: amendment.state.rawValue) }
    guard amendment.isOpen(at: now) else { throw .amendmentClosed(id, state: Self.lapsed) }
    if let own = treaty.proposed, own.state == .pending { throw .amendmentPending(treaty.peer, amendment: own.id) }
    guard amendment.revision == treaty.revision + 1 else { throw .amendmentBehind(treaty.peer) }
    if let move = treaty.move(of: .peer, in: amendment.document) { try checkOthers(move, of: treaty) }
    return [try accepted(amendment, document, treaty, byPeer: false)]
  }

  private func decided(
    _ id: String, _ state: Amendment.State, _ document: Data, _ reason: String, _ treaty: Treaty
  ) throws(FederationError) -> [EventDraft] {
    let peer = treaty.peer
    guard let amendment = treaty.proposed, amendment.id == id else { throw .amendmentUnknown(peer, amendment: id) }
    // A late word about what is closed: it stays as it is (CONFORMANCE B5).
    guard amendment.state == .pending else { return [] }
    switch state {
    case .pending: return []
    case .accepted: return [try accepted(amendment, document, treaty, byPeer: true)]
    case .rejected: return [Self.amendmentRejected(id, peer, byPeer: true, reason: reason)]
    case .withdrawn:
      return [Self.amendmentWithdrawn(id, peer, byPeer: false, number: amendment.number, reason: reason)]
    }
  }

  private func accepted(
    _ amendment: Amendment, _ document: Data, _ treaty: Treaty, byPeer: Bool
  ) throws(FederationError) -> EventDraft {
    let text = try treaty.document(with: amendment, by: byPeer ? .us : .peer)
    try text.verify(document, signedBy: text.keys)
    var payload = PBTreatyAmendmentAccepted()
    payload.amendmentID = amendment.id
    payload.peer = treaty.peer.name
    payload.byPeer = byPeer
    payload.revision = amendment.revision
    payload.ours = amendment.ours
    payload.theirs = amendment.theirs
    payload.document = document
    return EventDraft(.treatyAmendmentAccepted(payload))
  }

  private func withdraw(
    _ treatyID: String, _ id: String, _ number: UInt64, _ reason: String, _ treaty: Treaty, _ now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    let peer = treaty.peer
    guard treatyID == treaty.invitationID else { throw .amendmentUnknown(peer, amendment: id) }
    if let last = treaty.received, number <= last.number {
      guard last.id == id else { throw .amendmentUnknown(peer, amendment: id) }
      guard last.state == .pending else { return [] }
    } else {
      try checkRate(treaty, now)
      guard number > 0, number < UInt64(Int64.max), Self.isAmendmentID(id) else {
        throw .amendmentInvalid("its id or number is not usable")
      }
    }
    return [Self.amendmentWithdrawn(id, peer, byPeer: true, number: number, reason: reason)]
  }

  private func received(_ id: String, _ treaty: Treaty) throws(FederationError) -> Amendment {
    guard let amendment = treaty.received, amendment.id == id else {
      throw .amendmentUnknown(treaty.peer, amendment: id)
    }
    return amendment
  }

  // MARK: Checks

  private func check(
    _ offer: AmendmentOffer, _ treaty: Treaty, _ now: FrameTime, by party: Treaty.Party
  ) throws(FederationError) {
    for terms in [offer.ours, offer.theirs] {
      do { try DescriptionRules.check(terms) } catch .descriptionInvalid(let why) { throw .amendmentInvalid(why) }
    }
    try Subscriptions.check(from: treaty.ours.terms, to: offer.ours)
    try Subscriptions.check(from: treaty.theirs.terms, to: offer.theirs)
    guard TextLimit.note.admits(offer.note) else { throw .amendmentInvalid("its note is too long") }
    guard offer.expires > now, offer.expires <= now + Self.amendmentLifetimeMax else {
      throw .amendmentInvalid("it would be open until \(offer.expires), which is past or more than 31 days away")
    }
    // Only the proposer's own endpoints are taken from its text. Whatever else it says must be what is so, or proposed.
    let move = treaty.move(of: party, in: offer.document)
    if let move { try check(move, of: party, treaty) }
    let text = try treaty.document(
      revision: offer.revision, ours: offer.ours, theirs: offer.theirs, moving: move.map { (party: party, to: $0) })
    try text.verify(offer.document, signedBy: [treaty.description(of: party).logVerifierKey])
  }

  /// New endpoints keep the rules of an invitation, and are not those of the other side.
  private func check(
    _ move: TreatyEndpoints, of party: Treaty.Party, _ treaty: Treaty
  ) throws(FederationError) {
    do {
      _ = try DescriptionRules.check(move.applied(to: treaty.description(of: party)))
    } catch .descriptionInvalid(let why) {
      throw .amendmentInvalid(why)
    } catch .endpointInvalid(let text) {
      throw .amendmentInvalid("'\(text)' is not a usable address")
    }
    let other = treaty.description(of: party == .us ? .peer : .us)
    if let taken = try move.intrusion(on: other, from: treaty.endpoints(of: party)) {
      throw .amendmentInvalid("\(taken) belongs to '\(other.frameID)'")
    }
  }

  /// Nobody moves to where another of our peers is. It is for our operator to learn who is there, not for the proposer, so
  /// this is looked at when we accept.
  private func checkOthers(_ move: TreatyEndpoints, of treaty: Treaty) throws(FederationError) {
    for (peer, other) in treaties.sorted(by: { $0.key < $1.key }) where peer != treaty.peer {
      guard other.state == .established || other.state == .approved else { continue }
      if let taken = try move.intrusion(on: other.theirs, from: treaty.endpoints(of: .peer)) {
        throw .amendmentInvalid("\(taken) belongs to '\(peer)'")
      }
    }
  }

  private func checkRate(_ treaty: Treaty, _ now: FrameTime) throws(FederationError) {
    let recent = treaty.amendmentTimes.count { $0.isWithin(.seconds(3600), of: now) }
    guard recent < Self.amendmentsPerHourMax else {
      throw .tooManyAmendments(treaty.peer, limit: Self.amendmentsPerHourMax)
    }
  }

  private static func isAmendmentID(_ id: String) -> Bool {
    (1...64).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") }
  }

  // MARK: Events

  private static func amendmentProposed(_ offer: AmendmentOffer, _ peer: FrameID, outgoing: Bool) -> EventDraft {
    var payload = PBTreatyAmendmentProposed()
    payload.amendmentID = offer.id
    payload.peer = peer.name
    payload.outgoing = outgoing
    payload.treatyID = offer.treatyID
    payload.number = offer.number
    payload.revision = offer.revision
    payload.ours = offer.ours
    payload.theirs = offer.theirs
    payload.document = offer.document
    payload.expiresUnixNs = offer.expires.unixNanoseconds
    payload.note = bounded(offer.note)
    return EventDraft(.treatyAmendmentProposed(payload))
  }

  private static func amendmentRejected(_ id: String, _ peer: FrameID, byPeer: Bool, reason: String) -> EventDraft {
    var payload = PBTreatyAmendmentRejected()
    payload.amendmentID = id
    payload.peer = peer.name
    payload.byPeer = byPeer
    payload.reason = bounded(reason)
    return EventDraft(.treatyAmendmentRejected(payload))
  }

  private static func amendmentWithdrawn(
    _ id: String, _ peer: FrameID, byPeer: Bool, number: UInt64, reason: String
  ) -> EventDraft {
    var payload = PBTreatyAmendmentWithdrawn()
    payload.amendmentID = id
    payload.peer = peer.name
    payload.byPeer = byPeer
    payload.number = number
    payload.reason = bounded(reason)
    return EventDraft(.treatyAmendmentWithdrawn(payload))
  }
}

// MARK: - Evolution

extension Treaty {
  /// What is still open when the treaty ends falls away with it.
  mutating func dropAmendments(_ time: FrameTime) {
    for path in [\Treaty.proposed, \Treaty.received] where self[keyPath: path]?.state == .pending {
      self[keyPath: path]?.close(.withdrawn, "treaty_revoked", time)
    }
  }

  mutating func evolve(_ e: PBTreatyAmendmentProposed, _ time: FrameTime) {
    let amendment = Amendment(
      id: e.amendmentID, number: e.number, revision: e.revision, ours: e.ours, theirs: e.theirs, document: e.document,
      expires: FrameTime(unixNanoseconds: e.expiresUnixNs), note: e.note, since: time)
    if e.outgoing {
      proposed = amendment
    } else {
      received = amendment
      noteAmendment(time)
    }
  }

  mutating func evolve(_ e: PBTreatyAmendmentAccepted, _ time: FrameTime) {
    // Endpoints are said in one place only, which both have signed. Each frame moves its own and nobody else's.
    let proposer = e.byPeer ? Party.us : .peer
    if let move = self.move(of: proposer, in: e.document) {
      switch proposer {
      case .us: ours = move.applied(to: ours)
      case .peer: theirs = move.applied(to: theirs)
      }
    }
    ours.terms = e.ours
    theirs.terms = e.theirs
    revision = e.revision
    document = e.document
    let path = e.byPeer ? \Treaty.proposed : \Treaty.received
    self[keyPath: path]?.document = e.document
    self[keyPath: path]?.close(.accepted, "", time)
  }

  mutating func evolve(_ e: PBTreatyAmendmentRejected, _ time: FrameTime) {
    if e.byPeer { proposed?.close(.rejected, e.reason, time) } else { received?.close(.rejected, e.reason, time) }
  }

  mutating func evolve(_ e: PBTreatyAmendmentWithdrawn, _ time: FrameTime) {
    guard e.byPeer else {
      proposed?.close(.withdrawn, e.reason, time)
      return
    }
    if received?.id != e.amendmentID {
      // It overtook its proposal, which then finds its number used.
      received = Amendment(
        id: e.amendmentID, number: e.number, revision: revision, ours: ours.terms, theirs: theirs.terms,
        document: Data(), expires: time, note: "", since: time)
      noteAmendment(time)
    }
    received?.close(.withdrawn, e.reason, time)
  }

  private mutating func noteAmendment(_ time: FrameTime) {
    amendmentTimes = amendmentTimes.filter { $0.isWithin(.seconds(3600), of: time) } + [time]
  }
}

extension Amendment {
  mutating func close(_ state: State, _ reason: String, _ time: FrameTime) {
    self.state = state
    self.reason = reason
    since = time
  }
}
