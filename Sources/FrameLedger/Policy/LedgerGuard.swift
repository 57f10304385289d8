package import FrameCore
package import FrameEvents
internal import FrameProtos

/// What holds for every event of every room before it is stored: emission policy, licence of an operator, claim equal to postings, zero sum per
/// asset, no account below zero except clearing and issuance, wrapped never mixed with native, no money of a frozen agent
/// moved by itself, nothing issued while the supply is frozen, no hold paid out for more than it holds, and no other room
/// spending what is set aside for holds.
package struct LedgerGuard<State: HasLedger>: AppendGuard {
  private let policy: EmissionPolicy
  /// Whether agents may pay each other, and a fee, by this policy.
  private let allowsPayments: Bool

  package static var maximumPostings: Int { 16 }

  package init(policy: EmissionPolicy = .standard) {
    self.policy = policy
    allowsPayments = policy.allowsPayments
  }

  package func check(_ draft: EventDraft, actor: SPIFFEID, state: State) throws {
    try check([draft], actor: actor, state: state)
  }

  package func check(_ drafts: [EventDraft], actor: SPIFFEID, state: State) throws {
    try state.withLedger { ledger in
      if allowsPayments, PlainPayment.holds(drafts, actor: actor, in: ledger) { return }
      try checkAll(drafts, actor, ledger)
    }
  }

  /// Every check there is. What it lets through and what it says of the rest is the rule; `PlainPayment` only knows some of
  /// what it lets through.
  func checkAll(_ drafts: [EventDraft], _ actor: SPIFFEID, _ ledger: LedgerState) throws {
    let tenant = try ledger.operators.licensed(actor)
    // Balances after the drafts so far, for the accounts they touch.
    var working = NetAmounts()
    var touchesHeld = false
    var registered: String?
    var touched: [String] = []
    for draft in drafts {
      let event = draft.payload.eventType
      let claim = try MoneyClaim(draft.payload, frame: ledger.frame, native: ledger.native)
      try policy.check(event, claim, actor: actor, frame: ledger.frame)
      try Self.checkFreezes(claim, actor, ledger)
      let hold = try ledger.holds.check(draft.payload, actor: actor, frame: ledger.frame)
      if let hold {
        guard !touched.contains(hold) else {
          throw LedgerError.postingsRefused(event: event.name, why: "hold '\(hold)' is touched twice")
        }
        touched.append(hold)
      }
      try tenant?.requireScope(for: event)
      if case .agentRegistered(let agent) = draft.payload {
        if actor.operatorName != nil { try ledger.operators.requireOwn(agent.name, actor) }
        registered = agent.name
      }
      let moved = try Self.net(draft, event, ledger) { ledger.agentExists(named: $0) || $0 == registered }
      try Self.compare(moved, claim, event)
      for (account, amount) in moved.entries {
        // The drafts before have left no account below zero: only what this one touches has to be looked at.
        let balance = try working.add(amount, to: account) { ledger.balance(account) }
        guard balance >= 0 || account.kind.mayBeNegative else {
          throw LedgerError.insufficientFunds(
            account: account.description, balance: ledger.balance(account), needed: ledger.balance(account) &- balance,
            of: account.asset ?? ledger.native)
        }
        touchesHeld = touchesHeld || account.kind == .held
      }
      if hold == nil, touchesHeld { try Self.checkHeld(working, ledger) }
    }
  }

  /// What only a decision of the authority lifts.
  private static func checkFreezes(_ claim: MoneyClaim, _ actor: SPIFFEID, _ ledger: LedgerState) throws {
    // Only what an agent does itself is stopped: what is under way, or comes from others, is carried to its end.
    if ledger.frozenAgents > 0, let spender = claim.spender, !spender.isEmpty,
      let freeze = ledger.freeze(ofAgentNamed: spender), actor.isAgent(spender, of: ledger.frame)
    {
      throw LedgerError.agentFrozen(spender, reason: freeze.reason)
    }
    if let drift = ledger.drift, claim.movements.contains(where: { $0.from.kind == .issuance }) {
      throw LedgerError.supplyFrozen(code: drift.code, size: drift.size)
    }
  }

  /// Held money is of holds and of two-phase transfers; what is set aside for holds is not for the others to spend.
  private static func checkHeld(_ working: NetAmounts, _ ledger: LedgerState) throws {
    for (account, balance) in working.entries where account.kind == .held {
      let reserved = ledger.holds.amount(of: account.owner)
      guard balance >= reserved else {
        let free = ledger.balance(account) &- reserved
        throw LedgerError.insufficientFunds(
          account: account.description, balance: free, needed: ledger.balance(account) &- balance,
          of: account.asset ?? ledger.native)
      }
    }
  }

  /// The event's effect by account, checked for form and for zero sums.
  private static func net(
    _ draft: EventDraft, _ event: EventType, _ ledger: LedgerState, _ agentExists: (String) -> Bool
  ) throws -> NetAmounts {
    guard draft.postings.count <= maximumPostings else {
      throw LedgerError.postingsRefused(event: event.name, why: "there are \(draft.postings.count)")
    }
    var net = NetAmounts()
    var native: Int64 = 0
    // Of other frames' assets; there is nearly never one.
    var foreign = NetAmounts()
    for posting in draft.postings {
      let account = try AccountRef(posting)
      try checkForm(account, event, ledger, agentExists)
      guard posting.amount != 0 else { throw LedgerError.postingsRefused(event: event.name, why: "an amount is 0") }
      try net.add(posting.amount, to: account)
      if let asset = account.asset {
        try foreign.add(posting.amount, to: .issuance(of: asset))
      } else {
        let (sum, overflow) = native.addingReportingOverflow(posting.amount)
        guard !overflow else { throw LedgerError.balanceOverflow(account: AccountRef.issuance.description) }
        native = sum
      }
    }
    guard native == 0 else {
      throw LedgerError.unbalanced(event: event.name, asset: ledger.native.description, sum: "\(native)")
    }
    for (sum, amount) in foreign.entries where amount != 0 {
      throw LedgerError.unbalanced(
        event: event.name, asset: (sum.asset ?? ledger.native).description, sum: "\(amount)")
    }
    return net
  }

  private static func checkForm(
    _ account: AccountRef, _ event: EventType, _ ledger: LedgerState, _ agentExists: (String) -> Bool
  ) throws {
    func refusal(_ why: String) -> LedgerError { .postingsRefused(event: event.name, why: "\(account): \(why)") }
    switch account.kind.ownership {
    case .agent: guard agentExists(account.owner) else { throw LedgerError.unknownAgent(account.owner) }
    case .peer:
      guard let peer = (try? FrameID(account.owner)) ?? PeerLog(name: account.owner)?.frame, peer != ledger.frame else {
        throw refusal("not another frame")
      }
    case .frame: guard account.owner.isEmpty else { throw refusal("it belongs to the frame") }
    case .nobody: throw refusal("not a kind of account")
    }
    if let asset = account.asset {
      // Native money has exactly one spelling (no asset), and foreign money only wrapped accounts and its own issuance.
      guard asset.origin != ledger.frame else { throw refusal("native money is named by no asset") }
      guard account.kind == .wrapped || account.kind == .issuance else { throw refusal("only native money goes there") }
    } else {
      guard account.kind != .wrapped else { throw refusal("native money is never wrapped here") }
    }
  }

  private static func compare(_ moved: NetAmounts, _ claim: MoneyClaim, _ event: EventType) throws {
    // What the postings do, less what is claimed: nothing may be left, on no account.
    var rest = moved
    for movement in claim.movements {
      try rest.add(movement.amount, to: movement.from)
      try rest.add(-movement.amount, to: movement.to)
    }
    if rest.entries.allSatisfy({ $0.1 == 0 }) { return }
    var claimed = NetAmounts()
    for movement in claim.movements {
      try claimed.add(-movement.amount, to: movement.from)
      try claimed.add(movement.amount, to: movement.to)
    }
    for (account, amount) in claimed.entries where moved[account] != amount {
      throw LedgerError.postingsRefused(
        event: event.name, why: "\(account) must change by \(amount), not \(moved[account])")
    }
    for (account, amount) in moved.entries where claimed[account] != amount {
      throw LedgerError.postingsRefused(
        event: event.name, why: "\(account) may change by \(claimed[account]), not \(amount)")
    }
  }
}

/// Amounts by account: nearly always two or three, a batch's by the thousand.
private struct NetAmounts {
  /// Up to here searching in order beats hashing.
  private static let searched = 8

  private(set) var entries: [(AccountRef, Int64)] = []
  /// Where each account is in `entries`, once there are more than `searched`.
  private var indices: [AccountRef: Int] = [:]

  subscript(account: AccountRef) -> Int64 { index(of: account).map { entries[$0].1 } ?? 0 }

  /// - Parameter start: the amount of an account that has none yet.
  /// - Returns: the account's new amount.
  /// - Throws: `LedgerError.balanceOverflow`.
  @discardableResult
  mutating func add(_ amount: Int64, to account: AccountRef, startingAt start: () -> Int64 = { 0 }) throws -> Int64 {
    let index = index(of: account)
    let (sum, overflow) = (index.map { entries[$0].1 } ?? start()).addingReportingOverflow(amount)
    guard !overflow else { throw LedgerError.balanceOverflow(account: account.description) }
    if let index { entries[index].1 = sum } else { append(account, sum) }
    return sum
  }

  private func index(of account: AccountRef) -> Int? {
    entries.count > Self.searched ? indices[account] : entries.firstIndex { $0.0 == account }
  }

  private mutating func append(_ account: AccountRef, _ amount: Int64) {
    if entries.isEmpty { entries.reserveCapacity(4) }
    entries.append((account, amount))
    guard entries.count > Self.searched else { return }
    let first = entries.count == Self.searched + 1 ? 0 : entries.count - 1
    for index in first..<entries.count { indices[entries[index].0] = index }
  }
}
