package import FrameCore
package import FrameEvents
package import FrameProtos

/// A state that has a ledger in it, so that the guard can ask for balances.
package protocol HasLedger: Sendable {
  var ledger: LedgerState { get }

  /// The same without a copy, for what is asked of every event.
  func withLedger<Result>(_ body: (LedgerState) throws -> Result) rethrows -> Result
}

extension HasLedger {
  package func withLedger<Result>(_ body: (LedgerState) throws -> Result) rethrows -> Result { try body(ledger) }
}

/// An agent of this frame.
package struct AgentRecord: Sendable, Hashable {
  package let name: AgentName
  package let purpose: String
  package let registered: FrameTime
  /// Set while the authority has it frozen.
  package var freeze: AgentFreeze?
}

/// Balances and agents, as the events left them. Pure (DESIGN §3); it applies the postings of every room's events.
package struct LedgerState: Sendable, HasLedger {
  package let frame: FrameID
  package let native: Asset
  package let fees: FeeRule
  /// What the log says of itself, once it does.
  package private(set) var founding: PBFrameFounded?
  package private(set) var holds = HoldBook()
  package private(set) var frozenAgents = 0
  /// Set while an audit's finding keeps anything from being issued.
  package private(set) var drift: SupplyDrift?
  /// Findings of the audit that the authority knows and accepts: no more than these freeze nothing.
  package private(set) var acceptedFindings: UInt64 = 0
  package private(set) var operators = OperatorState()

  private var balances: [AccountRef: Int64] = [:]
  private var agentsByName: [String: AgentRecord] = [:]

  package init(frame: FrameID, native: Asset, fees: FeeRule = .none) {
    self.frame = frame
    self.native = native
    self.fees = fees
  }

  package var ledger: LedgerState { self }

  package func withLedger<Result>(_ body: (LedgerState) throws -> Result) rethrows -> Result { try body(self) }

  /// Minor units; 0 for an account that was never used.
  package func balance(_ account: AccountRef) -> Int64 { balances[account] ?? 0 }

  /// Every account that was ever used.
  package var accounts: [AccountRef: Int64] { balances }

  package func agentExists(_ name: AgentName) -> Bool { agentsByName[name.text] != nil }

  func agentExists(named name: String) -> Bool { agentsByName[name] != nil }

  package func agent(_ name: AgentName) -> AgentRecord? { agentsByName[name.text] }

  /// Whether the authority has frozen the agent of that name.
  func freeze(ofAgentNamed name: String) -> AgentFreeze? { agentsByName[name]?.freeze }

  /// Sorted by name.
  package var agents: [AgentRecord] { agentsByName.values.sorted { $0.name < $1.name } }

  /// - Throws: `LedgerError.unknownAgent`.
  package func requireAgent(_ name: AgentName) throws {
    guard agentExists(name) else { throw LedgerError.unknownAgent(name.text) }
  }

  /// - Parameter amount: minor units.
  /// - Throws: `LedgerError.insufficientFunds`.
  package func requireFunds(_ amount: Int64, in account: AccountRef) throws {
    let balance = balance(account)
    guard balance >= amount else {
      throw LedgerError.insufficientFunds(
        account: account.description, balance: balance, needed: amount, of: account.asset ?? native)
    }
  }

  /// - Throws: `LedgerError.notOwner` unless `actor` is this frame's agent `name`.
  package func requireOwner(_ actor: SPIFFEID, of name: AgentName) throws {
    guard actor.isAgent(name.text, of: frame) else {
      throw LedgerError.notOwner(actor: actor.description, agent: name.text)
    }
  }

  /// - Throws: `LedgerError.notAuthority`.
  package func requireAuthority(_ actor: SPIFFEID) throws {
    guard actor == .authority(of: frame) else { throw LedgerError.notAuthority(actor.description) }
  }
}

extension LedgerState: FrameState {
  /// - Throws: `LedgerError`, `AmountError`.
  package func decide(_ command: LedgerCommand, _ context: DecisionContext) throws -> [EventDraft] {
    switch command {
    case .foundFrame(let key): return try found(key, context)
    case .registerAgent(let name, let purpose): return try register(name, purpose, context)
    case .issue(let amount, let memo): return try issue(amount, memo, context)
    case .burn(let amount, let memo): return try burn(amount, memo, context)
    case .transfer(let from, let to, let amount, let memo):
      return try transfer(from, TransferItem(to: to, amount: amount, memo: memo), context)
    case .transferBatch(let from, let items): return try transferBatch(from, items, context)
    case .collectFees(let amount, let memo): return try collectFees(amount, memo, context)
    case .createHold(let id, let from, let payee, let amount, let expiry, let memo):
      return try createHold(id, from, payee, amount, expiry, memo, context)
    case .captureHold(let id, let amount, let to, let keepRest, let memo):
      return try captureHold(id, amount, to, keepRest, memo, context)
    case .releaseHold(let id, let reason): return try releaseHold(id, reason, context)
    case .expireHold(let id): return try expireHold(id, context)
    case .freezeAgent(let name, let reason): return try freeze(name, reason, context)
    case .unfreezeAgent(let name, let reason): return try unfreeze(name, reason, context)
    case .reportDrift(let drift): return try report(drift, context)
    case .clearDrift(let size, let accepted, let note): return try clearDrift(size, accepted, note, context)
    }
  }

  package mutating func evolve(_ recorded: RecordedEvent) {
    for posting in recorded.event.postings {
      // The guard let only well-formed accounts into the log, and only sums that fit. A log that it did not guard (it was
      // brought in, or is damaged) must not end the process that reads it: the audit says what is wrong with it.
      guard let account = try? AccountRef(posting) else { continue }
      // In place: the account is looked up once.
      balances[account, default: 0].addSaturating(posting.amount)
    }
    switch recorded.event.payload {
    case .agentRegistered(let event):
      guard let name = try? AgentName(event.name) else { return }
      agentsByName[name.text] = AgentRecord(name: name, purpose: event.purpose, registered: recorded.clock)
    case .frameFounded(let event): founding = event
    case .agentFrozen(let event): setFreeze(AgentFreeze(reason: event.reason, since: recorded.clock), of: event.name)
    case .agentUnfrozen(let event): setFreeze(nil, of: event.name)
    case .supplyDriftDetected(let event): drift = SupplyDrift(event, at: recorded)
    case .supplyDriftCleared(let event):
      drift = nil
      acceptedFindings = max(acceptedFindings, event.accepted)
    case .holdCreated, .holdCaptured, .holdReleased, .holdExpired: holds.evolve(recorded)
    default: operators.evolve(recorded)
    }
  }

  private mutating func setFreeze(_ freeze: AgentFreeze?, of name: String) {
    guard let agent = agentsByName[name] else { return }
    frozenAgents += (freeze == nil ? 0 : 1) - (agent.freeze == nil ? 0 : 1)
    agentsByName[name]?.freeze = freeze
  }

  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.same("native", native)
    try fields.field("founding", &founding)
    try fields.field("balances", &balances)
    try fields.field("agents", &agentsByName)
    try fields.field("holds", &holds)
    try fields.field("frozenAgents", &frozenAgents)
    try fields.field("drift", &drift)
    try fields.field("acceptedFindings", &acceptedFindings)
    try fields.part("operators", &operators)
  }

  private func found(_ key: String, _ context: DecisionContext) throws -> [EventDraft] {
    if let founding {
      guard founding.frameID == frame.name else { throw LedgerError.alreadyFounded(founding.frameID) }
      let (old, new) = (founding.native, PBAsset(native))
      let parts = [
        ("the currency", old.code, new.code), ("a currency scale of", "\(old.scale)", "\(new.scale)"),
        ("the currency of frame", old.origin, new.origin), ("the log key", founding.logVerifierKey, key),
      ]
      for (what, log, configured) in parts where log != configured {
        throw LedgerError.foundedOtherwise(what: what, log: log, configured: configured)
      }
      return []
    }
    var event = PBFrameFounded()
    event.frameID = frame.name
    event.native = PBAsset(native)
    event.logVerifierKey = key
    event.format = EventFormat.current
    return [EventDraft(.frameFounded(event))]
  }

  private func register(_ name: AgentName, _ purpose: String, _ context: DecisionContext) throws -> [EventDraft] {
    if context.actor.operatorName != nil {
      try operators.requireOwn(name.text, context.actor)
    } else if context.actor != .node(of: frame) {
      try requireAuthority(context.actor)
    }
    // A name that begins with an operator's is that operator's agent, whoever registers it.
    if let owner = operators.record(ofAgent: name) { try owner.requireStanding(at: context.now) }
    try Self.requireShort(purpose)
    guard !ReservedNames.contain(name.text) else { throw LedgerError.reservedName(name.text) }
    guard !agentExists(name) else { throw LedgerError.agentExists(name.text) }
    var event = PBAgentRegistered()
    event.name = name.text
    event.purpose = purpose
    return [EventDraft(.agentRegistered(event))]
  }

  private func issue(_ amount: Amount, _ memo: String, _ context: DecisionContext) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try Self.requirePositive(amount)
    try Self.requireShort(memo)
    // The issuance account can go one unit below what "issued", its opposite, can say.
    _ = try Amount.zero.subtracting(Amount(minorUnits: balance(.issuance))).adding(amount)
    var event = PBTokensIssued()
    event.amount = amount.minorUnits
    event.memo = memo
    return [
      EventDraft(.tokensIssued(event), postings: Postings.move(amount.minorUnits, from: .issuance, to: .treasury))
    ]
  }

  private func burn(_ amount: Amount, _ memo: String, _ context: DecisionContext) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try Self.requirePositive(amount)
    try Self.requireShort(memo)
    try requireFunds(amount.minorUnits, in: .treasury)
    var event = PBTokensBurned()
    event.amount = amount.minorUnits
    event.memo = memo
    return [
      EventDraft(.tokensBurned(event), postings: Postings.move(amount.minorUnits, from: .treasury, to: .issuance))
    ]
  }

  private func transfer(
    _ from: AgentName?, _ item: TransferItem, _ context: DecisionContext
  ) throws -> [EventDraft] {
    let source = try payer(from, context)
    if let mistake = try mistakes(to: item.to, amount: item.amount, memo: item.memo, from).first { throw mistake }
    var spent = Amount.zero
    return [try payment(item, from, source, spent: &spent)]
  }

  static func requirePositive(_ amount: Amount) throws {
    guard amount > .zero else { throw AmountError.notPositive("\(amount)") }
  }

  static func requireShort(_ text: String) throws {
    guard TextLimit.memo.admits(text) else { throw LedgerError.memoTooLong(characters: TextLimit.length(of: text)) }
  }
}
