internal import FrameCore
internal import FrameLog
internal import FrameProtos

/// The event that comes by the million: an agent of the frame pays another one out of its own liquid money, and the fee.
///
/// All checks of `LedgerGuard` in one pass, without building what they build: the postings must be, one by one, those that
/// the event's own words give. It only ever says yes to what the guard itself would let through (a property test holds the
/// two against each other); whatever is out of the ordinary, a refusal included, is the guard's to decide.
enum PlainPayment {
  static func holds(_ draft: EventDraft, actor: SPIFFEID, in ledger: LedgerState) -> Bool {
    guard case .tokensTransferred(let payment) = draft.payload else { return false }
    // Nothing is frozen, and no tenant's licence bounds what the agent may do.
    guard ledger.frozenAgents == 0, ledger.drift == nil, !ledger.operators.hasAny else { return false }
    // Its own money, of an agent of this frame, to another one of this frame.
    guard payment.from != payment.to, actor.isAgent(payment.from, of: ledger.frame) else { return false }
    let (total, overflow) = payment.amount.addingReportingOverflow(payment.fee)
    guard payment.amount > 0, payment.fee >= 0, !overflow else { return false }
    // The postings do what the event says, in the order in which the ledger writes them.
    let postings = draft.postings
    guard postings.count == (payment.fee > 0 ? 3 : 2), moves(postings[0], payment.from, .liquid, -total),
      moves(postings[1], payment.to, .liquid, payment.amount),
      payment.fee == 0 || moves(postings[2], "", .fees, payment.fee)
    else { return false }
    // It is there to be paid, and fits where it goes. Who has an account that was used is an agent: the guard has never let
    // through money for anybody else, and agents do not cease to be.
    let accounts = ledger.accounts
    guard let payer = accounts[AccountRef(owner: payment.from, kind: .liquid)], payer >= total,
      let payee = accounts[AccountRef(owner: payment.to, kind: .liquid)],
      !payee.addingReportingOverflow(payment.amount).overflow
    else { return false }
    return payment.fee == 0 || !ledger.balance(.fees).addingReportingOverflow(payment.fee).overflow
  }

  private static func moves(_ posting: PBPosting, _ owner: String, _ kind: PBAccountKind, _ amount: Int64) -> Bool {
    posting.amount == amount && posting.kind.rawValue == kind.rawValue && posting.owner == owner && !posting.hasAsset
  }
}
