package import FrameCore
package import FrameLedger
package import FrameEvents
package import FrameProtos

/// The bridge with a log that its frame has lost or left (decision 0034): its items can be acted on no more.
package struct FormerBridge: Sendable, Equatable {
  /// What goes to an agent here once operators have decided.
  package struct Return: Sendable, Equatable {
    package let kind: PBFormerLogItemReturned.Kind
    package let id: String
    package let to: String
    /// Minor units of our asset, or of the lost log's for wrapped tokens.
    package let amount: Int64
  }

  /// As it stood; what waited in it is in `returns`.
  package let bridge: BridgePeer
  package internal(set) var returns: [Return]
  /// The reserve that is in none of them: it backed what was outstanding there.
  package let reserve: Int64
  /// What each agent here holds of it, until it is recognised. What was being redeemed is not held before it is back.
  package internal(set) var holdings: [String: Int64]
  package internal(set) var isDecided = false
  /// The log that backs the wrapped tokens in `returns`: it has recognised them with the rest, and they count as issued
  /// since. Without one they come home unbacked.
  package internal(set) var heir: PeerLog?

  init(_ bridge: BridgePeer) {
    self.bridge = bridge
    let outbound = bridge.outbound
    let locks = outbound.unissued.keys.compactMap { outbound.locks[$0] }.sorted { $0.position < $1.position }
      .map { Return(kind: .lock, id: $0.id, to: $0.from, amount: $0.amount) }
    let redemptions = outbound.pendingUnlocks.values.sorted { $0.position < $1.position }
      .map { Return(kind: .redemption, id: $0.id, to: $0.recipient, amount: $0.amount) }
    // Our own agents' locks come first: what a peer attests never takes more than is left.
    var left = max(0, outbound.reserve)
    returns = (locks + redemptions).filter { item in
      guard item.amount <= left else { return false }
      left -= item.amount
      return true
    }
    reserve = left
    holdings = bridge.inbound.holdings
    // Nothing is redeemed of a currency that cannot be read.
    guard bridge.native != nil else { return }
    let inbound = bridge.inbound
    returns += inbound.notUnlocked.keys.compactMap { inbound.redeems[$0] }.sorted { $0.position < $1.position }
      .map { Return(kind: .wrapped, id: $0.id, to: $0.from, amount: $0.amount) }
  }

  /// The wrapped tokens in `returns`, by agent: redeemed here, and not seen as unlocked there.
  package var redeeming: [String: Int64] {
    returns.reduce(into: [:]) { sums, item in
      if item.kind == .wrapped { sums[item.to, default: 0] += item.amount }
    }
  }

  /// Whether an item that waited is with its agent again.
  package func isBack(_ kind: PBFormerLogItemReturned.Kind, _ id: String) -> Bool {
    func has(_ items: [Return]) -> Bool { items.contains { $0.kind == kind && $0.id == id } }
    return isDecided && !has(returns) && has(Self(bridge).returns)
  }

  package var figures: PBFormerLogFigures {
    var figures = PBFormerLogFigures()
    figures.reserve = reserve
    figures.returnable = returns.reduce(0) { $0 + ($1.kind == .wrapped ? 0 : $1.amount) }
    figures.items = UInt64(returns.count)
    figures.redeeming = redeeming.values.reduce(0, +)
    figures.wrapped = holdings.values.reduce(figures.redeeming, +)
    if figures.wrapped != 0, let native = bridge.native { figures.wrappedAsset = PBAsset(native) }
    return figures
  }
}

extension InboundBridge {
  /// What each agent here holds: wrapped tokens are issued and redeemed, and change hands in no other way.
  var holdings: [String: Int64] {
    var holdings = takenOver
    for item in issues.values { holdings[item.recipient, default: 0] += item.amount }
    for item in redeems.values { holdings[item.from, default: 0] -= item.amount }
    return holdings.filter { $0.value > 0 }
  }
}

extension BridgeState {
  /// The id under which a recognised former log is locked at its frame's new one.
  static func takeoverID(_ log: PeerLog) -> String { "former-log/\(log.id)" }

  /// What stands towards a peer's present log.
  package func standing(with peer: FrameID) -> PBFormerLogFigures { FormerBridge(self.peer(peer)).figures }

  /// What stands towards a former log.
  package func standing(of log: PeerLog) -> PBFormerLogFigures { former[log]?.figures ?? PBFormerLogFigures() }

  /// Of an agent's wrapped tokens of `asset`, those that nothing at the peer's present log backs.
  package func unbacked(_ agent: AgentName, of peer: FrameID, _ asset: Asset) -> Int64 {
    let present = peers[peer]?.log
    return former.reduce(0) { sum, entry in
      let lost = entry.value
      guard entry.key.frame == peer, lost.bridge.native == asset else { return sum }
      // What a log had recognised that is lost itself is in its holdings, whether it is back yet or not.
      let isOnItsWay = lost.heir != nil && lost.heir != present
      return sum + (lost.holdings[agent.text] ?? 0) - (isOnItsWay ? lost.redeeming[agent.text] ?? 0 : 0)
    }
  }

  /// What is to be returned now, of logs that were decided about.
  package var toReturn: [(log: PeerLog, item: FormerBridge.Return)] {
    former.filter(\.value.isDecided).sorted { $0.key < $1.key }.flatMap { log, bridge in
      bridge.returns.map { (log: log, item: $0) }
    }
  }

  /// Of these, what nothing stands in the way of: the agent must be registered here, and wrapped tokens are issued anew, which
  /// nothing is while a finding of the audit stands.
  package func toReturn(_ ledger: LedgerState) -> [(log: PeerLog, item: FormerBridge.Return)] {
    toReturn.filter { _, item in
      guard let agent = try? AgentName(item.to), ledger.agentExists(agent) else { return false }
      return item.kind != .wrapped || ledger.drift == nil
    }
  }

  /// A treaty with another log begins with nothing; one that is taken up again, with what there was. The breaker is the
  /// authority's to close, whatever log the peer has.
  mutating func change(_ peer: FrameID, to log: PeerLog, native: Asset?, at time: FrameTime) {
    var entry = peers.removeValue(forKey: peer) ?? BridgePeer()
    let breaker = entry.breaker
    if let old = entry.log, old != log {
      former[old] = FormerBridge(entry)
      entry = former.removeValue(forKey: log)?.bridge ?? BridgePeer()
      entry.breaker = breaker
    }
    entry.log = log
    entry.since = entry.since ?? time
    entry.native = native
    peers[peer] = entry
  }

  /// The rebuilt frame took over what stood: at the origin of the money as a lock, here as its issue. It counts the whole as
  /// issued at once, and so do we, though what was being redeemed is not back yet.
  mutating func decide(_ p: PBFormerLogDecided) {
    guard let log = PeerLog(name: p.log), var lost = former.removeValue(forKey: log) else { return }
    defer { former[log] = lost }
    lost.isDecided = true
    guard p.outcome == .recognised, p.figures.wrapped > 0, var entry = peers.removeValue(forKey: log.frame) else {
      return
    }
    var holders = lost.holdings
    lost.holdings = [:]
    // An earlier version claimed nothing for what was being redeemed: that comes home unbacked.
    let redeeming = lost.redeeming
    if p.figures.redeeming == redeeming.values.reduce(0, +) {
      holders.merge(redeeming, uniquingKeysWith: +)
      lost.heir = entry.log
    }
    // What the lost log had recognised itself, and is not back yet, goes over with its holdings.
    for (other, bridge) in former where bridge.heir == log { former[other]?.heir = entry.log }
    entry.inbound.issued &+= p.figures.wrapped
    entry.inbound.attestedLocked = Self.bounded(entry.inbound.attestedLocked &+ p.figures.wrapped)
    entry.inbound.provenLocked = max(entry.inbound.provenLocked, entry.inbound.attestedLocked)
    for (agent, amount) in holders { entry.inbound.takenOver[agent, default: 0] += amount }
    peers[log.frame] = entry
  }

  /// An item is back with its agent.
  mutating func returned(_ p: PBFormerLogItemReturned) {
    guard let log = PeerLog(name: p.log), var lost = former.removeValue(forKey: log) else { return }
    defer { former[log] = lost }
    guard let index = lost.returns.firstIndex(where: { $0.kind == p.kind && $0.id == p.itemID }) else { return }
    let item = lost.returns.remove(at: index)
    if item.kind == .wrapped, lost.heir == nil { lost.holdings[item.to, default: 0] += item.amount }
  }

  /// We are the rebuilt frame, and have locked what the peer's agents hold of our money.
  mutating func accept(_ p: PBFormerLogAnswered) {
    guard p.accepted, p.reserve > 0, let log = PeerLog(name: p.log), let peer = try? FrameID(p.peer) else { return }
    peers[peer, default: BridgePeer()].outbound.locked &+= p.reserve
    peers[peer, default: BridgePeer()].outbound.unissued[Self.takeoverID(log)] = p.reserve
  }

  /// The peer has booked what we took over.
  mutating func confirm(_ p: PBFormerLogDecided, from peer: FrameID) {
    guard p.outcome == .recognised, let log = PeerLog(name: p.log),
      let amount = peers[peer]?.outbound.unissued.removeValue(forKey: Self.takeoverID(log))
    else { return }
    peers[peer]?.outbound.attestedIssued &+= amount
  }

  func giveBack(_ log: PeerLog, _ kind: PBFormerLogItemReturned.Kind, _ id: String) throws -> [EventDraft] {
    guard let former = former[log], former.isDecided else { throw BridgeError.nothingPending(id) }
    guard let item = former.returns.first(where: { $0.kind == kind && $0.id == id }) else { return [] }
    var payload = PBFormerLogItemReturned()
    payload.peer = log.frame.name
    payload.log = log.name
    payload.kind = kind
    payload.itemID = id
    payload.to = item.to
    payload.amount = item.amount
    if kind == .wrapped, let native = former.bridge.native { payload.asset = PBAsset(native) }
    return [
      EventDraft(
        .formerLogItemReturned(payload), postings: try FormerLogMoney.postings(.formerLogItemReturned(payload)))
    ]
  }
}

extension FormerBridge: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(bridge)
    output.write(returns)
    output.write(reserve)
    output.write(holdings)
    output.write(isDecided)
    output.write(heir)
  }

  package init(from input: inout SnapshotInput) throws {
    bridge = try input.read()
    returns = try input.read()
    reserve = try input.read()
    holdings = try input.read()
    isDecided = try input.read()
    heir = try input.read()
  }
}

extension FormerBridge.Return: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(Int64(kind.rawValue))
    output.write(id)
    output.write(to)
    output.write(amount)
  }

  package init(from input: inout SnapshotInput) throws {
    kind = PBFormerLogItemReturned.Kind(rawValue: Int(try input.read(Int64.self))) ?? .unspecified
    id = try input.read()
    to = try input.read()
    amount = try input.read()
  }
}
