package import FrameCore
package import FrameTreaty
package import FrameLedger
package import FrameEvents
package import FrameProjection
internal import FrameProtos

// Acting on what a peer's log proves: from its stream (the reactor) or from a proof that somebody brought.
extension BridgeState {
  /// The claim of a proof that was brought by hand.
  func claim(_ attested: AttestedEvent, _ kind: BridgeClaim.Kind, _ federation: FederationState) throws -> BridgeClaim {
    let treaty = try federation.requireEstablished(attested.origin)
    guard attested.key.text == treaty.peerLogKey else { throw BridgeError.notPinnedKey(peer: attested.origin) }
    guard let claim = BridgeClaim(attested.event, from: attested.origin), claim.kind == kind else {
      let expected = kind == .lock ? EventType.tokensBridgeLocked : .wrappedTokensRedeemed
      throw BridgeError.wrongEventType(expected: expected.name, got: attested.event.event.eventType.name)
    }
    return claim
  }

  /// A repeat of what has had its effect, unless it claims something else under the same id.
  func done(_ item: BridgeItem, _ claim: BridgeClaim) throws -> [EventDraft] {
    guard item.amount == claim.amount, item.recipient == claim.recipient else { throw BridgeError.idInUse(claim.id) }
    return []
  }

  /// Issues or unlocks what the claim is due, or says why not.
  func act(
    _ claim: BridgeClaim, _ ledger: LedgerState, _ federation: FederationState, _ context: DecisionContext
  ) throws -> [EventDraft] {
    // Made for a log that we have lost, if we have: the log it is proved by may be as old as it likes (decision 0034).
    if let since = peer(claim.peer).since, claim.time < since {
      throw BridgeError.proofRefused(check: "log", code: "before_this_log")
    }
    let view = BridgeView(
      frame: frame, treaty: try federation.requireEstablished(claim.peer), ledger: ledger, peer: peer(claim.peer),
      now: context.now, isInStream: false)
    if let (check, finding) = BridgeCheck.first(claim, view) {
      switch finding {
      case .refuse(let code): throw BridgeError.proofRefused(check: check, code: code)
      case .wait(let code): throw BridgeError.notNow(check: check, code: code)
      case .unbacked(let reason): throw BridgeError.unbacked(peer: claim.peer, code: reason.rawValue)
      }
    }
    return [try effect(of: claim.item, claim.kind, totals: claim.totals, ledger, view.treaty)]
  }

  /// What the stream delivered and could not be done then. All final checks passed at that time.
  func retry(
    _ item: BridgeItem, _ kind: BridgeClaim.Kind, _ ledger: LedgerState, _ federation: FederationState,
    _ context: DecisionContext
  ) throws -> [EventDraft] {
    let treaty = try federation.requireEstablished(item.peer)
    if let (check, code) = waiting(item, kind, ledger, treaty, context.now) {
      throw BridgeError.notNow(check: check, code: code)
    }
    return [try effect(of: item, kind, totals: nil, ledger, treaty)]
  }

  /// Everything that waits with `peer`, with what it waits for.
  package func pending(
    with peer: FrameID, ledger: LedgerState, federation: FederationState, now: FrameTime
  ) -> (issues: [Pending], unlocks: [Pending]) {
    let bridge = self.peer(peer)
    func list(_ items: [String: BridgeItem], _ kind: BridgeClaim.Kind) -> [Pending] {
      items.values.sorted { $0.position < $1.position }.map { item in
        guard let treaty = federation.treaty(peer), treaty.state == .established else {
          return Pending(item: item, reason: "not_established")
        }
        return Pending(item: item, reason: waiting(item, kind, ledger, treaty, now)?.code ?? "")
      }
    }
    return (list(bridge.inbound.pendingIssues, .lock), list(bridge.outbound.pendingUnlocks, .redemption))
  }

  /// The checks whose result changes with time, for an item that passed the final ones when it came.
  private func waiting(
    _ item: BridgeItem, _ kind: BridgeClaim.Kind, _ ledger: LedgerState, _ treaty: Treaty, _ now: FrameTime
  ) -> (check: String, code: String)? {
    let view = BridgeView(
      frame: frame, treaty: treaty, ledger: ledger, peer: peer(item.peer), now: now, isInStream: false)
    let claim = BridgeClaim(pending: item, kind, view)
    for check in [BridgeCheck.coverage, .recipient, .supply, .breaker, .cap, .rate] {
      switch check.find(claim, view) {
      case .refuse(let code), .wait(let code): return (check.name, code)
      case .unbacked(let reason): return (check.name, reason.rawValue)
      case nil: continue
      }
    }
    return nil
  }

  private func effect(
    of item: BridgeItem, _ kind: BridgeClaim.Kind, totals: PBBridgeTotals?, _ ledger: LedgerState, _ treaty: Treaty
  ) throws -> EventDraft {
    let recipient = try AgentName(item.recipient)
    switch kind {
    case .lock:
      let asset = try Asset(treaty.theirs.native)
      let inbound = peer(item.peer).inbound
      var payload = PBWrappedTokensIssued()
      payload.lockID = item.id
      payload.origin = item.peer.name
      payload.recipient = item.recipient
      payload.asset = PBAsset(asset)
      payload.amount = item.amount
      payload.memo = item.memo
      payload.totals = inbound.totals
      payload.totals.locked = max(payload.totals.locked, totals?.locked ?? 0)
      payload.totals.issued = inbound.issued + item.amount
      payload.lockPosition = item.position
      return EventDraft(
        .wrappedTokensIssued(payload),
        postings: Postings.move(item.amount, from: .issuance(of: asset), to: .wrapped(recipient, asset)))
    case .redemption:
      let outbound = peer(item.peer).outbound
      var payload = PBTokensBridgeUnlocked()
      payload.redeemID = item.id
      payload.destination = item.peer.name
      payload.recipient = item.recipient
      payload.asset = PBAsset(ledger.native)
      payload.amount = item.amount
      payload.memo = item.memo
      payload.totals = outbound.totals
      payload.totals.redeemed = max(outbound.provenRedeemed, payload.totals.redeemed, totals?.redeemed ?? 0)
      payload.totals.unlocked = outbound.unlocked + item.amount
      payload.redeemPosition = item.position
      return EventDraft(
        .tokensBridgeUnlocked(payload),
        postings: Postings.move(item.amount, from: .bridgeReserve(item.peer), to: .liquid(recipient)))
    }
  }

  // MARK: The stream

  /// What this room makes of an event of a peer's stream. Total: whatever is in it, the cursor moves on.
  package func react(
    to recorded: RecordedEvent, from peer: FrameID, ledger: LedgerState, federation: FederationState, now: FrameTime
  ) -> ReactorOutcome {
    if let claim = BridgeClaim(recorded, from: peer) { return react(to: claim, ledger, federation, now) }
    if let report = BridgeReport(recorded.event) { return react(to: report, from: peer, ledger, federation) }
    return .none
  }

  private func react(
    to claim: BridgeClaim, _ ledger: LedgerState, _ federation: FederationState, _ now: FrameTime
  ) -> ReactorOutcome {
    guard let treaty = federation.treaty(claim.peer) else { return .rejected("not_established") }
    let bridge = peer(claim.peer)
    let view = BridgeView(frame: frame, treaty: treaty, ledger: ledger, peer: bridge, now: now, isInStream: true)
    let acted = claim.kind == .lock ? bridge.inbound.issues[claim.id] : bridge.outbound.unlocks[claim.id]
    let isAhead =
      (claim.kind == .lock ? bridge.inbound.issuedAhead[claim.id] : bridge.outbound.unlockedAhead[claim.id]) != nil
    let isWaiting =
      (claim.kind == .lock ? bridge.inbound.pendingIssues[claim.id] : bridge.outbound.pendingUnlocks[claim.id]) != nil
    if let acted {
      // Its effect came before it, on a proof brought by hand: only its totals are new. Anything else is a second claim
      // under one id.
      guard isAhead, acted.amount == claim.amount else { return unbacked(.totalsMismatch, claim.peer, claim.id) }
      guard BridgeCheck.totals.find(claim, view) == nil else { return unbacked(.totalsMismatch, claim.peer, claim.id) }
      return .none
    }
    if isWaiting { return unbacked(.totalsMismatch, claim.peer, claim.id) }
    switch BridgeCheck.first(claim, view)?.finding {
    case .refuse(let code): return .rejected(code)
    case .unbacked(let reason): return unbacked(reason, claim.peer, claim.id)
    case .wait:
      // Recorded, and pending by name from then on; what does not fit can be proven by hand when there is room.
      let waiting = claim.kind == .lock ? bridge.inbound.pendingIssues.count : bridge.outbound.pendingUnlocks.count
      return waiting < BridgeLimits.pendingMax ? .none : .rejected("too_many_waiting")
    case nil: break
    }
    guard let draft = try? effect(of: claim.item, claim.kind, totals: claim.totals, ledger, treaty) else {
      return .rejected("internal")
    }
    return ReactorOutcome(drafts: [draft])
  }

  /// The peer reports the other leg of a lock or redemption of ours. Nothing moves; it must add up.
  private func react(
    to report: BridgeReport, from peer: FrameID, _ ledger: LedgerState, _ federation: FederationState
  ) -> ReactorOutcome {
    guard let treaty = federation.treaty(peer) else { return .rejected("not_established") }
    let bridge = self.peer(peer)
    let ours: BridgeItem?
    let asset: Asset?
    let follows: Bool
    switch report.kind {
    case .issue:
      ours = bridge.outbound.locks[report.id]
      asset = ledger.native
      follows =
        report.totals.issued &- report.amount == bridge.outbound.attestedIssued
        && report.totals.redeemed == bridge.outbound.attestedRedeemed
    case .unlock:
      ours = bridge.inbound.redeems[report.id]
      asset = try? Asset(treaty.theirs.native)
      follows =
        report.totals.unlocked &- report.amount == bridge.inbound.attestedUnlocked
        && report.totals.locked == bridge.inbound.attestedLocked
    }
    guard let ours else {
      return unbacked(report.kind == .issue ? .unknownLock : .unknownRedemption, peer, report.id)
    }
    guard ours.doneAt == nil else {
      return unbacked(report.kind == .issue ? .issuedTwice : .unlockedTwice, peer, report.id)
    }
    guard ours.amount == report.amount, ours.recipient == report.recipient, let asset,
      (try? Asset(report.asset)) == asset
    else { return unbacked(.legMismatch, peer, report.id) }
    let claimed = [report.totals.locked, report.totals.unlocked, report.totals.issued, report.totals.redeemed]
    guard follows, claimed.allSatisfy((0...BridgeLimits.totalMax).contains) else {
      return unbacked(.totalsMismatch, peer, report.id)
    }
    guard report.kind == .unlock || report.totals.issued <= bridge.outbound.locked else {
      return unbacked(.issuedOverLocked, peer, report.id)
    }
    return .none
  }

  private func unbacked(_ reason: UnbackedReason, _ peer: FrameID, _ id: String) -> ReactorOutcome {
    let drafts =
      self.peer(peer).breaker == nil
      ? [Self.breakerOpened(peer, reason: reason.rawValue, detail: String(id.prefix(BridgeLimits.idBytesMax)))] : []
    return ReactorOutcome(drafts: drafts, rejected: reason.rawValue, counts: true)
  }

  static func breakerOpened(_ peer: FrameID, reason: String, detail: String) -> EventDraft {
    var payload = PBBridgeBreakerOpened()
    payload.peer = peer.name
    payload.reason = String(reason.prefix(64))
    payload.detail = String(detail.prefix(TextLimit.reason.most))
    return EventDraft(.bridgeBreakerOpened(payload))
  }
}
