import FrameTreaty
import FrameCore
import FrameIdentity
import FrameProtos
import Foundation

// Amending treaties: the operator's and the peers' words on their way to the writer.
extension FederationService {
  package static let amendmentLifetime: Duration = .seconds(7 * 86_400)

  /// Proposes new terms to the peer, or that we are reached elsewhere; it counts once the peer has accepted.
  /// - Parameters:
  ///   - ours: changes of what we hold the peer to.
  ///   - theirs: changes of what the peer holds us to.
  ///   - endpoints: where we will be reached. A frame moves nobody but itself.
  ///   - note: for the other operator.
  ///   - lifetime: how long the peer may take to decide.
  /// - Throws: ``FederationError``, or what the log throws.
  package func propose(
    to peer: FrameID, ours: TermChanges, theirs: TermChanges, endpoints: EndpointChanges = EndpointChanges(),
    note: String, lifetime: Duration = amendmentLifetime, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Amendment {
    let treaty = try await established(peer)
    let place = endpoints.applied(to: treaty.endpoints(of: .us))
    let now = clock.now()
    var offer = AmendmentOffer(
      treatyID: treaty.invitationID, id: UniqueID.make(at: now), number: (treaty.proposed?.number ?? 0) + 1,
      revision: treaty.revision + 1, ours: try ours.apply(to: treaty.ours.terms),
      theirs: try theirs.apply(to: treaty.theirs.terms),
      document: Data(), expires: now + lifetime, note: note)
    offer.document = try treaty.document(
      revision: offer.revision, ours: offer.ours, theirs: offer.theirs, moving: (party: .us, to: place)
    ).signed(by: signer)
    let state = try await submit(.amendment(peer: peer, .propose(offer)), actor: actor, key: key)
    return try amendment(offer.id, in: state.require(peer))
  }

  /// Accepts what the peer proposed: when this returns the new terms are in force here, and the peer is told until it
  /// answers. Where it says that it is reached from now on may be silent still; it may not be somebody else.
  /// - Throws: ``FederationError``, or what the log throws.
  package func acceptAmendment(
    _ id: String, of peer: FrameID, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Amendment {
    let treaty = try await established(peer)
    let open = try amendment(id, in: treaty)
    if open.state == .pending, let move = treaty.move(of: .peer, in: open.document) {
      try await courier.requireNoStranger(treaty, at: move)
    }
    let text = try treaty.document(with: open, by: .peer)
    let document = text.countersigned(open.document, by: signer)
    let state = try await submit(.amendment(peer: peer, .accept(id: id, document: document)), actor: actor, key: key)
    return try amendment(id, in: state.require(peer))
  }

  package func rejectAmendment(
    _ id: String, of peer: FrameID, reason: String, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Amendment {
    let state = try await submit(.amendment(peer: peer, .reject(id: id, reason: reason)), actor: actor, key: key)
    return try amendment(id, in: state.require(peer))
  }

  /// Takes back what we proposed. The peer decides about it, so only the peer can say that it is over: it may have
  /// accepted already.
  /// - Returns: the amendment as it ended.
  /// - Throws: ``FederationError``; `PeerCallError.unavailable` when the peer cannot be asked now: the proposal then stands.
  package func withdrawAmendment(
    _ id: String, from peer: FrameID, reason: String, actor: SPIFFEID
  ) async throws -> Amendment {
    guard actor == .authority(of: frame) else { throw FederationError.notAuthority(actor) }
    let treaty = try await established(peer)
    guard let proposed = treaty.proposed, proposed.id == id else {
      throw FederationError.amendmentUnknown(peer, amendment: id)
    }
    guard proposed.state == .pending else { return proposed }
    guard
      case .decided(let state, let document, let reason) = try await courier.withdrawAmendment(treaty, reason: reason)
    else { throw FederationError.amendmentBehind(peer) }
    let ended = try await submit(
      .amendment(peer: peer, .decided(id: id, state, document: document, reason: reason)), actor: .node(of: peer),
      key: freshKey("amendment-withdrawn", id))
    return try amendment(id, in: ended.require(peer))
  }

  /// Trusts the bundle that the peer's endpoint serves now, although the pinned one does not vouch for it, because the
  /// operator has learned its fingerprint by other means. New keys of the bundle are not a new log: a frame that has lost its log
  /// as well takes a new treaty.
  /// - Throws: ``FederationError/logKeyChanged(_:pinned:served:)``, ``FederationError``, `FetchError`, `BundleError`, or what the log throws; the old pin then stays.
  package func repin(
    _ peer: FrameID, fingerprint: BundleFingerprint, actor: SPIFFEID, key: IdempotencyKey
  ) async throws -> Treaty {
    let treaty = try await treaty(peer)
    let (theirs, pin) = try await courier.discover(
      peer, at: EndpointURL(treaty.theirs.bundleEndpoint), by: BundleProfile(treaty.theirs.bundleEndpointProfile))
    saw(theirs.logVerifierKey, of: peer)
    // The operator named this bundle; what its holder says of its log is then the peer's own word.
    guard pin.fingerprint != fingerprint.description || theirs.logVerifierKey == treaty.peerLogKey else {
      throw FederationError.logKeyChanged(peer, pinned: treaty.peerLogKey, served: theirs.logVerifierKey)
    }
    return try await submit(
      .repin(peer: peer, fingerprint: fingerprint.description, pin: pin), actor: actor, key: key
    ).require(peer)
  }

  // MARK: The peers

  package func amendmentProposed(
    _ proposal: PBAmendmentProposal, by peer: FrameID
  ) async throws -> PBAmendmentDecision {
    let offer = AmendmentOffer(
      treatyID: proposal.treatyID, id: proposal.amendmentID, number: proposal.number, revision: proposal.revision,
      ours: proposal.callee, theirs: proposal.proposer, document: proposal.document,
      expires: FrameTime(unixNanoseconds: proposal.expiresUnixNs), note: proposal.note)
    // Idempotent by itself: a repeat may find that time has run out.
    let state = try await submit(
      .amendment(peer: peer, .receive(offer)), actor: .node(of: peer), key: freshKey("amendment", offer.id))
    return try decision(offer.id, in: state.require(peer))
  }

  package func amendmentDecided(_ decision: PBAmendmentDecision, by peer: FrameID) async throws {
    let treaty = try await treaty(peer)
    guard decision.treatyID == treaty.invitationID,
      case .decided(let state, let document, let reason) = try decision.answer
    else { throw FederationError.amendmentUnknown(peer, amendment: decision.amendmentID) }
    try await submit(
      .amendment(peer: peer, .decided(id: decision.amendmentID, state, document: document, reason: reason)),
      actor: .node(of: peer), key: freshKey("amendment-decided", decision.amendmentID))
  }

  package func amendmentWithdrawn(
    _ withdrawal: PBAmendmentWithdrawal, by peer: FrameID
  ) async throws -> PBAmendmentDecision {
    let state = try await submit(
      .amendment(
        peer: peer,
        .withdraw(
          treatyID: withdrawal.treatyID, id: withdrawal.amendmentID, number: withdrawal.number,
          reason: withdrawal.reason)),
      actor: .node(of: peer), key: freshKey("amendment-withdraw", withdrawal.amendmentID))
    return try decision(withdrawal.amendmentID, in: state.require(peer))
  }

  // MARK: Reading

  private func decision(_ id: String, in treaty: Treaty) throws -> PBAmendmentDecision {
    guard let received = treaty.received, received.id == id else {
      throw FederationError.amendmentUnknown(treaty.peer, amendment: id)
    }
    return PBAmendmentDecision(received, of: treaty)
  }

  private func established(_ peer: FrameID) async throws -> Treaty {
    try await writer.read { try $0.requireEstablished(peer) }
  }

  private func amendment(_ id: String, in treaty: Treaty) throws -> Amendment {
    for amendment in [treaty.proposed, treaty.received] {
      if let amendment, amendment.id == id { return amendment }
    }
    throw FederationError.amendmentUnknown(treaty.peer, amendment: id)
  }

  private func freshKey(_ what: String, _ id: String) -> IdempotencyKey {
    IdempotencyKey(derived: "ws3/\(what)/\(UniqueID.make(at: clock.now()))")
  }
}

extension PBAmendmentProposal {
  /// What the proposer sends: the proposal as it is in its log.
  init(_ amendment: Amendment, of treaty: Treaty) {
    self.init()
    treatyID = treaty.invitationID
    amendmentID = amendment.id
    number = amendment.number
    revision = amendment.revision
    proposer = amendment.ours
    callee = amendment.theirs
    document = amendment.document
    expiresUnixNs = amendment.expires.unixNanoseconds
    note = amendment.note
  }
}

extension PBAmendmentDecision {
  /// What the decider has on record.
  init(_ amendment: Amendment, of treaty: Treaty) {
    self.init()
    treatyID = treaty.invitationID
    amendmentID = amendment.id
    reason = amendment.reason
    switch amendment.state {
    case .pending: outcome = .pending
    case .accepted:
      outcome = .accepted
      document = amendment.document
    case .rejected: outcome = .rejected
    case .withdrawn: outcome = .withdrawn
    }
  }

  /// - Throws: ``FederationError/amendmentInvalid(_:)`` when it says nothing.
  package var answer: HandshakeMachine.Outcome {
    get throws {
      switch outcome {
      case .pending: .decided(.pending, document: document, reason: reason)
      case .accepted: .decided(.accepted, document: document, reason: reason)
      case .rejected: .decided(.rejected, document: document, reason: reason)
      case .withdrawn: .decided(.withdrawn, document: document, reason: reason)
      case .unspecified, .UNRECOGNIZED:
        throw FederationError.amendmentInvalid("the answer does not say what was decided")
      }
    }
  }
}
