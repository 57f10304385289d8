internal import FrameCore
internal import FrameEvents
internal import FrameProtos

// What the frame's authority does to the ledger beside minting: fees, freezes, and the clearing of a drift.
extension LedgerState {
  func collectFees(_ amount: Amount?, _ memo: String, _ context: DecisionContext) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try Self.requireShort(memo)
    if amount == nil, balance(.fees) == 0 { throw LedgerError.nothingToCollect }
    let amount = amount ?? Amount(minorUnits: balance(.fees))
    try Self.requirePositive(amount)
    try requireFunds(amount.minorUnits, in: .fees)
    var event = PBFeesCollected()
    event.amount = amount.minorUnits
    event.memo = memo
    return [EventDraft(.feesCollected(event), postings: Postings.move(amount.minorUnits, from: .fees, to: .treasury))]
  }

  /// Nothing is appended when it is so already.
  func freeze(_ name: AgentName, _ reason: String, _ context: DecisionContext) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try requireAgent(name)
    try Self.requireShort(reason)
    guard freeze(ofAgentNamed: name.text) == nil else { return [] }
    var event = PBAgentFrozen()
    event.name = name.text
    event.reason = reason
    return [EventDraft(.agentFrozen(event))]
  }

  func unfreeze(_ name: AgentName, _ reason: String, _ context: DecisionContext) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try requireAgent(name)
    try Self.requireShort(reason)
    guard freeze(ofAgentNamed: name.text) != nil else { return [] }
    var event = PBAgentUnfrozen()
    event.name = name.text
    event.reason = reason
    return [EventDraft(.agentUnfrozen(event))]
  }

  /// Nothing is appended when issuing is frozen already, or when the authority has accepted as many findings.
  func report(_ drift: SupplyDrift, _ context: DecisionContext) throws -> [EventDraft] {
    guard context.actor == .node(of: frame) || context.actor == .authority(of: frame) else {
      throw LedgerError.notAuthority(context.actor.description)
    }
    guard self.drift == nil, drift.findings > acceptedFindings else { return [] }
    return [EventDraft(.supplyDriftDetected(drift.message))]
  }

  func clearDrift(
    _ size: UInt64, _ accepted: UInt64, _ note: String, _ context: DecisionContext
  ) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    try Self.requireShort(note)
    guard let drift else { throw LedgerError.supplyNotFrozen }
    guard size >= drift.size else { throw LedgerError.auditTooOld(size: size, finding: drift.size) }
    var event = PBSupplyDriftCleared()
    event.size = size
    event.accepted = accepted
    event.note = note
    return [EventDraft(.supplyDriftCleared(event))]
  }
}
