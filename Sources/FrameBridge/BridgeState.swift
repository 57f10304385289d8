package import FrameCore
package import FrameTreaty
package import FrameLedger
package import FrameEvents
package import FrameProjection
internal import FrameProtos

/// SF-3 as a pure value: what is locked, issued, redeemed and unlocked with each peer, and whether it adds up.
package struct BridgeState: SnapshotState, Sendable {
  package let frame: FrameID
  /// By peer, with its present log.
  package internal(set) var peers: [FrameID: BridgePeer] = [:]
  /// With logs that their frames have lost or left.
  package internal(set) var former: [PeerLog: FormerBridge] = [:]
  /// Events applied so far: the log size at which this state is true.
  package internal(set) var logSize: UInt64 = 0

  package init(frame: FrameID) { self.frame = frame }

  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.field("peers", &peers)
    try fields.field("former", &former)
    try fields.field("logSize", &logSize)
  }

  package func peer(_ peer: FrameID) -> BridgePeer { peers[peer] ?? BridgePeer() }

  /// What waits to be issued or unlocked here, and why, oldest first.
  package struct Pending: Sendable, Equatable {
    package let item: BridgeItem
    /// Stable code of what it waits for; "" when nothing stands in its way any more.
    package let reason: String
  }

  // MARK: Deciding

  /// - Returns: what is appended; nothing when the lock or redemption has had its effect already.
  /// - Throws: ``BridgeError``, `FederationError`, `AmountError`; `ProjectionError` for a proof of what was told to another log of ours.
  package func decide(
    _ command: BridgeCommand, ledger: LedgerState, federation: FederationState, projection: ProjectionState,
    _ context: DecisionContext
  ) throws -> [EventDraft] {
    let drafts = try decide(command, ledger: ledger, federation: federation, context)
    // What a person brings must be of what the peer tells this log, and not one that is lost.
    if let attested = newProof(in: command) { try projection.requireStillToCome(attested) }
    return drafts
  }

  private func decide(
    _ command: BridgeCommand, ledger: LedgerState, federation: FederationState, _ context: DecisionContext
  ) throws -> [EventDraft] {
    switch command {
    case .lock(let id, let destination, let from, let recipient, let amount, let memo):
      try requireAgent(from, context)
      return try lock(id, destination, from, recipient, amount, memo, ledger, federation)
    case .redeem(let id, let origin, let from, let recipient, let amount, let memo):
      try requireAgent(from, context)
      return try redeem(id, origin, from, recipient, amount, memo, ledger, federation)
    case .issue(let attested):
      let claim = try claim(attested, .lock, federation)
      if let issued = peer(claim.peer).inbound.issues[claim.id] { return try done(issued, claim) }
      return try act(claim, ledger, federation, context)
    case .unlock(let attested):
      let claim = try claim(attested, .redemption, federation)
      if let unlocked = peer(claim.peer).outbound.unlocks[claim.id] { return try done(unlocked, claim) }
      return try act(claim, ledger, federation, context)
    case .returnItem(let log, let kind, let id):
      try requireNode(context)
      return try giveBack(log, kind, id)
    case .issuePending(let from, let id, let log):
      try requireNode(context)
      guard log == nil || log == peer(from).log else { throw BridgeError.nothingPending(id) }
      if peer(from).inbound.issues[id] != nil { return [] }
      guard let item = peer(from).inbound.pendingIssues[id] else { throw BridgeError.nothingPending(id) }
      return try retry(item, .lock, ledger, federation, context)
    case .unlockPending(let from, let id, let log):
      try requireNode(context)
      guard log == nil || log == peer(from).log else { throw BridgeError.nothingPending(id) }
      if peer(from).outbound.unlocks[id] != nil { return [] }
      guard let item = peer(from).outbound.pendingUnlocks[id] else { throw BridgeError.nothingPending(id) }
      return try retry(item, .redemption, ledger, federation, context)
    case .openBreaker(let peer, let reason, let detail):
      guard context.actor == .authority(of: frame) || context.actor == .node(of: frame) else {
        throw BridgeError.notAllowed(context.actor)
      }
      guard self.peer(peer).breaker == nil else { return [] }
      guard federation.treaty(peer) != nil else { throw FederationError.unknownPeer(peer) }
      return [Self.breakerOpened(peer, reason: reason, detail: detail)]
    case .closeBreaker(let peer, let note):
      guard context.actor == .authority(of: frame) else { throw BridgeError.notAllowed(context.actor) }
      guard self.peer(peer).breaker != nil else {
        // A name that is wrong must not read as all clear.
        guard federation.treaty(peer) != nil else { throw FederationError.unknownPeer(peer) }
        throw BridgeError.breakerClosed(peer: peer)
      }
      guard TextLimit.reason.admits(note) else {
        throw BridgeError.noteTooLong(characters: TextLimit.length(of: note))
      }
      var payload = PBBridgeBreakerClosed()
      payload.peer = peer.name
      payload.note = note
      return [EventDraft(.bridgeBreakerClosed(payload))]
    }
  }

  private func lock(
    _ id: String, _ destination: FrameID, _ from: AgentName, _ recipient: AgentName, _ amount: Amount,
    _ memo: String, _ ledger: LedgerState, _ federation: FederationState
  ) throws -> [EventDraft] {
    let treaty = try precheck(id, destination, from, amount, of: ledger.native, memo, ledger, federation)
    // It would be locked here and issued nowhere.
    guard treaty.sends(.tokensBridgeLocked) else { throw BridgeError.notSubscribed(peer: destination) }
    let bridge = peer(destination).outbound
    guard bridge.locks[id] == nil else { throw BridgeError.idInUse(id) }
    try requireFunds(from, ledger.balance(.liquid(from)), amount, of: ledger.native)
    // The peer's own cap, from its terms: what is over it would only wait there.
    let reserve = try Amount(minorUnits: bridge.reserve).adding(amount).minorUnits
    let cap = max(0, treaty.theirs.terms.bridgeCap)
    guard reserve <= cap else {
      throw BridgeError.bridgeCap(peer: destination, cap: cap, wouldBe: reserve, of: ledger.native)
    }
    var payload = PBTokensBridgeLocked()
    payload.lockID = id
    payload.destination = destination.name
    payload.from = from.text
    payload.recipient = recipient.text
    payload.asset = PBAsset(ledger.native)
    payload.amount = amount.minorUnits
    payload.memo = memo
    payload.totals = bridge.totals
    payload.totals.locked = try Amount(minorUnits: bridge.locked).adding(amount).minorUnits
    return [
      EventDraft(
        .tokensBridgeLocked(payload),
        postings: Postings.move(amount.minorUnits, from: .liquid(from), to: .bridgeReserve(destination)))
    ]
  }

  private func redeem(
    _ id: String, _ origin: FrameID, _ from: AgentName, _ recipient: AgentName, _ amount: Amount,
    _ memo: String, _ ledger: LedgerState, _ federation: FederationState
  ) throws -> [EventDraft] {
    let treaty = try precheck(id, origin, from, amount, of: nil, memo, ledger, federation)
    let asset = try Asset(treaty.theirs.native)
    let bridge = peer(origin).inbound
    guard bridge.redeems[id] == nil else { throw BridgeError.idInUse(id) }
    let held = ledger.balance(.wrapped(from, asset))
    try requireFunds(from, held, amount, of: asset)
    let unbacked = unbacked(from, of: origin, asset)
    guard held - unbacked >= amount.minorUnits else {
      throw BridgeError.wrappedUnbacked(
        from, has: held - unbacked, needs: amount.minorUnits, unbacked: unbacked, of: asset)
    }
    var payload = PBWrappedTokensRedeemed()
    payload.redeemID = id
    payload.origin = origin.name
    payload.from = from.text
    payload.recipient = recipient.text
    payload.asset = PBAsset(asset)
    payload.amount = amount.minorUnits
    payload.memo = memo
    payload.totals = bridge.totals
    payload.totals.redeemed = try Amount(minorUnits: bridge.redeemed).adding(amount).minorUnits
    return [
      EventDraft(
        .wrappedTokensRedeemed(payload),
        postings: Postings.move(amount.minorUnits, from: .wrapped(from, asset), to: .issuance(of: asset)))
    ]
  }

  /// - Parameter native: what the amount is of; nil: the other frame's money.
  private func precheck(
    _ id: String, _ other: FrameID, _ from: AgentName, _ amount: Amount, of native: Asset?, _ memo: String,
    _ ledger: LedgerState, _ federation: FederationState
  ) throws -> Treaty {
    guard BridgeCommand.isID(id) else { throw BridgeError.invalidID(id) }
    guard other != frame else { throw BridgeError.selfBridge(frame) }
    guard amount > .zero else { throw AmountError.notPositive(amount.description) }
    func asset() throws -> Asset { try native ?? Asset(federation.requireEstablished(other).theirs.native) }
    guard amount.minorUnits <= BridgeLimits.amountMax else {
      throw BridgeError.amountTooLarge(amount.minorUnits, of: try asset())
    }
    guard TextLimit.memo.admits(memo) else { throw BridgeError.memoTooLong(characters: TextLimit.length(of: memo)) }
    let treaty = try federation.requireEstablished(other)
    // What is over the peer's rate in one piece could never be issued or unlocked there.
    let rate = BridgeRate.units(
      treaty.theirs.terms.bridgeRatePerMinute, writtenIn: ledger.native.scale, of: try asset().scale)
    guard amount.minorUnits <= rate else {
      throw BridgeError.overRate(peer: other, rate: rate, amount: amount.minorUnits, of: try asset())
    }
    if let breaker = peer(other).breaker { throw BridgeError.breakerOpen(peer: other, reason: breaker.reason) }
    guard ledger.agentExists(from) else { throw BridgeError.unknownAgent(from) }
    return treaty
  }

  private func requireFunds(_ agent: AgentName, _ balance: Int64, _ amount: Amount, of asset: Asset) throws {
    guard balance >= amount.minorUnits else {
      throw BridgeError.insufficientFunds(agent, has: balance, needs: amount.minorUnits, of: asset)
    }
  }

  private func requireAgent(_ agent: AgentName, _ context: DecisionContext) throws {
    guard context.actor == .agent(agent, of: frame) else { throw BridgeError.notAllowed(context.actor) }
  }

  private func requireNode(_ context: DecisionContext) throws {
    guard context.actor == .node(of: frame) else { throw BridgeError.notAllowed(context.actor) }
  }
}
