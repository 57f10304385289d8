import FrameCore
import FrameEvents

/// What the treaty and the peer channel refuse.
package enum FederationError: FrameError, Equatable {
  case unknownPeer(FrameID)
  case selfPeering(FrameID)
  case notEstablished(FrameID, state: String)
  case alreadyFederated(FrameID, state: String)
  case invitationPending(FrameID, invitation: String)
  case invitationExpired(FrameID, invitation: String)
  case invitationUnknown(FrameID, invitation: String)
  /// There was one, and it is over.
  case noOpenInvitation(FrameID, state: String)
  case invitationInvalid(String)
  case tooManyInvitations(limit: Int)
  /// The peer's bundle has changed so often that the pin stays where it is for a while.
  case pinMovesLimited(FrameID, limit: Int)
  case fingerprintMismatch(FrameID, expected: String, observed: String)
  case wrongDirection(FrameID, String)
  case sequenceRollback(FrameID, held: UInt64, received: UInt64)
  case bundleTooLarge(bytes: Int, limit: Int)
  case bundleUnusable(FrameID, why: String)
  case descriptionInvalid(String)
  case profileUnknown(String)
  /// The endpoint was asked for by one profile and says that it serves by another.
  case profileMismatch(FrameID, asked: BundleProfile, described: String)
  case notAuthority(SPIFFEID)
  case notThePeer(SPIFFEID, peer: FrameID)
  case unauthenticatedPeer(String)
  case endpointUnreachable(String, why: String)
  case endpointInvalid(String)
  /// Where the peer says that it will be reached, somebody answers whom its pinned bundle does not vouch for.
  case endpointOfAnother(FrameID, endpoint: String, why: String)
  case rateLimited(source: String)
  case busy(FrameID, limit: Int)
  case documentInvalid(String)
  case documentMissing(FrameID)
  case amendmentUnknown(FrameID, amendment: String)
  case amendmentPending(FrameID, amendment: String)
  case amendmentClosed(String, state: String)
  case amendmentInvalid(String)
  case amendmentBehind(FrameID)
  case tooManyAmendments(FrameID, limit: Int)
  /// The treaty is stopped: the peer's log has shown two histories.
  /// - position: of the proof in our log; nil while it cannot be recorded.
  case equivocated(FrameID, position: UInt64?)
  case equivocationUnproven(FrameID, why: String)
  case formerLogUnknown(String)
  case formerLogState(PeerLog, state: String)
  case formerLogDecided(PeerLog, state: String)
  case formerLogCurrencyChanged(PeerLog)
  case formerLogInvalid(String)
  /// The log that is meant is not the one that the treaty names.
  case anotherLog(FrameID, whose: FrameID)
  /// The peer's bundle endpoint shows another log key than the treaty pins.
  case logKeyChanged(FrameID, pinned: String, served: String)

  /// The state of a former log, in words, whose proposal was taken back while the peer may have accepted it.
  static let withdrawn = "proposed and withdrawn, without the peer's answer"

  package var code: String {
    switch self {
    case .unknownPeer: "unknown_peer"
    case .selfPeering: "self_peering"
    case .notEstablished: "treaty_not_established"
    case .alreadyFederated: "already_federated"
    case .invitationPending: "invitation_pending"
    case .invitationExpired: "invitation_expired"
    case .invitationUnknown, .noOpenInvitation: "invitation_unknown"
    case .invitationInvalid: "invitation_invalid"
    case .tooManyInvitations: "too_many_invitations"
    case .pinMovesLimited: "pin_moves_limited"
    case .fingerprintMismatch: "fingerprint_mismatch"
    case .wrongDirection: "wrong_direction"
    case .sequenceRollback: "bundle_sequence_rollback"
    case .bundleTooLarge: "bundle_too_large"
    case .bundleUnusable: "bundle_unusable"
    case .descriptionInvalid: "frame_description_invalid"
    case .profileUnknown: "bundle_profile_unknown"
    case .profileMismatch: "bundle_profile_mismatch"
    case .notAuthority: "not_authority"
    case .notThePeer: "not_the_peer"
    case .unauthenticatedPeer: "peer_unauthenticated"
    case .endpointUnreachable: "bundle_endpoint_unreachable"
    case .endpointInvalid: "endpoint_invalid"
    case .endpointOfAnother: "endpoint_of_another"
    case .rateLimited: "rate_limited"
    case .busy: "peer_busy"
    case .documentInvalid: "treaty_document_invalid"
    case .documentMissing: "treaty_document_missing"
    case .amendmentUnknown: "amendment_unknown"
    case .amendmentPending: "amendment_pending"
    case .amendmentClosed: "amendment_closed"
    case .amendmentInvalid: "amendment_invalid"
    case .amendmentBehind: "amendment_behind"
    case .tooManyAmendments: "too_many_amendments"
    case .equivocated: "peer_equivocated"
    case .equivocationUnproven: "equivocation_unproven"
    case .formerLogUnknown: "former_log_unknown"
    case .formerLogState: "former_log_state"
    case .formerLogDecided: "former_log_decided"
    case .formerLogCurrencyChanged: "former_log_currency_changed"
    case .formerLogInvalid: "former_log_invalid"
    case .logKeyChanged: "log_key_changed"
    case .anotherLog: "stream_of_another_log"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .unknownPeer, .invitationUnknown, .noOpenInvitation, .amendmentUnknown, .documentMissing, .formerLogUnknown:
      .notFound
    case .documentInvalid, .amendmentInvalid, .selfPeering, .invitationInvalid, .descriptionInvalid, .profileUnknown,
      .bundleUnusable, .endpointInvalid, .equivocationUnproven, .formerLogInvalid:
      .invalid
    case .amendmentPending, .amendmentClosed, .formerLogState, .anotherLog: .conflict
    case .notEstablished, .invitationExpired, .wrongDirection, .fingerprintMismatch, .profileMismatch,
      .sequenceRollback, .equivocated, .endpointOfAnother, .formerLogDecided, .formerLogCurrencyChanged, .logKeyChanged:
      .refused
    case .alreadyFederated, .invitationPending: .conflict
    case .bundleTooLarge: .tooLarge
    case .notAuthority, .notThePeer: .forbidden
    case .unauthenticatedPeer: .unauthenticated
    case .endpointUnreachable, .amendmentBehind: .unavailable
    case .tooManyInvitations, .pinMovesLimited, .rateLimited, .busy, .tooManyAmendments: .limited
    }
  }

  package var message: String {
    switch self {
    case .unknownPeer(let peer): "No treaty or invitation with '\(peer)'."
    case .selfPeering(let peer): "'\(peer)' is this frame itself."
    case .notEstablished(let peer, let state): "The treaty with '\(peer)' is not established (it is \(state))."
    case .alreadyFederated(let peer, let state): "There already is a treaty with '\(peer)' (\(state))."
    case .invitationPending(let peer, let id): "Invitation '\(id)' with '\(peer)' is still open."
    case .invitationExpired(let peer, let id): "Invitation '\(id)' with '\(peer)' has expired."
    case .invitationUnknown(let peer, let id): "Invitation '\(id)' is not the open one with '\(peer)'."
    case .noOpenInvitation(let peer, let state):
      "There is no open invitation of '\(peer)': the last one is \(state), and what it would be compared with is that of before."
    case .invitationInvalid(let why): "The invitation is not valid: \(why.prefix(300))."
    case .tooManyInvitations(let limit): "There are \(limit) invitations already, open or of the last hour."
    case .pinMovesLimited(let peer, let limit):
      "The bundle of '\(peer)' has changed \(limit) times within an hour; the held pin stays for now."
    case .fingerprintMismatch(let peer, let expected, let observed):
      "The bundle of '\(peer)' has fingerprint \(observed), not \(expected)."
    case .wrongDirection(let peer, let why): "That cannot be done to the invitation with '\(peer)': \(why)."
    case .sequenceRollback(let peer, let held, let received):
      "The bundle of '\(peer)' has sequence \(received), lower than the held \(held)."
    case .bundleTooLarge(let bytes, let limit): "The bundle is \(bytes) bytes; the limit is \(limit)."
    case .bundleUnusable(let peer, let why): "The bundle of '\(peer)' cannot be used: \(why.prefix(300))."
    case .descriptionInvalid(let why): "The frame description is not valid: \(why.prefix(300))."
    case .profileUnknown(let text): "'\(text.prefix(40))' is not a bundle endpoint profile."
    case .profileMismatch(let peer, let asked, let described):
      "The endpoint of '\(peer)' was asked for by \(asked.rawValue) and says that it serves by \(described.prefix(40))."
    case .notAuthority(let actor): "'\(actor)' is not this frame's authority."
    case .notThePeer(let actor, let peer): "'\(actor)' may not speak for '\(peer)'."
    case .unauthenticatedPeer(let why): "The caller is not an authenticated peer: \(why.prefix(300))."
    case .endpointUnreachable(let url, let why): "'\(url.prefix(300))' did not answer as it must: \(why.prefix(300))."
    case .endpointInvalid(let text): EndpointInvalid(text).message
    case .endpointOfAnother(let peer, let endpoint, let why):
      "Whoever answers at '\(endpoint.prefix(300))' is not '\(peer)': \(why.prefix(300))"
    case .rateLimited(let source): "Too many requests from \(source)."
    case .busy(let peer, let limit): "'\(peer)' already has \(limit) calls in progress."
    case .documentInvalid(let why): "The treaty's text is not the one that both sides signed: \(why.prefix(300))."
    case .documentMissing(let peer): "There is no signed text of the treaty with '\(peer)'."
    case .amendmentUnknown(let peer, let id): "Amendment '\(id.prefix(64))' is not the open one with '\(peer)'."
    case .amendmentPending(let peer, let id): "Amendment '\(id)' of the treaty with '\(peer)' is still open."
    case .amendmentClosed(let id, let state): "Amendment '\(id)' is \(state)."
    case .amendmentInvalid(let why): "The amendment is not valid: \(why.prefix(300))."
    case .amendmentBehind(let peer): "The treaty with '\(peer)' is not at the revision that this is about."
    case .tooManyAmendments(let peer, let limit): "'\(peer)' has proposed \(limit) amendments within an hour."
    case .equivocated(let peer, let position):
      "The treaty with '\(peer)' is stopped: its log has two histories (\(position.map { "our event \($0) keeps the proof" } ?? "the proof is not recorded yet"))."
    case .equivocationUnproven(let peer, let why):
      "The notes do not prove that the log of '\(peer)' has two histories: \(why.prefix(300))"
    case .formerLogUnknown(let name): "'\(name.prefix(300))' is neither a former log of a peer nor an open proposal."
    case .formerLogState(let log, let state): "Former log '\(log)' is \(state)."
    case .formerLogDecided(let log, let state):
      "The log of '\(log.frame)' with this key was put aside as '\(log)' and is \(state): it cannot come back."
    case .formerLogCurrencyChanged(let log):
      "'\(log.frame)' has another currency now than when '\(log)' was its log: its wrapped tokens cannot be taken over."
    case .formerLogInvalid(let why): "That cannot be done about the former log: \(why.prefix(300))"
    case .anotherLog(let peer, let whose):
      "What is asked between this frame and '\(peer)' is about another log of '\(whose)' than the treaty names."
    case .logKeyChanged(let peer, let pinned, let served):
      "'\(peer)' has another log key (\(served.prefix(120))) than its treaty says (\(pinned.prefix(120)))."
    }
  }

  package var remedy: String {
    switch self {
    case .unknownPeer: "Invite the peer first (frame peer invite), or check the name with frame peer list."
    case .selfPeering: "Name another frame."
    case .notEstablished: "Finish the handshake (frame peer show); after a revoke a new invitation is needed."
    case .profileUnknown: "Use https_spiffe or https_web."
    case .profileMismatch: "Ask the other operator which it is, and name it with --profile."
    case .alreadyFederated: "Use the treaty, or revoke it first (frame peer revoke)."
    case .invitationPending(let peer, _):
      "One of theirs: approve or reject it. One of ours: take it back (frame peer revoke \(peer)), or wait until it expires."
    case .invitationExpired: "Send a new invitation."
    case .invitationUnknown: "See the open invitation with frame peer show."
    case .noOpenInvitation:
      "Wait until its invitation arrives: one that was in the way of an old treaty is brought again within six minutes of its end; or have its operator invite again."
    case .invitationInvalid: "Update the inviting frame, or have its operator invite again."
    case .tooManyInvitations: "Reject some (frame peer reject), or wait an hour."
    case .pinMovesLimited:
      "Ask the peer's operator why. If a key of it must go at once, name the new fingerprint (frame peer repin)."
    case .fingerprintMismatch: "Compare fingerprints with the peer's operator over another channel before going on."
    case .wrongDirection: "The invited frame approves or rejects; the inviting one waits or revokes."
    case .sequenceRollback: "The peer serves an older bundle than before: ask its operator; the held pin stays."
    case .bundleTooLarge: "The peer must publish a smaller bundle."
    case .bundleUnusable: "The peer must publish at least one valid X.509 authority."
    case .descriptionInvalid: "The frame that sent it must correct its configuration."
    case .notAuthority: "Use the frame authority's token."
    case .notThePeer: "Only the peer itself may send this."
    case .unauthenticatedPeer: "Present the X.509-SVID spiffe://<frame>/node of a frame with a treaty here."
    case .endpointUnreachable: "Check the address, that the peer is running and that the network lets it through."
    case .endpointInvalid(let text): EndpointInvalid(text).remedy
    case .endpointOfAnother:
      "Ask the other operator over another channel where its frame is; if its keys have changed too, repin first."
    case .rateLimited: "Wait a minute and try again."
    case .busy: "Wait for calls to finish."
    case .documentInvalid: "Compare frame peer treaty on both sides; do not go by this text."
    case .documentMissing: "Establish the treaty first; a revoked one is in the log (frame log show)."
    case .amendmentUnknown: "See frame peer amendments."
    case .amendmentPending: "Accept or reject the peer's, or withdraw ours, first (frame peer amendments)."
    case .amendmentClosed: "Propose a new one (frame peer amend)."
    case .amendmentInvalid: "Correct what is proposed (frame peer amend --help)."
    case .amendmentBehind: "Try again in a moment: a decision about an earlier amendment is on its way."
    case .tooManyAmendments: "Wait an hour, or agree with the other operator first."
    case .equivocated:
      "Read runbooks/FramePeerEquivocation.md; once it is explained, revoke the treaty and establish a new one."
    case .equivocationUnproven: "Nothing needs to be done: the treaty goes on."
    case .formerLogUnknown: "See frame peer former-log list."
    case .formerLogState(_, FormerLog.State.proposed.rawValue):
      "It is the peer's to answer. Take the proposal back first (frame peer former-log withdraw)."
    case .formerLogState(_, Self.withdrawn):
      "Wait for the peer to confirm that it has not accepted before; seven days after the withdrawal it may be written off without."
    case .formerLogState: "See frame peer former-log show; a decision is final."
    case .formerLogDecided: "The frame needs a new log (frame init in an empty folder), and a new invitation."
    case .formerLogCurrencyChanged: "Write it off (frame peer former-log write-off)."
    case .formerLogInvalid: "Correct what was asked (frame peer former-log --help)."
    case .anotherLog:
      "One side has made its log anew: revoke the treaty on the other, and make a new one (runbooks/FrameProjectionStreamRefused.md)."
    case .logKeyChanged:
      "New keys of the bundle are not enough: its log is another. Revoke the treaty and make a new one (runbooks/FrameFormerLogUndecided.md)."
    }
  }
}

extension FederationError {
  /// - Throws: ``endpointInvalid(_:)``.
  package static func address(_ text: String) throws(FederationError) -> HostPort {
    do { return try HostPort(text) } catch { throw .endpointInvalid(error.text) }
  }

  /// - Throws: ``endpointInvalid(_:)``.
  package static func address(url: String) throws(FederationError) -> HostPort {
    do { return try HostPort(url: url) } catch { throw .endpointInvalid(error.text) }
  }
}
