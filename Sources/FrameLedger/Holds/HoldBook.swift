package import FrameCore
internal import FrameEvents
internal import FrameProtos

/// Every open hold and the latest ended ones, as their events left them.
package struct HoldBook: Sendable {
  private var open: [String: Hold] = [:]
  private var ended: [String: Hold] = [:]
  /// Ids of ended holds, oldest first.
  private var endedOrder = RingOrder(capacity: HoldLimits.endedKept)
  private var owners: [String: Owned] = [:]
  /// Ids of open holds by the agents that they concern, owner and payee.
  private var byAgent: [String: Set<String>] = [:]
  private var queue = ExpiryQueue()

  private struct Owned: Sendable {
    var count = 0
    var amount: Int64 = 0
  }

  // MARK: Reading

  /// An open hold, or one of the latest ended ones.
  package func hold(_ id: String) -> Hold? { open[id] ?? ended[id] }

  package var openCount: Int { open.count }

  /// What is set aside for the open holds of an agent, minor units.
  package func amount(of owner: String) -> Int64 { owners[owner]?.amount ?? 0 }

  package func openCount(of owner: AgentName) -> Int { owners[owner.text]?.count ?? 0 }

  /// What is set aside for all open holds, minor units.
  package private(set) var total: Int128 = 0

  /// Open holds of which the agent is owner or payee, oldest first.
  package func open(concerning agent: AgentName) -> [Hold] {
    (byAgent[agent.text] ?? []).compactMap { open[$0] }.sorted { $0.position < $1.position }
  }

  /// Open holds, oldest first.
  package func allOpen(limit: Int) -> [Hold] { Array(open.values.sorted { $0.position < $1.position }.prefix(limit)) }

  /// Ids of up to `limit` open holds whose time is over.
  package func expired(at now: FrameTime, limit: Int) -> [String] {
    queue.due(at: now.unixNanoseconds, limit: limit) { open[$0] != nil }
  }

  /// Every hold that is remembered: open ones by position, then ended ones from the oldest end on.
  package var all: [Hold] { allOpen(limit: .max) + endedOrder.ids.compactMap { ended[$0] } }

  // MARK: Guarding

  /// Whether the event is one that its hold allows. Apart from the decision, so that a mistake there cannot pay twice.
  /// - Returns: the hold's id; nil for an event that is not about a hold.
  /// - Throws: `LedgerError.postingsRefused`, `.holdNotYours`.
  func check(_ payload: PBEvent.OneOf_Payload, actor: SPIFFEID, frame: FrameID) throws -> String? {
    switch payload {
    case .holdCreated(let event):
      guard hold(event.holdID) == nil else { throw LedgerError.holdIDInUse(event.holdID) }
      return event.holdID
    case .holdCaptured(let event):
      let hold = try find(event.holdID, of: event.from, "HoldCaptured")
      let (sum, overflow) = event.amount.addingReportingOverflow(event.released)
      guard !overflow, sum <= hold.remaining, event.released == 0 || sum == hold.remaining,
        hold.payee.map({ $0.text == event.to }) ?? true
      else { throw LedgerError.postingsRefused(event: "HoldCaptured", why: "hold '\(hold.id)' does not allow it") }
      try requireParty(actor, hold, frame)
      return hold.id
    case .holdReleased(let event):
      let hold = try find(event.holdID, of: event.from, "HoldReleased", all: event.amount)
      try requireParty(actor, hold, frame)
      return hold.id
    case .holdExpired(let event):
      let hold = try find(event.holdID, of: event.from, "HoldExpired", all: event.amount)
      if actor != .node(of: frame) { try requireParty(actor, hold, frame) }
      return hold.id
    default: return nil
    }
  }

  private func find(_ id: String, of owner: String, _ event: String, all: Int64? = nil) throws -> Hold {
    guard let hold = open[id], hold.owner.text == owner, all == nil || all == hold.remaining else {
      throw LedgerError.postingsRefused(event: event, why: "hold '\(id.prefix(80))' does not allow it")
    }
    return hold
  }

  private func requireParty(_ actor: SPIFFEID, _ hold: Hold, _ frame: FrameID) throws {
    guard actor.trustDomain == frame,
      actor == .authority(of: frame) || actor.agentName == hold.owner
        || (hold.payee != nil && actor.agentName == hold.payee)
    else { throw LedgerError.holdNotYours(hold.id, actor: actor.description) }
  }

  // MARK: Evolving

  mutating func evolve(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .holdCreated(let event): create(event, recorded)
    case .holdCaptured(let event):
      take(event.holdID, event.amount &+ event.released, captured: event.amount, .captured, recorded.clock)
    case .holdReleased(let event): take(event.holdID, event.amount, captured: 0, .released, recorded.clock)
    case .holdExpired(let event): take(event.holdID, event.amount, captured: 0, .expired, recorded.clock)
    default: break
    }
  }

  private mutating func create(_ event: PBHoldCreated, _ recorded: RecordedEvent) {
    guard open[event.holdID] == nil, let hold = try? Hold(event, recorded) else { return }
    insert(hold)
  }

  /// Takes a hold in: an open one with what it sets aside, an ended one as the latest to have ended.
  mutating func insert(_ hold: Hold) {
    guard hold.ending == nil else { return remember(hold) }
    open[hold.id] = hold
    owners[hold.owner.text, default: Owned()].count += 1
    owners[hold.owner.text, default: Owned()].amount += hold.remaining
    total += Int128(hold.remaining)
    for agent in Set([hold.owner, hold.payee ?? hold.owner]) { byAgent[agent.text, default: []].insert(hold.id) }
    queue.insert(hold.id, at: hold.expires.unixNanoseconds)
  }

  private mutating func take(_ id: String, _ units: Int64, captured: Int64, _ ending: Hold.Ending, _ time: FrameTime) {
    guard var hold = open[id] else { return }
    hold.remaining -= units
    hold.captured += captured
    total -= Int128(units)
    owners[hold.owner.text]?.amount -= units
    guard hold.remaining <= 0 else {
      open[id] = hold
      return
    }
    hold.ending = ending
    hold.ended = time
    open[id] = nil
    owners[hold.owner.text]?.count -= 1
    if owners[hold.owner.text]?.count == 0 { owners[hold.owner.text] = nil }
    for agent in Set([hold.owner, hold.payee ?? hold.owner]) {
      byAgent[agent.text]?.remove(id)
      if byAgent[agent.text]?.isEmpty == true { byAgent[agent.text] = nil }
    }
    queue.prune(keeping: open.count) { open[$0] != nil }
    remember(hold)
  }

  private mutating func remember(_ hold: Hold) {
    ended[hold.id] = hold
    if let forgotten = endedOrder.append(hold.id) { ended[forgotten] = nil }
  }
}

/// The latest ids in order, up to a capacity.
private struct RingOrder: Sendable {
  let capacity: Int
  private var slots: [String] = []
  private var next = 0

  init(capacity: Int) { self.capacity = capacity }

  /// Oldest first.
  var ids: [String] { Array(slots[next...]) + Array(slots[..<next]) }

  /// - Returns: the id that had to make room.
  mutating func append(_ id: String) -> String? {
    guard slots.count == capacity else {
      slots.append(id)
      return nil
    }
    let forgotten = slots[next]
    slots[next] = id
    next = (next + 1) % capacity
    return forgotten
  }
}
