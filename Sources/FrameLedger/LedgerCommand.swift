package import FrameCore
internal import FrameEvents
package import Foundation

/// What can be asked of the ledger itself; the other rooms' commands move money through it with their own events.
package enum LedgerCommand: Sendable, Equatable {
  /// The first event of a log: who the frame is and which currency it issues.
  case foundFrame(logVerifierKey: String)
  /// - purpose: "" for people's agents, "canary" for the synthetic ones.
  case registerAgent(AgentName, purpose: String)
  /// Mints native money into the treasury. The frame's authority only.
  case issue(Amount, memo: String)
  /// Destroys native money of the treasury. The frame's authority only.
  case burn(Amount, memo: String)
  /// From an agent (by that agent, plus the fee), or from the treasury (nil; by the authority, no fee).
  case transfer(from: AgentName?, to: AgentName, amount: Amount, memo: String)
  /// Up to `TransferBatch.maximumItems` transfers of one payer, all or none; each is an event of its own.
  case transferBatch(from: AgentName?, [TransferItem])
  /// Empties the fee pool into the treasury, wholly (nil) or in part. The frame's authority only.
  case collectFees(Amount?, memo: String)
  /// Sets money of `from` aside, by that agent.
  /// - id: made from the command's key, so that a repeat names the same hold.
  /// - payee: who may capture it; nil: its owner alone.
  case createHold(id: String, from: AgentName, payee: AgentName?, amount: Amount, expiry: HoldExpiry, memo: String)
  /// Pays out of a hold: by its payee or its owner; by the authority only to the payee that its owner named.
  /// - amount: nil: all that is left.
  /// - to: nil: the hold's payee.
  /// - keepRest: what is not captured stays held; else it goes back to the owner in the same step.
  case captureHold(id: String, amount: Amount?, to: AgentName?, keepRest: Bool, memo: String)
  /// Gives what is left back to the owner: by the payee or the authority; by the owner only when it named no payee.
  case releaseHold(id: String, reason: String)
  /// Ends a hold whose time is over. By the node.
  case expireHold(id: String)
  /// None of the agent's money moves out by its own commands any more. The frame's authority only.
  case freezeAgent(AgentName, reason: String)
  case unfreezeAgent(AgentName, reason: String)
  /// An audit of the log found something: nothing is issued any more. By the node.
  case reportDrift(SupplyDrift)
  /// Issuing goes on, after a full audit of `size` events. The frame's authority only.
  /// - accepted: findings of that audit that stay in the log and are known; 0 when it was clean.
  case clearDrift(size: UInt64, accepted: UInt64, note: String)

  /// SHA-256 of the command in a canonical form (for `CommandEnvelope`).
  package var digest: Data {
    switch self {
    case .foundFrame(let key): CommandDigest.of("ledger.found", key)
    case .registerAgent(let name, let purpose): CommandDigest.of("ledger.register", name.text, purpose)
    case .issue(let amount, let memo): CommandDigest.of("ledger.issue", "\(amount)", memo)
    case .burn(let amount, let memo): CommandDigest.of("ledger.burn", "\(amount)", memo)
    case .transfer(let from, let to, let amount, let memo):
      CommandDigest.of("ledger.transfer", from?.text ?? "", to.text, "\(amount)", memo)
    case .transferBatch(let from, let items):
      CommandDigest.of(
        ["ledger.transfer-batch", from?.text ?? ""] + items.flatMap { [$0.to.text, "\($0.amount)", $0.memo] })
    case .collectFees(let amount, let memo):
      CommandDigest.of("ledger.collect-fees", amount.map { "\($0)" } ?? "all", memo)
    case .createHold(let id, let from, let payee, let amount, let expiry, let memo):
      CommandDigest.of("ledger.hold", id, from.text, payee?.text ?? "", "\(amount)", expiry.canonical, memo)
    case .captureHold(let id, let amount, let to, let keepRest, let memo):
      CommandDigest.of(
        "ledger.capture", id, amount.map { "\($0)" } ?? "all", to?.text ?? "", keepRest ? "keep" : "release", memo)
    case .releaseHold(let id, let reason): CommandDigest.of("ledger.release", id, reason)
    case .expireHold(let id): CommandDigest.of("ledger.expire", id)
    case .freezeAgent(let name, let reason): CommandDigest.of("ledger.freeze", name.text, reason)
    case .unfreezeAgent(let name, let reason): CommandDigest.of("ledger.unfreeze", name.text, reason)
    case .reportDrift(let drift): CommandDigest.of("ledger.drift", "\(drift.size)", "\(drift.findings)", drift.code)
    case .clearDrift(let size, let accepted, let note):
      CommandDigest.of("ledger.drift-cleared", "\(size)", "\(accepted)", note)
    }
  }
  /// How many events it makes, at most: what it counts for in the writer's queue.
  package var weight: Int {
    if case .transferBatch(_, let items) = self { max(1, items.count) } else { 1 }
  }
}
