internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// The event that comes by the million: an agent of the frame pays another one out of its own liquid money, and the fee; or
/// several others, by one command.
///
/// All checks of `LedgerGuard` in one pass, without building what they build: the postings must be, one by one, those that
/// the event's own words give. It only ever says yes to what the guard itself would let through (a property test holds the
/// two against each other); whatever is out of the ordinary, a refusal included, is the guard's to decide.
enum PlainPayment {
  /// - Parameter drafts: of one command, at least one.
  static func holds(_ drafts: [EventDraft], actor: SPIFFEID, in ledger: LedgerState) -> Bool {
    // Nothing is frozen, and no tenant's licence bounds what the agent may do.
    guard ledger.frozenAgents == 0, ledger.drift == nil, !ledger.operators.hasAny else { return false }
    guard case .tokensTransferred(let first)? = drafts.first?.payload, actor.isAgent(first.from, of: ledger.frame)
    else { return false }
    var spent: Int64 = 0
    var fees: Int64 = 0
    for draft in drafts {
      guard let payment = payment(draft, by: first.from), let more = spent.sum(with: payment.total),
        let fee = fees.sum(with: payment.fee)
      else { return false }
      spent = more
      fees = fee
    }
    // It is there to be paid, and fits where it goes, even if all of it went there. Who has an account that was used is an
    // agent: the guard has never let through money for anybody else, and agents do not cease to be.
    let accounts = ledger.accounts
    guard let money = accounts[AccountRef(owner: first.from, kind: .liquid)], money >= spent else { return false }
    for draft in drafts {
      guard case .tokensTransferred(let payment) = draft.payload,
        let payee = accounts[AccountRef(owner: payment.to, kind: .liquid)], payee.sum(with: spent) != nil
      else { return false }
    }
    return fees == 0 || ledger.balance(.fees).sum(with: fees) != nil
  }

  /// What a draft does, when it pays another agent of this frame out of the money of `payer`, and its postings do just that,
  /// in the order in which the ledger writes them.
  private static func payment(_ draft: EventDraft, by payer: String) -> (total: Int64, fee: Int64)? {
    guard case .tokensTransferred(let payment) = draft.payload, payment.from == payer, payment.to != payer,
      payment.amount > 0, payment.fee >= 0, let total = payment.amount.sum(with: payment.fee)
    else { return nil }
    let postings = draft.postings
    guard postings.count == (payment.fee > 0 ? 3 : 2), moves(postings[0], payer, .liquid, -total),
      moves(postings[1], payment.to, .liquid, payment.amount),
      payment.fee == 0 || moves(postings[2], "", .fees, payment.fee)
    else { return nil }
    return (total, payment.fee)
  }

  private static func moves(_ posting: PBPosting, _ owner: String, _ kind: PBAccountKind, _ amount: Int64) -> Bool {
    posting.amount == amount && posting.kind.rawValue == kind.rawValue && posting.owner == owner && !posting.hasAsset
  }
}
