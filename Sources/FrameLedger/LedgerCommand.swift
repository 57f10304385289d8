package import FrameCore
internal import FrameLog
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

  /// SHA-256 of the command in a canonical form (for `CommandEnvelope`).
  package var digest: Data {
    switch self {
    case .foundFrame(let key): CommandDigest.of("ledger.found", key)
    case .registerAgent(let name, let purpose): CommandDigest.of("ledger.register", name.text, purpose)
    case .issue(let amount, let memo): CommandDigest.of("ledger.issue", "\(amount)", memo)
    case .burn(let amount, let memo): CommandDigest.of("ledger.burn", "\(amount)", memo)
    case .transfer(let from, let to, let amount, let memo):
      CommandDigest.of("ledger.transfer", from?.text ?? "", to.text, "\(amount)", memo)
    }
  }
}
