internal import FrameCore
internal import FrameEvents
internal import FrameProtos

// What is decided about holds. The rules of who may do what are in docs/decisions/0019-holds.md.
extension LedgerState {
  func createHold(
    _ id: String, _ from: AgentName, _ payee: AgentName?, _ amount: Amount, _ expiry: HoldExpiry, _ memo: String,
    _ context: DecisionContext
  ) throws -> [EventDraft] {
    try requireOwner(context.actor, of: from)
    try requireAgent(from)
    try Self.requirePositive(amount)
    try Self.requireShort(memo)
    if let payee {
      guard payee != from else { throw LedgerError.sameAccount(from.text) }
      try requireAgent(payee)
    }
    guard (1...HoldLimits.idBytesMax).contains(id.utf8.count) else { throw LedgerError.unknownHold(id) }
    guard holds.hold(id) == nil else { throw LedgerError.holdIDInUse(id) }
    let expires = expiry.time(from: context.now)
    let length = expires - context.now
    guard length > .zero, length <= .seconds(HoldLimits.secondsMax) else {
      throw LedgerError.holdExpiryInvalid(seconds: length.components.seconds)
    }
    guard holds.openCount(of: from) < HoldLimits.perAgentMax else {
      throw LedgerError.tooManyHolds(agent: from.text, limit: HoldLimits.perAgentMax)
    }
    try requireFunds(amount.minorUnits, in: .liquid(from))
    var event = PBHoldCreated()
    event.holdID = id
    event.from = from.text
    event.payee = payee?.text ?? ""
    event.amount = amount.minorUnits
    event.expiresUnixNs = expires.unixNanoseconds
    event.memo = memo
    return [
      EventDraft(.holdCreated(event), postings: Postings.move(amount.minorUnits, from: .liquid(from), to: .held(from)))
    ]
  }

  func captureHold(
    _ id: String, _ amount: Amount?, _ to: AgentName?, _ keepRest: Bool, _ memo: String, _ context: DecisionContext
  ) throws -> [EventDraft] {
    let hold = try openHold(id)
    try requireParty(context.actor, hold)
    // The authority moves nobody's money to where its owner did not say.
    guard hold.payee != nil || context.actor.agentName == hold.owner else {
      throw LedgerError.holdNotYours(id, actor: context.actor.description, .captureWithoutPayee)
    }
    guard let to = to ?? hold.payee, hold.payee == nil || to == hold.payee else {
      throw LedgerError.holdPayee(id, payee: hold.payee?.text ?? "", named: to?.text ?? "")
    }
    guard to != hold.owner else { throw LedgerError.sameAccount(to.text) }
    guard !hold.isOver(at: context.now) else { throw LedgerError.holdExpired(id, at: "\(hold.expires)") }
    try requireAgent(to)
    try Self.requireShort(memo)
    let amount = amount ?? Amount(minorUnits: hold.remaining)
    try Self.requirePositive(amount)
    guard amount.minorUnits <= hold.remaining else {
      throw LedgerError.holdExceeded(id, remaining: hold.remaining, wanted: amount.minorUnits, of: native)
    }
    var event = PBHoldCaptured()
    event.holdID = id
    event.from = hold.owner.text
    event.to = to.text
    event.amount = amount.minorUnits
    event.released = keepRest ? 0 : hold.remaining - amount.minorUnits
    event.memo = memo
    var postings = [
      Postings.posting(.held(hold.owner), -(event.amount + event.released)),
      Postings.posting(.liquid(to), event.amount),
    ]
    if event.released > 0 { postings.append(Postings.posting(.liquid(hold.owner), event.released)) }
    return [EventDraft(.holdCaptured(event), postings: postings)]
  }

  /// A hold whose time is over is not released but expires, whoever asks.
  func releaseHold(_ id: String, _ reason: String, _ context: DecisionContext) throws -> [EventDraft] {
    let hold = try openHold(id)
    // To its payee a hold is a promise: the owner alone cannot take it back before its time.
    try requireParty(context.actor, hold)
    guard context.actor.agentName != hold.owner || hold.payee == nil || hold.isOver(at: context.now)
    else { throw LedgerError.holdNotYours(id, actor: context.actor.description, .takeBack) }
    try Self.requireShort(reason)
    guard !hold.isOver(at: context.now) else { return [expired(hold)] }
    var event = PBHoldReleased()
    event.holdID = id
    event.from = hold.owner.text
    event.amount = hold.remaining
    event.reason = reason
    return [
      EventDraft(
        .holdReleased(event), postings: Postings.move(hold.remaining, from: .held(hold.owner), to: .liquid(hold.owner)))
    ]
  }

  /// Nothing is appended when the hold has ended otherwise in the meantime, or its time is not over.
  func expireHold(_ id: String, _ context: DecisionContext) throws -> [EventDraft] {
    guard context.actor == .node(of: frame) || context.actor == .authority(of: frame) else {
      throw LedgerError.notAuthority(context.actor.description)
    }
    guard let hold = holds.hold(id) else { throw LedgerError.unknownHold(id) }
    guard hold.ending == nil, hold.isOver(at: context.now) else { return [] }
    return [expired(hold)]
  }

  private func expired(_ hold: Hold) -> EventDraft {
    var event = PBHoldExpired()
    event.holdID = hold.id
    event.from = hold.owner.text
    event.amount = hold.remaining
    return EventDraft(
      .holdExpired(event), postings: Postings.move(hold.remaining, from: .held(hold.owner), to: .liquid(hold.owner)))
  }

  private func openHold(_ id: String) throws -> Hold {
    guard let hold = holds.hold(id) else { throw LedgerError.unknownHold(id) }
    if let ending = hold.ending { throw LedgerError.holdEnded(id, state: ending.rawValue) }
    return hold
  }

  /// The hold's owner, its payee, or the authority. Others are not told that the hold exists.
  private func requireParty(_ actor: SPIFFEID, _ hold: Hold) throws {
    if actor == .authority(of: frame) { return }
    guard actor.trustDomain == frame, let agent = actor.agentName, agent == hold.owner || agent == hold.payee else {
      throw LedgerError.unknownHold(hold.id)
    }
  }
}
