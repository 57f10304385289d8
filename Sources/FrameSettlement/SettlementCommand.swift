package import FrameCore
package import FrameEvents
package import FrameProtos
package import Foundation

/// What may be asked of the settlement room.
package enum SettlementCommand: Sendable {
  /// 2pc, origin: hold the money. Actor: the agent that pays.
  case lock(TransferTerms, deadline: FrameTime)
  /// 2pc, origin: the destination credited it. Actor: this node.
  case commit(transferID: String, peer: FrameID, creditedAmount: Int64, peerPosition: UInt64)
  /// 2pc, origin: the destination refused it. Actor: this node.
  case abort(transferID: String, peer: FrameID, reason: String)
  /// async, origin, after the treaty has ended: what the destination says it has on record. Actor: this node.
  case conclude(transferID: String, peer: FrameID, PBTransferDecision)
  /// async, origin: debit and announce. Actor: the agent that pays.
  case initiate(TransferTerms)
  /// 2pc, destination: credit or refuse, for good. Actor: the peer's node.
  case credit(PBTransferTerms, peer: FrameID, log: PeerLog? = nil)
  /// 2pc, destination: asked for an outcome: refuse, for good, what was never seen (presumed abort). Actor: the peer's
  /// node.
  case refuseUnknown(transferID: String, peer: FrameID, log: PeerLog? = nil)
  /// Origin: give back what is under way towards a former log, once it is decided about. Actor: this node.
  case giveBack(transferID: String, log: PeerLog)

  /// The canonical form for idempotency conflicts. Transfer ids that are derived from the key are left out.
  package var digest: Data {
    switch self {
    case .lock(let terms, _): Self.digest(of: terms, "2pc")
    case .initiate(let terms): Self.digest(of: terms, "async")
    case .commit(let id, let peer, _, _): CommandDigest.of("commit", peer.name, id)
    case .abort(let id, let peer, _): CommandDigest.of("abort", peer.name, id)
    case .conclude(let id, let peer, _): CommandDigest.of("conclude", peer.name, id)
    case .credit(let terms, let peer, _):
      CommandDigest.of(
        "credit", peer.name, terms.transferID, terms.from, terms.to, terms.asset.origin, terms.asset.code,
        String(terms.asset.scale), String(terms.amount), terms.memo)
    case .refuseUnknown(let id, let peer, _): CommandDigest.of("resolve", peer.name, id)
    case .giveBack(let id, let log): CommandDigest.of("give-back", log.name, id)
    }
  }

  /// The key of a command that the node derives from facts; nil for those whose key the caller chose.
  ///
  /// A decision of the destination has one key whether it was brought about by a credit or by a question, but the writer
  /// compares digests: the state, not the key, is what makes a second one harmless, so each has its own.
  package var derivedKey: String? {
    switch self {
    case .lock, .initiate: nil
    case .commit(let id, let peer, _, _): "2pc/commit/\(peer)/\(id)"
    case .abort(let id, let peer, _): "2pc/abort/\(peer)/\(id)"
    case .conclude(let id, let peer, _): "async/conclude/\(peer)/\(id)"
    // A transfer id belongs to the log of its origin: another one of the same frame may use it anew.
    case .credit(let terms, let peer, let log): "2pc/credit/\(log?.name ?? peer.name)/\(terms.transferID)"
    case .refuseUnknown(let id, let peer, let log): "2pc/resolve/\(log?.name ?? peer.name)/\(id)"
    case .giveBack(let id, let log): "former-log/give-back/\(log)/\(id)"
    }
  }

  /// By what an earlier refusal of the same transfer is found (``SettlementState/subject(of:)``).
  package var subject: String? {
    switch self {
    case .credit(let terms, let peer, _): SettlementState.subject(terms.transferID, from: peer.name)
    case .refuseUnknown(let id, let peer, _): SettlementState.subject(id, from: peer.name)
    case .lock, .initiate, .commit, .abort, .conclude, .giveBack: nil
    }
  }

  private static func digest(of terms: TransferTerms, _ backend: String) -> Data {
    CommandDigest.of(
      "transfer", backend, terms.from.text, terms.to.text, terms.destination.name, terms.asset.code,
      String(terms.amount.minorUnits), terms.memo)
  }
}
