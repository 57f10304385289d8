package import FrameCore

/// Why a transfer cannot be made, or a step of one cannot be taken.
package enum SettlementError: FrameError, Equatable {
  case invalidTransferID(String)
  case memoTooLong(characters: Int)
  case amountTooLarge(Int64, of: Asset)
  case wrongAsset(named: String, expected: String)
  case selfTransfer(FrameID)
  /// The amount has no exact value at the destination's scale (CONFORMANCE B18).
  case amountNotRepresentable(Int64, of: Asset, in: Asset)
  case insufficientFunds(AgentName, has: Int64, needs: Int64, of: Asset)
  case unknownAgent(AgentName)
  case netDebitCap(peer: FrameID, cap: Int64, wouldBe: Int64, of: Asset)
  case amountOverflow(Int64, of: Asset)
  /// The actor is neither the agent that pays nor who may take this step.
  case notAllowed(SPIFFEID)
  /// The terms name another frame than the one that sent them (CONFORMANCE B9, B11).
  case wrongOrigin(named: String, caller: FrameID)
  case notAddressedHere(named: String)
  case unknownTransfer(String)
  /// The id is known with other terms.
  case transferConflict(String)
  /// The step contradicts the outcome that is on record (CONFORMANCE B2: exactly one of captured, released).
  case alreadyDecided(String, state: String)
  case creditedAmountMismatch(String, expected: Int64, got: Int64)
  case tooManyRefusals(peer: FrameID)
  /// The peer does not take async transfers: by the treaty it is not sent `CrossFrameTransferInitiated`.
  case notSubscribed(FrameID)
  case malformedDecision(peer: FrameID, why: String)
  /// The transfer is with a log that its frame has lost or left; what becomes of it, operators decide (decision 0034).
  case ofFormerLog(String)
  /// The command was made for another log of the peer than the present one.
  case logHasChanged(FrameID)

  package var code: String {
    switch self {
    case .invalidTransferID: "invalid_transfer_id"
    case .memoTooLong: "memo_too_long"
    case .amountTooLarge: "amount_too_large"
    case .wrongAsset: "wrong_asset"
    case .selfTransfer: "self_transfer"
    case .amountNotRepresentable: "amount_not_representable"
    case .insufficientFunds: "insufficient_funds"
    case .unknownAgent: "unknown_agent"
    case .netDebitCap: "net_debit_cap"
    case .amountOverflow: "amount_overflow"
    case .notAllowed: "not_allowed"
    case .wrongOrigin: "wrong_origin"
    case .notAddressedHere: "not_addressed_here"
    case .unknownTransfer: "unknown_transfer"
    case .transferConflict: "transfer_conflict"
    case .alreadyDecided: "already_decided"
    case .creditedAmountMismatch: "credited_amount_mismatch"
    case .tooManyRefusals: "too_many_refusals"
    case .notSubscribed: "peer_not_subscribed"
    case .malformedDecision: "malformed_decision"
    case .ofFormerLog: "of_former_log"
    case .logHasChanged: "peer_log_has_changed"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .invalidTransferID, .memoTooLong, .amountTooLarge, .amountNotRepresentable, .wrongAsset, .selfTransfer,
      .malformedDecision:
      .invalid
    case .insufficientFunds, .netDebitCap, .amountOverflow, .notSubscribed: .refused
    case .unknownAgent, .unknownTransfer: .notFound
    case .notAllowed, .wrongOrigin, .notAddressedHere: .forbidden
    case .transferConflict, .alreadyDecided, .creditedAmountMismatch, .ofFormerLog, .logHasChanged: .conflict
    case .tooManyRefusals: .limited
    }
  }

  package var message: String {
    switch self {
    case .invalidTransferID(let id): "'\(id.prefix(80))' is not a transfer id."
    case .memoTooLong(let characters): TextLimit.memo.excess("memo", characters)
    case .amountTooLarge(let amount, let asset): "\(asset.money(amount)) is more than one transfer may move."
    case .wrongAsset(let named, let expected):
      "The terms name \(named.prefix(80)); the money of the origin is \(expected)."
    case .selfTransfer(let frame): "\(frame) is both origin and destination."
    case .amountNotRepresentable(let amount, let from, let to):
      "\(from.money(amount)) has no exact value in \(to), which has \(to.scale) decimal places."
    case .insufficientFunds(let agent, let has, let needs, let asset):
      "Agent '\(agent)' has \(asset.money(has)) and needs \(asset.money(needs))."
    case .unknownAgent(let agent): "There is no agent '\(agent)' in this frame."
    case .netDebitCap(let peer, let cap, let wouldBe, let asset):
      "The net debt of \(peer) would be \(asset.money(wouldBe)); the treaty allows \(asset.money(cap))."
    case .amountOverflow(let amount, let asset): "A balance cannot hold \(asset.money(amount)) more."
    case .notAllowed(let actor): "\(actor) may not do this."
    case .wrongOrigin(let named, let caller): "\(caller) sent terms whose origin is '\(named.prefix(80))'."
    case .notAddressedHere(let named): "The terms are addressed to '\(named.prefix(80))'."
    case .unknownTransfer(let id): "There is no transfer '\(id.prefix(80))'."
    case .transferConflict(let id): "Transfer '\(id.prefix(80))' is known with other terms."
    case .alreadyDecided(let id, let state): "Transfer '\(id.prefix(80))' is \(state) already."
    case .creditedAmountMismatch(let id, let expected, let got):
      "The peer says that it credited another amount for transfer '\(id.prefix(80))' than its terms give (of its smallest unit \(got), and \(expected) were due)."
    case .tooManyRefusals(let peer): "\(peer) had too many transfers refused within a minute."
    case .notSubscribed(let peer): "By the treaty \(peer) takes no async transfers from this frame."
    case .ofFormerLog(let id): "Transfer '\(id.prefix(80))' is with a log that the peer has lost, or is not under way."
    case .logHasChanged(let peer): "\(peer) has another log now."
    case .malformedDecision(let peer, let why): "The decision \(peer) sent cannot be used: \(why.prefix(160))."
    }
  }

  package var remedy: String {
    switch self {
    case .invalidTransferID: "Use 1 to 64 visible ASCII characters."
    case .memoTooLong: "Shorten the memo."
    case .amountTooLarge: "Split the transfer."
    case .wrongAsset: "Send the native money of the origin; wrapped tokens return over the bridge."
    case .selfTransfer: "Use a transfer inside the frame."
    case .amountNotRepresentable: "Use an amount that both currencies can express."
    case .insufficientFunds: "Fund the agent or send less."
    case .unknownAgent: "Check the name, or register the agent first."
    case .netDebitCap: "Wait until money flows the other way, or agree on a higher cap."
    case .amountOverflow: "Send less."
    case .notAllowed: "Use the credentials of the agent that pays."
    case .wrongOrigin, .notAddressedHere: "A frame can only speak for itself, and only to whom the terms name."
    case .unknownTransfer: "Check the id; it is in the receipt."
    case .transferConflict: "Use a new transfer id."
    case .alreadyDecided: "Nothing is left to do: the outcome on record stands."
    case .creditedAmountMismatch, .malformedDecision:
      "The transfer stays in doubt until the peer answers truly: speak with its operator."
    case .tooManyRefusals, .logHasChanged: "Retry later."
    case .ofFormerLog: "It waits for a decision about that log: see frame peer former-log list."
    case .notSubscribed:
      "Use the backend 2pc, or ask the peer's operator to subscribe to CrossFrameTransferInitiated (frame peer amend)."
    }
  }
}

extension SettlementError {
  /// What the sender of a transfer can do that its peer has refused for `reason`; the sender's own frame says it, since of the peer's
  /// answer only the code is kept.
  package static func remedy(ofRefusal reason: String, by peer: FrameID) -> String {
    let again = "with a new Idempotency-Key"
    guard reason == "net_debit_cap" else { return "Correct what the reason names and send it again \(again)." }
    return
      "The sender cannot change this: the treaty says how much this frame may owe \(peer). Send less, or send it again \(again) once money has come the other way; only the two frames' operators can agree on a higher cap (frame peer amend \(peer) --peer-net-debit-cap)."
  }
}
