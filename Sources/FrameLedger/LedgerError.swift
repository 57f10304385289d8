package import FrameCore

/// What the ledger refuses.
package enum LedgerError: FrameError, Hashable {
  case insufficientFunds(account: String, balance: Int64, needed: Int64)
  case unknownAgent(String)
  case agentExists(String)
  /// Only the frame's authority may do this.
  case notAuthority(String)
  /// The actor is not the agent whose money it is.
  case notOwner(actor: String, agent: String)
  case sameAccount(String)
  case alreadyFounded(String)
  case memoTooLong(bytes: Int)
  case invalidFeeRule(basisPoints: Int64, fixed: Int64)
  /// The emission policy does not let this actor emit this event.
  case emissionForbidden(event: String, actor: String)
  /// The event's postings are not what its type and payload allow (CONFORMANCE B14).
  case postingsRefused(event: String, why: String)
  /// An asset's postings do not sum to zero.
  case unbalanced(event: String, asset: String, sum: String)
  case balanceOverflow(account: String)

  package static let maximumMemoBytes = 512

  package var code: String {
    switch self {
    case .insufficientFunds: "insufficient_funds"
    case .unknownAgent: "unknown_agent"
    case .agentExists: "agent_exists"
    case .notAuthority: "not_authority"
    case .notOwner: "not_owner"
    case .sameAccount: "same_account"
    case .alreadyFounded: "already_founded"
    case .memoTooLong: "memo_too_long"
    case .invalidFeeRule: "invalid_fee_rule"
    case .emissionForbidden: "emission_forbidden"
    case .postingsRefused: "postings_refused"
    case .unbalanced: "postings_unbalanced"
    case .balanceOverflow: "balance_overflow"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .insufficientFunds, .balanceOverflow: .refused
    case .unknownAgent: .notFound
    case .agentExists, .alreadyFounded: .conflict
    case .notAuthority, .notOwner, .emissionForbidden: .forbidden
    case .sameAccount, .memoTooLong, .invalidFeeRule: .invalid
    // A room drafted what it must not: our defect, never the caller's.
    case .postingsRefused, .unbalanced: .internal
    }
  }

  package var message: String {
    switch self {
    case .insufficientFunds(let account, let balance, let needed):
      "Account \(account) holds \(balance) minor units; \(needed) are needed."
    case .unknownAgent(let name): "There is no agent '\(name)' in this frame."
    case .agentExists(let name): "An agent '\(name)' exists already."
    case .notAuthority(let actor): "'\(actor)' is not this frame's authority."
    case .notOwner(let actor, let agent): "'\(actor)' may not spend the money of agent '\(agent)'."
    case .sameAccount(let name): "'\(name)' cannot pay itself."
    case .alreadyFounded(let frame): "This log belongs to frame '\(frame)' already."
    case .memoTooLong(let bytes): "The memo has \(bytes) bytes; the limit is \(Self.maximumMemoBytes)."
    case .invalidFeeRule(let points, let fixed): "A fee of \(points) basis points plus \(fixed) is not allowed."
    case .emissionForbidden(let event, let actor): "'\(actor)' may not emit \(event)."
    case .postingsRefused(let event, let why): "The postings of \(event) are refused: \(why)."
    case .unbalanced(let event, let asset, let sum): "The postings of \(event) sum to \(sum) in \(asset), not to 0."
    case .balanceOverflow(let account): "The balance of \(account) would not fit in 64-bit minor units."
    }
  }

  package var remedy: String {
    switch self {
    case .insufficientFunds: "Fund the account, or use a smaller amount (the fee counts)."
    case .unknownAgent: "Register the agent first, or check its name."
    case .agentExists: "Use another name, or the existing agent."
    case .notAuthority: "Use a token of the frame's authority."
    case .notOwner: "Use that agent's own token."
    case .sameAccount: "Name another receiver."
    case .alreadyFounded: "Use another data directory for another frame."
    case .memoTooLong: "Shorten the memo."
    case .invalidFeeRule: "Use 0 to 10000 basis points and a fixed part of 0 or more."
    case .emissionForbidden: "Use an identity that the emission policy allows for this."
    case .postingsRefused, .unbalanced: "Nothing was changed; report this with the node's log."
    case .balanceOverflow: "Use a smaller amount."
    }
  }
}
