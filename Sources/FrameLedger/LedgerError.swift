package import FrameCore

/// What somebody wanted with a hold and has no right to.
package enum HoldRight: Hashable, Sendable {
  /// To capture one that names no payee: nobody but its owner says who gets the money.
  case captureWithoutPayee
  /// To take one back before its time that names a payee: to the payee it is a promise.
  case takeBack
  /// Anything: whoever asks is no party to it.
  case anything

  var remedy: String {
    switch self {
    case .captureWithoutPayee:
      "It names no payee: only its owner may capture it, with the owner's own token. The authority may release it."
    case .takeBack: "It is promised to its payee until it expires: its payee or the authority may release it before."
    case .anything: "Use the token of its owner, of its payee, or of the authority."
    }
  }
}

/// What the ledger refuses.
package enum LedgerError: FrameError, Hashable {
  case insufficientFunds(account: String, balance: Int64, needed: Int64, of: Asset)
  case unknownAgent(String)
  case agentExists(String)
  /// The word means something of the frame's own.
  case reservedName(String)
  /// Only the frame's authority may do this.
  case notAuthority(String)
  /// The actor is not the agent whose money it is.
  case notOwner(actor: String, agent: String)
  case sameAccount(String)
  case alreadyFounded(String)
  /// The log is this frame's, and says something else about it than the configuration does.
  case foundedOtherwise(what: String, log: String, configured: String)
  /// All of the fee pool is wanted, and there is nothing in it.
  case nothingToCollect
  case memoTooLong(characters: Int)
  case invalidFeeRule(FeeRule.Terms)
  case holdExpiryInvalid(seconds: Int64)
  case unknownHold(String)
  /// It has ended already: captured, released or expired.
  case holdEnded(String, state: String)
  /// Its time is over; the money is on its way back to its owner.
  case holdExpired(String, at: String)
  /// Neither the hold's owner nor its payee nor the authority, or not for this.
  case holdNotYours(String, actor: String, HoldRight = .anything)
  case holdPayee(String, payee: String, named: String)
  case holdExceeded(String, remaining: Int64, wanted: Int64, of: Asset)
  case holdIDInUse(String)
  case tooManyHolds(agent: String, limit: Int)
  /// The authority has frozen the agent: none of its money moves out by its own commands.
  case agentFrozen(String, reason: String)
  /// An audit found something: nothing is issued until the authority has cleared it.
  case supplyFrozen(code: String, size: UInt64)
  case supplyNotFrozen
  /// The audit that was looked at is older than the finding.
  case auditTooOld(size: UInt64, finding: UInt64)
  /// The emission policy does not let this actor emit this event.
  case emissionForbidden(event: String, actor: String)
  /// The event's postings are not what its type and payload allow (CONFORMANCE B14).
  case postingsRefused(event: String, why: String)
  /// An asset's postings do not sum to zero.
  case unbalanced(event: String, asset: String, sum: String)
  case balanceOverflow(account: String)

  /// The codes of what the guard refuses, in every room's events.
  package static let guardCodes = [
    "agent_frozen", "balance_overflow", "emission_forbidden", "hold_id_in_use", "insufficient_funds", "not_owner",
    "not_your_hold", "postings_refused", "postings_unbalanced", "supply_frozen", "unknown_agent",
  ]

  package var code: String {
    switch self {
    case .insufficientFunds: "insufficient_funds"
    case .unknownAgent: "unknown_agent"
    case .agentExists: "agent_exists"
    case .reservedName: "reserved_name"
    case .notAuthority: "not_authority"
    case .notOwner: "not_owner"
    case .sameAccount: "same_account"
    case .alreadyFounded: "already_founded"
    case .foundedOtherwise: "founded_otherwise"
    case .nothingToCollect: "nothing_to_collect"
    case .memoTooLong: "memo_too_long"
    case .invalidFeeRule: "invalid_fee_rule"
    case .holdExpiryInvalid: "invalid_hold_expiry"
    case .unknownHold: "unknown_hold"
    case .holdEnded: "hold_ended"
    case .holdExpired: "hold_expired"
    case .holdNotYours: "not_your_hold"
    case .holdPayee: "hold_payee"
    case .holdExceeded: "hold_exceeded"
    case .holdIDInUse: "hold_id_in_use"
    case .tooManyHolds: "too_many_holds"
    case .agentFrozen: "agent_frozen"
    case .supplyFrozen: "supply_frozen"
    case .supplyNotFrozen: "supply_not_frozen"
    case .auditTooOld: "audit_too_old"
    case .emissionForbidden: "emission_forbidden"
    case .postingsRefused: "postings_refused"
    case .unbalanced: "postings_unbalanced"
    case .balanceOverflow: "balance_overflow"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .insufficientFunds, .balanceOverflow, .holdExceeded, .holdExpired, .tooManyHolds, .supplyFrozen: .refused
    case .unknownAgent, .unknownHold: .notFound
    case .nothingToCollect: .refused
    case .agentExists, .alreadyFounded, .foundedOtherwise, .holdEnded, .holdIDInUse, .supplyNotFrozen, .auditTooOld:
      .conflict
    case .notAuthority, .notOwner, .emissionForbidden, .holdNotYours, .agentFrozen: .forbidden
    case .sameAccount, .memoTooLong, .reservedName, .invalidFeeRule, .holdExpiryInvalid, .holdPayee: .invalid
    // A room drafted what it must not: our defect, never the caller's.
    case .postingsRefused, .unbalanced: .internal
    }
  }

  package var message: String {
    switch self {
    case .insufficientFunds(let account, let balance, let needed, let asset):
      "Account \(account) holds \(asset.money(balance)); \(asset.money(needed)) are needed."
    case .unknownAgent(let name): "There is no agent '\(name)' in this frame."
    case .agentExists(let name): "An agent '\(name)' exists already."
    case .reservedName(let name): "'\(name)' would be taken for something of the frame's own."
    case .notAuthority(let actor): "'\(actor)' is not this frame's authority."
    case .notOwner(let actor, let agent): "'\(actor)' may not spend the money of agent '\(agent)'."
    case .sameAccount(let name): "'\(name)' cannot pay itself."
    case .alreadyFounded(let frame): "This log belongs to frame '\(frame)' already."
    case .foundedOtherwise(let what, let log, let configured):
      "This log was founded with \(what) \(log); the configuration says \(configured)."
    case .nothingToCollect: "There is nothing to collect: the fee pool is empty."
    case .memoTooLong(let characters): TextLimit.memo.excess("memo", characters)
    case .invalidFeeRule(let terms): "A fee of \(terms) is not allowed."
    case .holdExpiryInvalid(let seconds):
      "A hold that ends in \(seconds) seconds is not allowed; 1 to \(HoldLimits.secondsMax) are."
    case .unknownHold(let id): "There is no hold '\(id.prefix(80))' here."
    case .holdEnded(let id, let state): "Hold '\(id)' has ended already: \(state)."
    case .holdExpired(let id, let time): "Hold '\(id)' expired at \(time)."
    case .holdNotYours(let id, let actor, _): "'\(actor)' may not do this with hold '\(id)'."
    case .holdPayee(let id, let payee, let named):
      payee.isEmpty
        ? "Hold '\(id)' names no payee and the capture names none."
        : "Hold '\(id)' is for '\(payee)', not for '\(named)'."
    case .holdExceeded(let id, let remaining, let wanted, let asset):
      "Hold '\(id)' has \(asset.money(remaining)) left; \(asset.money(wanted)) are wanted."
    case .holdIDInUse(let id): "There is a hold '\(id)' already."
    case .tooManyHolds(let agent, let limit): "Agent '\(agent)' has \(limit) open holds, the most there may be."
    case .agentFrozen(let name, let reason): "Agent '\(name)' is frozen: \(reason)."
    case .supplyFrozen(let code, let size):
      "Nothing is issued: the audit of \(size) events found '\(code)' in this frame's log."
    case .supplyNotFrozen: "Issuing is not frozen."
    case .auditTooOld(let size, let finding): "The audit covers \(size) events; the finding is from \(finding)."
    case .emissionForbidden(let event, let actor): "'\(actor)' may not emit \(event)."
    case .postingsRefused(let event, let why): "The postings of \(event) are refused: \(why)."
    case .unbalanced(let event, let asset, let sum): "The postings of \(event) sum to \(sum) in \(asset), not to 0."
    case .balanceOverflow(let account): "The balance of \(account) would be more than an account can hold."
    }
  }

  package var remedy: String {
    switch self {
    case .insufficientFunds(AccountRef.treasury.description, _, _, _):
      "Put money into the treasury first (frame issue makes it, frame fees collect brings the fees there), or use a smaller amount."
    case .insufficientFunds: "Fund the account, or use a smaller amount (the fee counts)."
    case .unknownAgent: "Register the agent first, or check its name."
    case .reservedName: "Choose another name, for example one that says whose agent it is."
    case .agentExists: "Use another name, or the existing agent."
    case .notAuthority: "Use a token of the frame's authority."
    case .notOwner: "Use that agent's own token."
    case .sameAccount: "Name another receiver."
    case .alreadyFounded: "Use another data directory for another frame."
    case .foundedOtherwise: "Set it back in frame.yaml (or restore the keys): it is fixed for the life of the log."
    case .nothingToCollect: "Nothing needs to be done."
    case .memoTooLong: "Shorten the memo."
    case .invalidFeeRule:
      "Use 0 to 10000 basis points, parts of 0 or more, and a maximum that is not below the minimum."
    case .holdExpiryInvalid: "Name a time that is ahead, at most 366 days."
    case .unknownHold: "Use the id that creating the hold returned; of ended holds only the latest are remembered."
    case .holdEnded: "Nothing is left to do; make a new hold if one is needed."
    case .holdExpired: "Make a new hold; the money is back with its owner."
    case .holdNotYours(_, _, let right): right.remedy
    case .holdPayee: "Name the agent that the hold is for, or leave it out when the hold names one."
    case .holdExceeded: "Capture at most what remains."
    case .holdIDInUse: "Use a new Idempotency-Key for a new hold."
    case .tooManyHolds: "Capture or release some of them, or wait for them to expire."
    case .agentFrozen: "Ask the frame's authority; frame agent unfreeze lifts it."
    case .supplyFrozen: "Follow the runbook FrameSupplyFrozen; frame audit clear lifts it after a full audit."
    case .supplyNotFrozen: "Nothing is to be cleared."
    case .auditTooOld: "Run the full audit again."
    case .emissionForbidden: "Use an identity that the emission policy allows for this."
    case .postingsRefused, .unbalanced: "Nothing was changed; report this with the node's log."
    case .balanceOverflow: "Use a smaller amount."
    }
  }
}
