internal import FrameCore
internal import FrameTreaty
internal import FrameLedger
internal import FrameProtos

/// What a check finds wrong with a claim.
enum BridgeFinding: Error, Equatable {
  /// It can never be acted on.
  case refuse(String)
  /// It holds but cannot be acted on now; what the stream delivered stays pending and is tried again.
  case wait(String)
  /// It shows money that nothing backs: the bridge with the peer stops.
  case unbacked(UnbackedReason)
}

/// Ways in which a peer's attested events can show unbacked or lost money. Each opens the breaker.
package enum UnbackedReason: String, Sendable, CaseIterable {
  /// The event's own postings do not show the value locked or burnt (CONFORMANCE B14).
  case notBackedByPostings = "not_backed_by_postings"
  /// The running totals do not follow from the ones before.
  case totalsMismatch = "totals_mismatch"
  /// More would be issued here than was locked there.
  case issuedOverLocked = "issued_over_locked"
  /// More would be unlocked here than was redeemed there.
  case unlockedOverRedeemed = "unlocked_over_redeemed"
  /// More would be unlocked than is in reserve.
  case unlockOverReserve = "unlock_over_reserve"
  /// The peer reports the other leg of something we never did.
  case unknownLock = "unknown_lock"
  case unknownRedemption = "unknown_redemption"
  /// The peer reports the other leg twice.
  case issuedTwice = "issued_twice"
  case unlockedTwice = "unlocked_twice"
  /// The peer reports another amount, recipient or asset than ours.
  case legMismatch = "leg_mismatch"
}

/// What the checks may look at beside the claim.
struct BridgeView {
  let frame: FrameID
  let treaty: Treaty
  let ledger: LedgerState
  let peer: BridgePeer
  let now: FrameTime
  /// The claim is the next event of the peer's stream, so its totals must follow exactly; a proof brought by hand may
  /// come ahead of the stream.
  let isInStream: Bool
}

/// One named check of DESIGN §8. That the signer is the pinned key, that checkpoint and inclusion hold and that the event
/// type is right is certain before: only `AttestedEvent` and `BridgeClaim` carry a claim here.
struct BridgeCheck: Sendable {
  let name: String
  let find: @Sendable (BridgeClaim, BridgeView) -> BridgeFinding?

  /// In the order they run. The later ones may pass another time, so a claim that waits has passed all that are final.
  static let all: [BridgeCheck] = [
    treaty, identifier, addressee, asset, amount, memo, recipientName, postings, totals, coverage, recipient, supply,
    breaker,
    cap, rate,
  ]

  /// The first finding, with the name of the check that made it.
  static func first(_ claim: BridgeClaim, _ view: BridgeView) -> (check: String, finding: BridgeFinding)? {
    for check in all {
      if let finding = check.find(claim, view) { return (check.name, finding) }
    }
    return nil
  }

  static let treaty = BridgeCheck(name: "treaty_established") { _, view in
    view.treaty.state == .established ? nil : .refuse("not_established")
  }
  static let identifier = BridgeCheck(name: "id") { claim, _ in
    BridgeCommand.isID(claim.id) ? nil : .refuse("invalid_bridge_id")
  }
  /// A proof made out to another frame is worth nothing here.
  static let addressee = BridgeCheck(name: "destination") { claim, view in
    claim.addressee == view.frame.name ? nil : .refuse("not_addressed_here")
  }
  /// The origin is part of the asset (CONFORMANCE B17): a lock brings the peer's own native asset and nothing else, a
  /// redemption brings home ours and nothing else.
  static let asset = BridgeCheck(name: "asset") { claim, view in
    let expected =
      switch claim.kind {
      case .lock: try? Asset(view.treaty.theirs.native)
      case .redemption: Optional(view.ledger.native)
      }
    guard let expected, (try? Asset(claim.asset)) == expected else { return .refuse("wrong_asset") }
    return claim.kind == .lock && expected.origin != view.treaty.peer ? .refuse("wrong_asset") : nil
  }
  static let amount = BridgeCheck(name: "amount") { claim, _ in
    (1...BridgeLimits.amountMax).contains(claim.amount) ? nil : .refuse("invalid_amount")
  }
  /// An honest frame refuses a longer one when it is asked to lock or redeem.
  static let memo = BridgeCheck(name: "memo") { claim, _ in
    TextLimit.memo.admits(claim.memo) ? nil : .refuse("memo_too_long")
  }
  static let recipientName = BridgeCheck(name: "recipient_name") { claim, _ in
    (try? AgentName(claim.recipient)) == nil ? .refuse("invalid_agent_name") : nil
  }
  /// The event's own postings must show the value locked or burnt (CONFORMANCE B14).
  static let postings = BridgeCheck(name: "postings") { claim, view in
    let shown =
      switch claim.kind {
      case .lock:
        moves(
          claim.postings, claim.amount, from: (claim.from, .liquid), to: (view.frame.name, .bridgeReserve), asset: nil)
      case .redemption:
        moves(claim.postings, claim.amount, from: (claim.from, .wrapped), to: ("", .issuance), asset: claim.asset)
      }
    return shown ? nil : .unbacked(.notBackedByPostings)
  }
  /// One event states the reserve only if each total follows from the last one.
  static let totals = BridgeCheck(name: "totals") { claim, view in
    let claimed = [claim.totals.locked, claim.totals.unlocked, claim.totals.issued, claim.totals.redeemed]
    guard claimed.allSatisfy((0...BridgeLimits.totalMax).contains) else { return .unbacked(.totalsMismatch) }
    guard view.isInStream else { return nil }
    let follows =
      switch claim.kind {
      case .lock:
        claim.totals.locked == view.peer.inbound.attestedLocked.sum(with: claim.amount)
          && claim.totals.unlocked == view.peer.inbound.attestedUnlocked
      case .redemption:
        claim.totals.redeemed == view.peer.outbound.attestedRedeemed.sum(with: claim.amount)
          && claim.totals.issued == view.peer.outbound.attestedIssued
      }
    return follows ? nil : .unbacked(.totalsMismatch)
  }
  /// Whatever order proofs arrive in: never more issued than locked, never more unlocked than redeemed or in reserve.
  static let coverage = BridgeCheck(name: "coverage") { claim, view in
    switch claim.kind {
    case .lock:
      let inbound = view.peer.inbound
      guard let issued = inbound.issued.sum(with: claim.amount),
        issued <= max(inbound.provenLocked, claim.totals.locked)
      else { return .unbacked(.issuedOverLocked) }
    case .redemption:
      let outbound = view.peer.outbound
      guard claim.totals.issued <= outbound.locked else { return .unbacked(.issuedOverLocked) }
      guard let unlocked = outbound.unlocked.sum(with: claim.amount), unlocked <= outbound.locked
      else { return .unbacked(.unlockOverReserve) }
      guard unlocked <= max(outbound.provenRedeemed, claim.totals.redeemed)
      else { return .unbacked(.unlockedOverRedeemed) }
    }
    return nil
  }
  static let recipient = BridgeCheck(name: "recipient") { claim, view in
    guard let name = try? AgentName(claim.recipient) else { return .refuse("invalid_agent_name") }
    return view.ledger.agentExists(name) ? nil : .wait("unknown_agent")
  }
  /// While an audit's finding stands, nothing is issued, wrapped money neither: it waits, and the peer's stream goes on.
  static let supply = BridgeCheck(name: "supply") { claim, view in
    claim.kind == .lock && view.ledger.drift != nil ? .wait("supply_frozen") : nil
  }
  static let breaker = BridgeCheck(name: "breaker") { _, view in
    view.peer.breaker == nil ? nil : .wait("breaker_open")
  }
  /// Holds even against a peer with valid keys (CONFORMANCE B16). Unlocks are capped by the reserve.
  static let cap = BridgeCheck(name: "cap") { claim, view in
    guard claim.kind == .lock else { return nil }
    guard let outstanding = view.peer.inbound.outstanding.sum(with: claim.amount),
      outstanding <= max(0, view.treaty.terms.bridgeCap)
    else { return .wait("bridge_cap") }
    return nil
  }
  static let rate = BridgeCheck(name: "rate") { claim, view in
    let window = claim.kind == .lock ? view.peer.inbound.issueRate : view.peer.outbound.unlockRate
    // We hold the peer to it in its own currency; what comes home is ours.
    let theirs = UInt8(clamping: view.treaty.theirs.native.scale)
    let rate = BridgeRate.units(
      view.treaty.terms.bridgeRatePerMinute, writtenIn: theirs,
      of: claim.kind == .lock ? theirs : view.ledger.native.scale)
    guard let minute = window.sum(at: view.now).sum(with: claim.amount), minute <= rate else {
      return .wait("bridge_rate")
    }
    return nil
  }

  /// Exactly one move of `amount`, nothing else.
  private static func moves(
    _ postings: [PBPosting], _ amount: Int64, from: (owner: String, kind: PBAccountKind),
    to: (owner: String, kind: PBAccountKind), asset: PBAsset?
  ) -> Bool {
    func isAsset(_ posting: PBPosting) -> Bool {
      asset.map { posting.hasAsset && posting.asset == $0 } ?? !posting.hasAsset
    }
    guard postings.count == 2, postings.allSatisfy(isAsset) else { return false }
    return postings.contains { $0.owner == from.owner && $0.kind == from.kind && $0.amount == -amount }
      && postings.contains { $0.owner == to.owner && $0.kind == to.kind && $0.amount == amount }
  }
}
