import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// All treaties of a frame: a pure state that decides commands and evolves by recorded events.
package struct FederationState: Sendable, Equatable {
  package let frame: FrameID
  package private(set) var treaties: [FrameID: Treaty] = [:]
  /// Peers whose log has shown two histories under the present treaty.
  package internal(set) var equivocations: [FrameID: PeerEquivocation] = [:]
  /// Grows with every treaty event: of two copies of this state, the one with the higher version is the later one.
  package private(set) var version: UInt64 = 0
  /// Treaties that have ended and whose place no new one has taken, as they ended: with these frames the books are still
  /// to be closed, whatever invitation may wait meanwhile.
  package private(set) var ended: [FrameID: Treaty] = [:]
  /// Which log of each peer its treaty is with, and those before it.
  package internal(set) var logs = PeerLogs()
  /// Invitations from others in the last hour before the newest of them.
  var arrivals: [Arrival] = []

  /// The pinned document travels inside events, which may have 65,535 bytes (CONFORMANCE L4).
  package static let bundleBytesMax = 24 * 1024
  /// How far a peer's bundle may be numbered ahead of the held one. Some count nanoseconds: it is a hundred days of them.
  static let sequenceStepMax: UInt64 = 1 << 53

  package init(frame: FrameID) { self.frame = frame }

  package func treaty(_ peer: FrameID) -> Treaty? { treaties[peer] }

  /// - Throws: ``FederationError/unknownPeer(_:)``.
  package func require(_ peer: FrameID) throws(FederationError) -> Treaty {
    guard let treaty = treaties[peer] else { throw .unknownPeer(peer) }
    return treaty
  }

  /// - Throws: ``FederationError/unknownPeer(_:)``, ``FederationError/notEstablished(_:state:)``.
  @discardableResult
  package func requireEstablished(_ peer: FrameID) throws(FederationError) -> Treaty {
    let treaty = try require(peer)
    guard treaty.state == .established else { throw .notEstablished(peer, state: treaty.state.rawValue) }
    if let fraud = equivocations[peer] { throw .equivocated(peer, position: fraud.position) }
    return treaty
  }

  /// The treaty by which a transfer's outcome may be asked for: the established one, or the last one that ended. Nothing
  /// else is asked or answered under a treaty that has ended.
  /// - Throws: ``FederationError/unknownPeer(_:)``, ``FederationError/notEstablished(_:state:)``.
  @discardableResult
  package func requireSettling(_ peer: FrameID) throws(FederationError) -> Treaty {
    if let ended = ended[peer] { return ended }
    return try requireEstablished(peer)
  }

  /// Invitations whose time ran out after `start`, up to `end`.
  package func lapsed(after start: FrameTime, until end: FrameTime) -> [Treaty] {
    treaties.values.filter { $0.isExpired(at: end) && !$0.isExpired(at: start) }
  }

  /// Peers with an established treaty that is not stopped, in order of their names.
  package var establishedPeers: [FrameID] {
    treaties.values.filter { $0.state == .established && equivocations[$0.peer] == nil }.map(\.peer).sorted()
  }
}

// MARK: - Decisions

extension FederationState {
  /// - Throws: ``FederationError``.
  package func decide(
    _ command: FederationCommand, _ context: DecisionContext
  ) throws(FederationError) -> [EventDraft] {
    switch command {
    case .requestOutgoing(let id, let ours, let theirs, let pin, let expires):
      try requireAuthority(context)
      return try request(id, ours: ours, theirs: theirs, pin: pin, expires: expires, now: context.now)
    case .receiveIncoming(let id, let theirs, let pin, let expires, let ours, let source, let read):
      let peer = try checked(theirs)
      try requirePeer(peer, context)
      return try receive(
        id, from: peer, theirs: theirs, pin: pin, expires: expires, ours: ours, source: source, read: read,
        now: context.now)
    case .approve(let peer, let fingerprint, let ours, let pin):
      try requireAuthority(context)
      return try approve(peer, fingerprint: fingerprint, ours: ours, pin: pin, now: context.now)
    case .reject(let peer, let reason):
      try requireAuthority(context)
      return try reject(peer, reason: reason, now: context.now)
    case .revoke(let peer, let reason):
      try requireAuthority(context)
      return try revoke(peer, reason: reason, byPeer: false)
    case .repin(let peer, let fingerprint, let pin):
      try requireAuthority(context)
      return try repin(peer, fingerprint: fingerprint, pin: pin)
    case .peerApproved(let peer, let id, let approver, let ourFingerprint, let document):
      try requirePeer(peer, context)
      return try peerApproved(
        peer, id, approver: approver, ourFingerprint: ourFingerprint, document: document, now: context.now)
    case .peerRejected(let peer, let id, let reason):
      try requirePeer(peer, context)
      return try peerRejected(peer, id, reason: reason)
    case .peerRevoked(let peer, let reason):
      try requirePeer(peer, context)
      guard treaties[peer]?.state != .revoked else { return [] }
      return try revoke(peer, reason: reason, byPeer: true)
    case .establish(let peer, let id, let inviter, let document):
      try requireNode(context)
      return try establish(peer, id, inviter: inviter, document: document)
    case .approvalRefused(let peer, let id, let reason):
      try requireNode(context)
      return try approvalRefused(peer, id, reason: reason)
    case .rotatePin(let peer, let pin):
      try requireNode(context)
      return try rotate(peer, pin: pin)
    case .amendment(let peer, let command):
      return try decide(command, with: peer, context)
    case .reportEquivocation(let peer, let proof):
      try requireNode(context)
      return try report(proof, of: peer)
    case .formerLog(let peer, let command):
      return try decide(command, with: peer, context)
    case .bookFormerLog:
      // Its figures are other rooms': `NodeState` makes the event of them.
      try requireNode(context)
      return []
    }
  }

  private func request(
    _ id: String, ours: PBFrameDescription, theirs: PBFrameDescription, pin: PinnedBundle, expires: FrameTime,
    now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    let peer = try checked(theirs)
    try checkPin(pin, peer)
    try requireUndecided(peer, theirs.logVerifierKey)
    if let treaty = treaties[peer], !treaty.isClosed(at: now) {
      guard treaty.state == .requested else { throw .alreadyFederated(peer, state: treaty.state.rawValue) }
      throw .invitationPending(peer, invitation: treaty.invitationID)
    }
    return [Self.requested(id, peer, outgoing: true, inviter: ours, invitee: theirs, pin: pin, expires: expires)]
  }

  private func receive(
    _ id: String, from peer: FrameID, theirs: PBFrameDescription, pin: PinnedBundle, expires: FrameTime,
    ours: PBFrameDescription, source: String, read: Set<String>, now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    try checkPin(pin, peer)
    try requireUndecided(peer, theirs.logVerifierKey)
    guard !id.isEmpty, id.utf8.count <= 64 else { throw .invitationInvalid("its id is empty or too long") }
    guard theirs.bundleFingerprint == pin.fingerprint else {
      throw .fingerprintMismatch(peer, expected: theirs.bundleFingerprint, observed: pin.fingerprint)
    }
    guard expires > now else { throw .invitationExpired(peer, invitation: id) }
    func received(_ displaced: FrameID? = nil) -> EventDraft {
      Self.requested(
        id, peer, outgoing: false, inviter: theirs, invitee: ours, pin: pin, expires: expires, source: source,
        displaced: displaced)
    }
    if let treaty = treaties[peer], treaty.invitationID == id { return [] }
    guard let treaty = treaties[peer], !treaty.isClosed(at: now) else {
      return [received(try room(for: source, read: read, now: now))]
    }
    guard treaty.state == .requested else { throw .alreadyFederated(peer, state: treaty.state.rawValue) }
    // Whoever cannot show the bundle that we already hold for this peer must not disturb what is open with it.
    guard treaty.fingerprint == pin.fingerprint else {
      throw .fingerprintMismatch(peer, expected: treaty.fingerprint, observed: pin.fingerprint)
    }
    switch treaty.direction {
    case .incoming:
      try checkRate(of: source, now)
      return [received()]  // The same peer starts again: its newest invitation counts.
    case .outgoing:
      // Invitations crossed: that from the lesser frame id is carried through, the other falls away. It takes what every invitation
      // takes, an operator who names its fingerprint: that ours was sent says nothing of who answered where it was sent to.
      return peer < frame ? [received()] : []
    }
  }

  private func approve(
    _ peer: FrameID, fingerprint: String, ours: PBFrameDescription, pin: PinnedBundle, now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    let treaty = try require(peer)
    guard treaty.direction == .incoming else { throw .wrongDirection(peer, "this frame is the one that invited") }
    switch treaty.state {
    case .approved, .established:
      guard treaty.fingerprint == fingerprint else {
        throw .fingerprintMismatch(peer, expected: fingerprint, observed: treaty.fingerprint)
      }
      return []
    case .rejected, .revoked:
      throw .invitationUnknown(peer, invitation: treaty.invitationID)
    case .requested:
      break
    }
    guard !treaty.isExpired(at: now) else { throw .invitationExpired(peer, invitation: treaty.invitationID) }
    try checkPin(pin, peer)
    for observed in [treaty.fingerprint, pin.fingerprint] where observed != fingerprint {
      throw .fingerprintMismatch(peer, expected: fingerprint, observed: observed)
    }
    return [Self.approved(treaty.invitationID, peer, approver: ours, pin: pin)]
  }

  private func reject(_ peer: FrameID, reason: String, now: FrameTime) throws(FederationError) -> [EventDraft] {
    let treaty = try require(peer)
    guard treaty.direction == .incoming else {
      throw .wrongDirection(peer, "this frame is the one that invited; revoke takes the invitation back")
    }
    guard treaty.state != .rejected else { return [] }
    guard treaty.state == .requested else { throw .alreadyFederated(peer, state: treaty.state.rawValue) }
    return [Self.rejected(treaty.invitationID, peer, byPeer: false, reason: reason)]
  }

  private func peerApproved(
    _ peer: FrameID, _ id: String, approver: PBFrameDescription, ourFingerprint: String, document: Data, now: FrameTime
  ) throws(FederationError) -> [EventDraft] {
    guard let treaty = treaties[peer], treaty.invitationID == id, treaty.direction == .outgoing else {
      throw .invitationUnknown(peer, invitation: id)
    }
    switch treaty.state {
    case .established: return []  // Its first answer was lost; the treaty stands.
    case .rejected, .revoked, .approved: throw .invitationUnknown(peer, invitation: id)
    case .requested: break
    }
    guard !treaty.isExpired(at: now) else { throw .invitationExpired(peer, invitation: id) }
    let named = try checked(approver)
    guard named == peer else { throw .descriptionInvalid("it describes '\(named)', not the caller '\(peer)'") }
    try requireUndecided(peer, approver.logVerifierKey)
    guard ourFingerprint == treaty.ours.bundleFingerprint else {
      throw .fingerprintMismatch(frame, expected: treaty.ours.bundleFingerprint, observed: ourFingerprint)
    }
    let text = try TreatyDocument(treatyID: id, revision: 0, inviter: treaty.ours, invitee: approver)
    try text.verify(document, signedBy: text.keys)
    return [
      Self.approved(id, peer, approver: approver, pin: treaty.pin),
      Self.established(id, peer, ours: treaty.ours, theirs: approver, pin: treaty.pin, document: document),
    ]
  }

  private func peerRejected(_ peer: FrameID, _ id: String, reason: String) throws(FederationError) -> [EventDraft] {
    guard let treaty = treaties[peer], treaty.invitationID == id, treaty.direction == .outgoing else {
      throw .invitationUnknown(peer, invitation: id)
    }
    if treaty.state == .rejected { return [] }
    guard treaty.state == .requested else { throw .alreadyFederated(peer, state: treaty.state.rawValue) }
    return [Self.rejected(id, peer, byPeer: true, reason: reason)]
  }

  private func establish(
    _ peer: FrameID, _ id: String, inviter: PBFrameDescription, document: Data
  ) throws(FederationError) -> [EventDraft] {
    guard let treaty = treaties[peer], treaty.invitationID == id, treaty.direction == .incoming else {
      throw .invitationUnknown(peer, invitation: id)
    }
    if treaty.state == .established { return [] }
    guard treaty.state == .approved else { throw .notEstablished(peer, state: treaty.state.rawValue) }
    let named = try checked(inviter)
    guard named == peer else { throw .descriptionInvalid("it describes '\(named)', not '\(peer)'") }
    // What the operator approved is what counts: neither the log key nor the terms may change after that.
    guard inviter.logVerifierKey == treaty.theirs.logVerifierKey, inviter.terms == treaty.theirs.terms,
      inviter.native == treaty.theirs.native
    else { throw .descriptionInvalid("log key, currency or terms differ from the approved invitation") }
    try requireUndecided(peer, inviter.logVerifierKey)
    let text = try TreatyDocument(treatyID: id, revision: 0, inviter: inviter, invitee: treaty.ours)
    try text.verify(document, signedBy: text.keys)
    return [Self.established(id, peer, ours: treaty.ours, theirs: inviter, pin: treaty.pin, document: document)]
  }

  private func approvalRefused(_ peer: FrameID, _ id: String, reason: String) throws(FederationError) -> [EventDraft] {
    guard let treaty = treaties[peer], treaty.invitationID == id, treaty.direction == .incoming,
      treaty.state == .approved
    else { return [] }
    return [Self.rejected(id, peer, byPeer: true, reason: reason)]
  }

  private func revoke(_ peer: FrameID, reason: String, byPeer: Bool) throws(FederationError) -> [EventDraft] {
    let treaty = try require(peer)
    switch treaty.state {
    case .revoked: return []
    case .rejected: throw .notEstablished(peer, state: treaty.state.rawValue)
    case .requested, .approved, .established: break
    }
    var payload = PBFrameFederationRevoked()
    payload.peer = peer.name
    payload.byPeer = byPeer
    payload.reason = Self.bounded(reason)
    return [EventDraft(.frameFederationRevoked(payload))]
  }

  private func rotate(_ peer: FrameID, pin: PinnedBundle) throws(FederationError) -> [EventDraft] {
    let treaty = try require(peer)
    guard treaty.state == .established || treaty.state == .approved || treaty.state == .requested else {
      throw .notEstablished(peer, state: treaty.state.rawValue)
    }
    try checkPin(pin, peer)
    guard pin != treaty.pin else { return [] }
    guard pin.sequence >= treaty.pin.sequence else {
      throw .sequenceRollback(peer, held: treaty.pin.sequence, received: pin.sequence)
    }
    // The numbers must last: nobody could follow a peer that goes to the last one at once.
    guard treaty.pin.sequence == 0 || pin.sequence - treaty.pin.sequence <= Self.sequenceStepMax else {
      throw .bundleUnusable(peer, why: "its sequence goes from \(treaty.pin.sequence) to \(pin.sequence)")
    }
    var payload = PBPeerBundleRotated()
    payload.peer = peer.name
    payload.sequence = pin.sequence
    payload.fingerprint = pin.fingerprint
    payload.bundle = pin.document
    return [EventDraft(.peerBundleRotated(payload))]
  }

  private func repin(_ peer: FrameID, fingerprint: String, pin: PinnedBundle) throws(FederationError) -> [EventDraft] {
    let treaty = try require(peer)
    guard treaty.state == .established || treaty.state == .approved else {
      throw .notEstablished(peer, state: treaty.state.rawValue)
    }
    try checkPin(pin, peer)
    // What the operator named is what is trusted, whatever was fetched.
    guard pin.fingerprint == fingerprint else {
      throw .fingerprintMismatch(peer, expected: fingerprint, observed: pin.fingerprint)
    }
    guard pin != treaty.pin else { return [] }
    var payload = PBPeerBundleRepinned()
    payload.peer = peer.name
    payload.sequence = pin.sequence
    payload.fingerprint = pin.fingerprint
    payload.bundle = pin.document
    payload.previousFingerprint = treaty.pin.fingerprint
    return [EventDraft(.peerBundleRepinned(payload))]
  }
}

// MARK: - Evolution

extension FederationState {
  /// Applies a recorded event; events of other rooms change nothing.
  package mutating func evolve(_ recorded: RecordedEvent) {
    let time = recorded.clock
    defer { if Self.isTreatyEvent(recorded.event) { version = recorded.position + 1 } }
    evolveLogs(recorded)
    switch recorded.event.payload {
    case .frameInvitationRequested(let e): evolve(e, time)
    case .frameInvitationApproved(let e):
      update(e.peer, .approved, time) { treaty in
        if treaty.direction == .incoming { treaty.ours = e.approver } else { treaty.theirs = e.approver }
        treaty.pin = PinnedBundle(
          document: e.peerBundle, fingerprint: e.fingerprint, sequence: BundleSequence.read(e.peerBundle))
      }
    case .frameInvitationRejected(let e):
      update(e.peer, .rejected, time) { treaty in
        treaty.endedByPeer = e.byPeer
        treaty.reason = e.reason
      }
    case .frameFederationEstablished(let e):
      update(e.peer, .established, time) { treaty in
        treaty.ours = e.ours
        treaty.theirs = e.theirs
        treaty.document = e.document
      }
      if let peer = try? FrameID(e.peer) {
        ended[peer] = nil
        equivocations[peer] = nil
      }
    case .peerEquivocationProven(let e): evolve(e, recorded)
    case .frameFederationRevoked(let e):
      let wasEstablished = (try? FrameID(e.peer)).map { treaties[$0]?.state == .established } ?? false
      defer {
        if wasEstablished, let peer = try? FrameID(e.peer) { ended[peer] = treaties[peer] }
      }
      update(e.peer, .revoked, time) { treaty in
        treaty.dropAmendments(time)
        treaty.endedByPeer = e.byPeer
        treaty.reason = e.reason
      }
    case .peerBundleRotated(let e):
      guard let peer = try? FrameID(e.peer) else { return }
      treaties[peer]?.pin = PinnedBundle(document: e.bundle, fingerprint: e.fingerprint, sequence: e.sequence)
    case .peerBundleRepinned(let e):
      guard let peer = try? FrameID(e.peer) else { return }
      treaties[peer]?.pin = PinnedBundle(document: e.bundle, fingerprint: e.fingerprint, sequence: e.sequence)
    case .treatyAmendmentProposed(let e): amend(e.peer) { $0.evolve(e, time) }
    case .treatyAmendmentAccepted(let e): amend(e.peer) { $0.evolve(e, time) }
    case .treatyAmendmentRejected(let e): amend(e.peer) { $0.evolve(e, time) }
    case .treatyAmendmentWithdrawn(let e): amend(e.peer) { $0.evolve(e, time) }
    default: break
    }
  }

  private static func isTreatyEvent(_ event: StoredEvent) -> Bool {
    switch event.payload {
    case .frameInvitationRequested, .frameInvitationApproved, .frameInvitationRejected, .frameFederationEstablished,
      .frameFederationRevoked, .peerBundleRotated, .peerBundleRepinned, .treatyAmendmentProposed,
      .treatyAmendmentAccepted, .treatyAmendmentRejected, .treatyAmendmentWithdrawn,
      .peerEquivocationProven:
      true
    default: false
    }
  }

  private mutating func evolve(_ e: PBFrameInvitationRequested, _ time: FrameTime) {
    guard let peer = try? FrameID(e.peer) else { return }
    if !e.outgoing { arrived(e, at: time) }
    let theirs = e.outgoing ? e.invitee : e.inviter
    treaties[peer] = Treaty(
      peer: peer, invitationID: e.invitationID, state: .requested, direction: e.outgoing ? .outgoing : .incoming,
      ours: e.outgoing ? e.inviter : e.invitee, theirs: theirs,
      pin: PinnedBundle(
        document: e.peerBundle, fingerprint: theirs.bundleFingerprint, sequence: BundleSequence.read(e.peerBundle)),
      expires: FrameTime(unixNanoseconds: e.expiresUnixNs), since: time, source: e.source)
  }

  mutating func forget(_ peer: FrameID) { treaties[peer] = nil }

  private mutating func amend(_ name: String, _ change: (inout Treaty) -> Void) {
    guard let peer = try? FrameID(name), var treaty = treaties[peer] else { return }
    change(&treaty)
    treaties[peer] = treaty
  }

  private mutating func update(
    _ name: String, _ state: TreatyState, _ time: FrameTime, _ change: (inout Treaty) -> Void
  ) {
    guard let peer = try? FrameID(name), var treaty = treaties[peer] else { return }
    treaty.state = state
    treaty.since = time
    change(&treaty)
    treaties[peer] = treaty
  }
}

// MARK: - Snapshots

extension FederationState: SnapshotState {
  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.field("treaties", &treaties)
    try fields.field("version", &version)
    try fields.field("ended", &ended)
    try fields.field("equivocations", &equivocations)
    try fields.field("logs", &logs)
    try fields.field("arrivals", &arrivals)
  }
}
