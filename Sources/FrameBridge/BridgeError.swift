package import FrameCore

/// Why a bridge operation is not done.
package enum BridgeError: FrameError, Equatable {
  case invalidID(String)
  case amountTooLarge(Int64, of: Asset)
  case insufficientFunds(AgentName, has: Int64, needs: Int64, of: Asset)
  case unknownAgent(AgentName)
  case idInUse(String)
  case selfBridge(FrameID)
  case bridgeCap(peer: FrameID, cap: Int64, wouldBe: Int64, of: Asset)
  case overRate(peer: FrameID, rate: Int64, amount: Int64, of: Asset)
  case breakerOpen(peer: FrameID, reason: String)
  case breakerClosed(peer: FrameID)
  case noteTooLong(characters: Int)
  case memoTooLong(characters: Int)
  case notAllowed(SPIFFEID)
  case notPinnedKey(peer: FrameID)
  /// A check of DESIGN §8 refuses the proof for good; `check` is its name.
  case proofRefused(check: String, code: String)
  /// The proof holds, but it cannot be acted on now: a cap, a rate, the breaker.
  case notNow(check: String, code: String)
  /// The proof shows unbacked money; the breaker is open.
  case unbacked(peer: FrameID, code: String)
  case wrongEventType(expected: String, got: String)
  case nothingPending(String)
  case statementInvalid(peer: FrameID, why: String)
  /// The tokens were issued against a log that their origin has lost, and nothing there backs them now.
  case wrappedUnbacked(AgentName, has: Int64, needs: Int64, unbacked: Int64, of: Asset)
  /// The peer takes no locks: by the treaty it is not sent `TokensBridgeLocked`.
  case notSubscribed(peer: FrameID)

  package var code: String {
    switch self {
    case .invalidID: "invalid_bridge_id"
    case .amountTooLarge: "amount_too_large"
    case .insufficientFunds: "insufficient_funds"
    case .unknownAgent: "unknown_agent"
    case .idInUse: "bridge_id_in_use"
    case .selfBridge: "self_bridge"
    case .bridgeCap: "bridge_cap"
    case .overRate: "bridge_rate"
    case .breakerOpen: "breaker_open"
    case .breakerClosed: "breaker_closed"
    case .noteTooLong: "note_too_long"
    case .memoTooLong: "memo_too_long"
    case .notAllowed: "not_allowed"
    case .notPinnedKey: "not_pinned_key"
    case .proofRefused(_, let code), .notNow(_, let code), .unbacked(_, let code): code
    case .wrongEventType: "wrong_event_type"
    case .nothingPending: "nothing_pending"
    case .statementInvalid: "statement_invalid"
    case .notSubscribed: "peer_not_subscribed"
    case .wrappedUnbacked: "wrapped_unbacked"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .invalidID, .amountTooLarge, .selfBridge, .noteTooLong, .memoTooLong, .wrongEventType, .statementInvalid:
      .invalid
    case .insufficientFunds, .bridgeCap, .overRate, .breakerOpen, .proofRefused, .unbacked, .notSubscribed,
      .wrappedUnbacked:
      .refused
    case .notNow(_, let code): code == "bridge_rate" ? .limited : .refused
    case .unknownAgent, .nothingPending: .notFound
    case .idInUse, .breakerClosed: .conflict
    case .notAllowed, .notPinnedKey: .forbidden
    }
  }

  package var message: String {
    switch self {
    case .invalidID(let id): "'\(id.prefix(80))' is not a lock or redeem id."
    case .amountTooLarge(let amount, let asset): "\(asset.money(amount)) is more than one bridge operation may move."
    case .wrappedUnbacked(let agent, let has, let needs, let unbacked, let asset):
      "Agent '\(agent)' can redeem \(asset.money(has)) and needs \(asset.money(needs)); \(asset.money(unbacked)) are of a log that their origin has lost."
    case .insufficientFunds(let agent, let has, let needs, let asset):
      "Agent '\(agent)' has \(asset.money(has)) and needs \(asset.money(needs))."
    case .unknownAgent(let agent): "There is no agent '\(agent)' in this frame."
    case .idInUse(let id): "'\(id.prefix(80))' is in use already."
    case .selfBridge(let frame): "\(frame) is both ends of the bridge."
    case .bridgeCap(let peer, let cap, let wouldBe, let asset):
      "\(asset.money(wouldBe)) would be outstanding at \(peer); the treaty allows \(asset.money(cap))."
    case .overRate(let peer, let rate, let amount, let asset):
      "\(asset.money(amount)) is more than \(peer) lets through in a minute (\(asset.money(rate)))."
    case .breakerOpen(let peer, let reason): "The bridge with \(peer) is stopped (\(reason))."
    case .breakerClosed(let peer): "The breaker of the bridge with \(peer) is not open."
    case .noteTooLong(let characters): TextLimit.reason.excess("note", characters)
    case .memoTooLong(let characters): TextLimit.memo.excess("memo", characters)
    case .notAllowed(let actor): "\(actor) may not do this."
    case .notPinnedKey(let peer): "The proof is not signed by the log key that the treaty with \(peer) pins."
    case .proofRefused(let check, let code): "The proof fails the check '\(check)' (\(code))."
    case .notNow(let check, let code): "The proof holds but cannot be acted on now: check '\(check)' (\(code))."
    case .unbacked(let peer, let code): "The proof from \(peer) shows unbacked money (\(code)); the bridge is stopped."
    case .wrongEventType(let expected, let got): "The proof is of a \(got) event; \(expected) is needed."
    case .nothingPending(let id): "Nothing waits under '\(id.prefix(80))'."
    case .notSubscribed(let peer): "By the treaty \(peer) issues no more of this frame's money."
    case .statementInvalid(let peer, let why): "The reserve statement of \(peer) cannot be used: \(why.prefix(160))."
    }
  }

  package var remedy: String {
    switch self {
    case .invalidID: "Use 1 to 64 visible ASCII characters."
    case .amountTooLarge: "Split it."
    case .wrappedUnbacked:
      "While that log is undecided, wait for both operators (frame peer former-log list). What was written off stays without backing: redeem what the present log backs."
    case .insufficientFunds: "Fund the agent or use a smaller amount."
    case .unknownAgent: "Check the name, or register the agent first."
    case .idInUse: "Use a new id."
    case .selfBridge: "Name a peer frame."
    case .bridgeCap: "Wait until tokens return, or agree on a higher cap."
    case .overRate: "Split it into smaller amounts."
    case .breakerOpen, .unbacked:
      "See the runbook FrameBridgeImbalance; an operator closes the breaker when it is explained."
    case .breakerClosed: "Nothing needs to be done."
    case .noteTooLong, .memoTooLong: "Shorten it."
    case .notAllowed: "Use the credentials of the agent whose tokens move, or of the authority for the breaker."
    case .notPinnedKey: "Use a proof from the peer's log as the treaty knows it."
    case .proofRefused, .wrongEventType: "Fetch the attestation of the right event from the frame that holds it."
    case .notNow: "Retry later; the node itself keeps trying what its peer's stream has delivered."
    case .nothingPending: "Check the id; it may be done already."
    case .notSubscribed: "Ask the peer's operator to subscribe to TokensBridgeLocked (frame peer amend)."
    case .statementInvalid: "Speak with the peer's operator if it stays so."
    }
  }
}
