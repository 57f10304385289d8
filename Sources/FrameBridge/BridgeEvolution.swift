internal import FrameCore
package import FrameEvents
internal import FrameProtos

extension BridgeState {
  /// Applies a recorded event; events of other rooms only count. Total: what is in the log has happened.
  package mutating func evolve(_ recorded: RecordedEvent) {
    logSize = recorded.position + 1
    switch recorded.event.payload {
    case .frameFederationEstablished(let p):
      guard let peer = try? FrameID(p.peer) else { return }
      change(
        peer, to: PeerLog(peer, key: p.theirs.logVerifierKey), native: try? Asset(p.theirs.native), at: recorded.time)
    case .formerLogAnswered(let p): accept(p)
    case .formerLogDecided(let p): decide(p)
    case .formerLogItemReturned(let p): returned(p)
    case .tokensBridgeLocked(let p):
      with(p.destination) { bridge in
        let item = BridgeItem(
          id: p.lockID, peer: bridge.peer, from: p.from, recipient: p.recipient, amount: p.amount, memo: p.memo,
          position: recorded.position, time: recorded.clock)
        bridge.state.outbound.locked += p.amount
        bridge.state.outbound.locks[p.lockID] = item
        bridge.state.outbound.unissued[p.lockID] = p.amount
      }
    case .wrappedTokensIssued(let p):
      with(p.origin) { bridge in
        bridge.state.inbound.issued += p.amount
        bridge.state.inbound.provenLocked = max(bridge.state.inbound.provenLocked, Self.bounded(p.totals.locked))
        bridge.state.inbound.issueRate.add(p.amount, at: recorded.clock)
        if bridge.state.inbound.pendingIssues.removeValue(forKey: p.lockID) == nil {
          bridge.state.inbound.issuedAhead[p.lockID] = p.amount
        }
        bridge.state.inbound.issues[p.lockID] = BridgeItem(
          id: p.lockID, peer: bridge.peer, from: "", recipient: p.recipient, amount: p.amount, memo: p.memo,
          position: recorded.position, time: recorded.clock, doneAt: recorded.clock)
      }
    case .wrappedTokensRedeemed(let p):
      with(p.origin) { bridge in
        bridge.state.inbound.redeemed += p.amount
        bridge.state.inbound.notUnlocked[p.redeemID] = p.amount
        bridge.state.inbound.redeems[p.redeemID] = BridgeItem(
          id: p.redeemID, peer: bridge.peer, from: p.from, recipient: p.recipient, amount: p.amount, memo: p.memo,
          position: recorded.position, time: recorded.clock)
      }
    case .tokensBridgeUnlocked(let p):
      with(p.destination) { bridge in
        bridge.state.outbound.unlocked += p.amount
        bridge.state.outbound.provenRedeemed = max(
          bridge.state.outbound.provenRedeemed, Self.bounded(p.totals.redeemed))
        bridge.state.outbound.unlockRate.add(p.amount, at: recorded.clock)
        if bridge.state.outbound.pendingUnlocks.removeValue(forKey: p.redeemID) == nil {
          bridge.state.outbound.unlockedAhead[p.redeemID] = p.amount
        }
        bridge.state.outbound.unlocks[p.redeemID] = BridgeItem(
          id: p.redeemID, peer: bridge.peer, from: "", recipient: p.recipient, amount: p.amount, memo: p.memo,
          position: recorded.position, time: recorded.clock, doneAt: recorded.clock)
      }
    case .bridgeBreakerOpened(let p):
      with(p.peer) { bridge in
        bridge.state.breaker = BridgePeer.Breaker(reason: p.reason, detail: p.detail, openedAt: recorded.clock)
      }
    case .bridgeBreakerClosed(let p):
      with(p.peer) { bridge in bridge.state.breaker = nil }
    case .peerEventProjected(let p):
      evolve(p, at: recorded)
    default: break
    }
  }

  /// A peer's event was received: what it attests counts, unless it was refused outright. Unbacked claims count too, so
  /// that they show as an imbalance until somebody explains them.
  private mutating func evolve(_ p: PBPeerEventProjected, at recorded: RecordedEvent) {
    with(p.originFrame) { $0.state.sequence = p.sequence }
    if p.rejected.isEmpty, p.eventType == EventType.formerLogDecided.name, let peer = try? FrameID(p.originFrame),
      case .formerLogDecided(let decided)? = (try? RecordedEvent(bytes: p.event))?.event.payload
    {
      return confirm(decided, from: peer)
    }
    let isUnbacked = UnbackedReason(rawValue: p.rejected) != nil
    guard p.rejected.isEmpty || isUnbacked, Self.bridgeTypes.contains(p.eventType),
      let event = try? RecordedEvent(bytes: p.event), let peer = try? FrameID(p.originFrame)
    else { return }
    if let claim = BridgeClaim(event, from: peer) {
      with(p.originFrame) { Self.apply(claim, isUnbacked: isUnbacked, &$0.state) }
    } else if let report = BridgeReport(event.event) {
      with(p.originFrame) { Self.apply(report, &$0.state, at: recorded) }
    }
  }

  private static let bridgeTypes: Set<String> = [
    EventType.tokensBridgeLocked.name, EventType.wrappedTokensIssued.name, EventType.wrappedTokensRedeemed.name,
    EventType.tokensBridgeUnlocked.name,
  ]

  /// A peer can write any number; nothing it writes may overflow a sum of ours.
  static func bounded(_ total: Int64) -> Int64 { min(max(0, total), BridgeLimits.totalMax) }

  private static func apply(_ claim: BridgeClaim, isUnbacked: Bool, _ bridge: inout BridgePeer) {
    switch claim.kind {
    case .lock:
      bridge.inbound.attestedLocked = bounded(claim.totals.locked)
      bridge.inbound.attestedUnlocked = bounded(claim.totals.unlocked)
      guard !isUnbacked else { return }
      bridge.inbound.provenLocked = max(bridge.inbound.provenLocked, bounded(claim.totals.locked))
      if bridge.inbound.issuedAhead.removeValue(forKey: claim.id) == nil {
        bridge.inbound.pendingIssues[claim.id] = claim.item
      }
    case .redemption:
      bridge.outbound.attestedIssued = bounded(claim.totals.issued)
      bridge.outbound.attestedRedeemed = bounded(claim.totals.redeemed)
      guard !isUnbacked else { return }
      bridge.outbound.provenRedeemed = max(bridge.outbound.provenRedeemed, bounded(claim.totals.redeemed))
      if bridge.outbound.unlockedAhead.removeValue(forKey: claim.id) == nil {
        bridge.outbound.pendingUnlocks[claim.id] = claim.item
      }
    }
  }

  private static func apply(_ report: BridgeReport, _ bridge: inout BridgePeer, at recorded: RecordedEvent) {
    switch report.kind {
    case .issue:
      bridge.outbound.attestedIssued = bounded(report.totals.issued)
      bridge.outbound.attestedRedeemed = bounded(report.totals.redeemed)
      bridge.outbound.unissued[report.id] = nil
      if bridge.outbound.locks[report.id]?.doneAt == nil { bridge.outbound.locks[report.id]?.doneAt = recorded.clock }
    case .unlock:
      bridge.inbound.attestedLocked = bounded(report.totals.locked)
      bridge.inbound.attestedUnlocked = bounded(report.totals.unlocked)
      bridge.inbound.notUnlocked[report.id] = nil
      if bridge.inbound.redeems[report.id]?.doneAt == nil { bridge.inbound.redeems[report.id]?.doneAt = recorded.clock }
    }
  }

  private mutating func with(_ name: String, _ change: (inout (peer: FrameID, state: BridgePeer)) -> Void) {
    guard let peer = try? FrameID(name) else { return }
    // Taken out while it changes, so that its dictionaries are not copied.
    var entry = (peer: peer, state: peers.removeValue(forKey: peer) ?? BridgePeer())
    change(&entry)
    peers[peer] = entry.state
  }
}
