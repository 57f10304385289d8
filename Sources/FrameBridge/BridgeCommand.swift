package import FrameCore
package import FrameEvents
package import FrameProtos
package import FrameProjection
package import Foundation

/// What may be asked of the bridge.
package enum BridgeCommand: Sendable {
  /// Origin: lock `from`'s tokens for `recipient` at `destination`. Actor: the agent.
  case lock(id: String, destination: FrameID, from: AgentName, recipient: AgentName, amount: Amount, memo: String = "")
  /// Destination: issue wrapped tokens on a proof of the lock, whoever brings it.
  case issue(AttestedEvent)
  /// Destination: try once more what the peer's stream delivered. Actor: this node.
  case issuePending(peer: FrameID, lockID: String, log: PeerLog? = nil)
  /// Destination: burn wrapped tokens so that they return. Actor: the agent.
  case redeem(id: String, origin: FrameID, from: AgentName, recipient: AgentName, amount: Amount, memo: String = "")
  /// Origin: unlock on a proof of the redemption, whoever brings it.
  case unlock(AttestedEvent)
  case unlockPending(peer: FrameID, redeemID: String, log: PeerLog? = nil)
  /// What waited with a log that its frame has lost goes to whom it is due, once that log was decided about. Actor: this node.
  case returnItem(log: PeerLog, kind: PBFormerLogItemReturned.Kind, id: String)
  /// Stop the bridge with a peer. Actor: the authority, or this node when the two sides' statements contradict.
  case openBreaker(peer: FrameID, reason: String, detail: String)
  /// Actor: the authority only.
  case closeBreaker(peer: FrameID, note: String)

  /// The canonical form for idempotency conflicts; ids that are derived from the key are left out.
  package var digest: Data {
    switch self {
    case .lock(_, let peer, let from, let recipient, let amount, let memo):
      Self.digest("bridge.lock", peer, from, recipient, amount, memo)
    case .redeem(_, let peer, let from, let recipient, let amount, let memo):
      Self.digest("bridge.redeem", peer, from, recipient, amount, memo)
    case .issue, .issuePending, .unlock, .unlockPending, .returnItem: CommandDigest.of(derivedKey ?? "")
    case .openBreaker(let peer, let reason, _): CommandDigest.of("bridge.breaker.open", peer.name, reason)
    case .closeBreaker(let peer, let note): CommandDigest.of("bridge.breaker.close", peer.name, note)
    }
  }

  /// Without a memo it is what it was before there were memos: a retry that spans the upgrade still finds its command.
  private static func digest(
    _ kind: String, _ peer: FrameID, _ from: AgentName, _ recipient: AgentName, _ amount: Amount, _ memo: String
  ) -> Data {
    CommandDigest.of(
      [kind, peer.name, from.text, recipient.text, amount.description] + (memo.isEmpty ? [] : [memo]))
  }

  /// The key of a command that the node derives from facts: one for each lock and redemption, however it is proved.
  package var derivedKey: String? {
    switch self {
    // Ids belong to the log they are in: another one of the same frame may use them anew.
    case .issue(let attested): "bridge/issue/\(attested.log)/\(attested.event.event.lockID)"
    case .issuePending(let peer, let id, let log): "bridge/issue/\(log?.name ?? peer.name)/\(id)"
    case .unlock(let attested): "bridge/unlock/\(attested.log)/\(attested.event.event.redeemID)"
    case .unlockPending(let peer, let id, let log): "bridge/unlock/\(log?.name ?? peer.name)/\(id)"
    case .returnItem(let log, let kind, let id): "former-log/return/\(log)/\(kind.rawValue)/\(id)"
    case .lock, .redeem, .openBreaker, .closeBreaker: nil
    }
  }

  /// The id of the lock or redemption that the command with this key makes: a retry finds the same one.
  package static func id(_ kind: String, for key: IdempotencyKey) -> String {
    let digest = CommandDigest.of(kind, key.text)
    return kind + "-"
      + digest.prefix(16).map { byte in
        let hex = String(byte, radix: 16)
        return hex.utf8.count == 1 ? "0" + hex : hex
      }.joined()
  }

  /// 1 to 64 visible ASCII characters.
  package static func isID(_ text: String) -> Bool {
    (1...BridgeLimits.idBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }
}

extension BridgeState {
  /// The proof that a command brings by hand of what has not been seen here yet, as waiting or as done.
  func newProof(in command: BridgeCommand) -> AttestedEvent? {
    switch command {
    case .issue(let attested):
      let (inbound, id) = (peer(attested.origin).inbound, attested.event.event.lockID)
      return inbound.issues[id] == nil && inbound.pendingIssues[id] == nil ? attested : nil
    case .unlock(let attested):
      let (outbound, id) = (peer(attested.origin).outbound, attested.event.event.redeemID)
      return outbound.unlocks[id] == nil && outbound.pendingUnlocks[id] == nil ? attested : nil
    default: return nil
    }
  }
}
