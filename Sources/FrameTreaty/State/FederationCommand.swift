import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// What can happen to a treaty. Operator commands need the frame's authority as actor, peer commands the peer's own node
/// identity, and the rest this node's.
package enum FederationCommand: Sendable {
  // The operator
  case requestOutgoing(
    invitationID: String, ours: PBFrameDescription, theirs: PBFrameDescription, pin: PinnedBundle, expires: FrameTime)
  /// - fingerprint: what the operator saw and accepts; `pin` is what the inviter's endpoint served just now.
  case approve(peer: FrameID, fingerprint: String, ours: PBFrameDescription, pin: PinnedBundle)
  case reject(peer: FrameID, reason: String)
  case revoke(peer: FrameID, reason: String)
  /// Trusts a bundle that the pinned one does not vouch for, because the operator named its fingerprint.
  case repin(peer: FrameID, fingerprint: String, pin: PinnedBundle)

  // The peer
  /// - pin: the bundle presented inside the invitation, whose key signed it.
  /// - ours: how we would describe ourselves when our own invitation to the same peer turns out to have crossed it.
  /// - source: the network it came from, or "".
  /// - read: invitations that an operator has looked at, by id: they make room for no other.
  case receiveIncoming(
    invitationID: String, theirs: PBFrameDescription, pin: PinnedBundle, expires: FrameTime, ours: PBFrameDescription,
    source: String = "", read: Set<String> = [])
  /// - document: the treaty, signed by both.
  case peerApproved(
    peer: FrameID, invitationID: String, approver: PBFrameDescription, ourFingerprint: String, document: Data)
  case peerRejected(peer: FrameID, invitationID: String, reason: String)
  case peerRevoked(peer: FrameID, reason: String)

  // The node
  /// The inviter answered our approval with its final description and the treaty, signed by both.
  case establish(peer: FrameID, invitationID: String, inviter: PBFrameDescription, document: Data)
  /// The inviter no longer knows the invitation that we approved.
  case approvalRefused(peer: FrameID, invitationID: String, reason: String)
  /// A refresh that the held pin vouched for.
  case rotatePin(peer: FrameID, pin: PinnedBundle)
  /// The peer's log has shown two histories.
  case reportEquivocation(peer: FrameID, proof: EquivocationProof)

  /// What stands towards a log that a peer has lost (decision 0034).
  case formerLog(peer: FrameID, FormerLogCommand)
  /// A treaty was established with another log by a version that did not book what stood towards the one before.
  case bookFormerLog(PeerLog)

  /// New terms: see ``AmendmentCommand`` for whose word each is.
  case amendment(peer: FrameID, AmendmentCommand)

  /// The frame the command is about.
  package var peerName: String {
    switch self {
    case .requestOutgoing(_, _, let theirs, _, _): theirs.frameID
    case .receiveIncoming(_, let theirs, _, _, _, _, _): theirs.frameID
    case .approve(let peer, _, _, _), .reject(let peer, _), .revoke(let peer, _), .peerApproved(let peer, _, _, _, _),
      .peerRejected(let peer, _, _), .peerRevoked(let peer, _), .establish(let peer, _, _, _),
      .approvalRefused(let peer, _, _), .rotatePin(let peer, _), .repin(let peer, _, _), .amendment(let peer, _),
      .reportEquivocation(let peer, _), .formerLog(let peer, _):
      peer.name
    case .bookFormerLog(let log): log.frame.name
    }
  }

  /// Who says what the handshake submits by itself: what a peer has answered is the peer's word, the rest is the node's.
  package func speaker(at frame: FrameID) -> SPIFFEID {
    if case .amendment(let peer, _) = self { return .node(of: peer) }
    return .node(of: frame)
  }

  /// SHA-256 over what the caller chose (not over what the node looked up): the digest for idempotency conflicts.
  package var digest: Data {
    switch self {
    case .requestOutgoing(_, _, let theirs, _, _): CommandDigest.of("ws3.request", theirs.frameID)
    case .approve(let peer, let fingerprint, _, _): CommandDigest.of("ws3.approve", peer.name, fingerprint)
    case .reject(let peer, let reason): CommandDigest.of("ws3.reject", peer.name, reason)
    case .revoke(let peer, let reason): CommandDigest.of("ws3.revoke", peer.name, reason)
    case .receiveIncoming(let id, let theirs, _, _, _, _, _): CommandDigest.of("ws3.receive", theirs.frameID, id)
    case .repin(let peer, let fingerprint, _): CommandDigest.of("ws3.repin", peer.name, fingerprint)
    case .peerApproved(let peer, let id, _, _, _): CommandDigest.of("ws3.peer-approved", peer.name, id)
    case .peerRejected(let peer, let id, _): CommandDigest.of("ws3.peer-rejected", peer.name, id)
    case .peerRevoked(let peer, _): CommandDigest.of("ws3.peer-revoked", peer.name)
    case .establish(let peer, let id, _, _): CommandDigest.of("ws3.establish", peer.name, id)
    case .approvalRefused(let peer, let id, _): CommandDigest.of("ws3.approval-refused", peer.name, id)
    case .reportEquivocation(let peer, let proof):
      CommandDigest.of("ws3.equivocation", peer.name, proof.first, proof.second)
    case .rotatePin(let peer, let pin):
      CommandDigest.of("ws3.rotate", peer.name, pin.fingerprint, String(pin.sequence))
    case .amendment(let peer, let command): command.digest(peer)
    case .formerLog(let peer, let command): command.digest(peer)
    case .bookFormerLog(let log): CommandDigest.of("ws3.book-former-log", log.name)
    }
  }
}

/// How the federation's shells reach the one writer.
package typealias FederationWriter = RoomWriter<FederationState, FederationCommand>
