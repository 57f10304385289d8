internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// Replays the bridge events alone and holds each one's running totals against the sum of the amounts so far, so that one
/// attested event can be believed about the whole reserve (DESIGN §8). Wrapped tokens that come home from a log that its frame
/// has lost are held against what was redeemed in it, one by one.
struct BridgeRecount: Sendable {
  private struct Totals {
    var entered: Int128 = 0
    var left: Int128 = 0
  }

  /// A redemption of ours that the peer's log has not told us to be unlocked.
  private struct Burned: Equatable {
    let agent: String
    let amount: Int64
    /// Of the asset. Its code and scale are the peer's to say, in each treaty.
    let origin: String
  }

  /// With a log that its frame has lost or left.
  private struct Former {
    var reserve: Totals?
    var wrapped: Totals?
    var burned: [String: Burned]
    var isDecided = false
  }

  /// Our money locked for a peer, and unlocked again.
  private var reserves: [String: Totals] = [:]
  /// A peer's money issued here, and redeemed again.
  private var wrapped: [String: Totals] = [:]
  /// By peer and id: no more at a time than are under way.
  private var burned: [String: [String: Burned]] = [:]
  /// Totals belong to a log of the peer, not to its name (decision 0034): the present one, and what others left, by log.
  private var logs: [String: String] = [:]
  private var former: [String: Former] = [:]

  /// - Returns: what is wrong with the event, or nil.
  mutating func add(_ event: PBEvent) -> String? {
    switch event.payload {
    case .tokensBridgeLocked(let e):
      reserves[e.destination, default: Totals()].entered += Int128(e.amount)
      return Self.compare(e.totals.locked, e.totals.unlocked, reserves[e.destination], "locked", "unlocked")
    case .tokensBridgeUnlocked(let e):
      reserves[e.destination, default: Totals()].left += Int128(e.amount)
      return Self.compare(e.totals.locked, e.totals.unlocked, reserves[e.destination], "locked", "unlocked")
    case .wrappedTokensIssued(let e):
      wrapped[e.origin, default: Totals()].entered += Int128(e.amount)
      return Self.compare(e.totals.issued, e.totals.redeemed, wrapped[e.origin], "issued", "redeemed")
    case .wrappedTokensRedeemed(let e):
      wrapped[e.origin, default: Totals()].left += Int128(e.amount)
      burned[e.origin, default: [:]][e.redeemID] = Burned(agent: e.from, amount: e.amount, origin: e.asset.origin)
      return Self.compare(e.totals.issued, e.totals.redeemed, wrapped[e.origin], "issued", "redeemed")
    case .peerEventProjected(let e):
      unlocked(e)
      return nil
    case .frameFederationEstablished(let e):
      changeLog(of: e.peer, to: e.theirs.logVerifierKey)
      return nil
    case .peerLogReplaced(let e): return check(e.figures, e.log)
    case .formerLogAnswered(let e):
      if e.accepted { reserves[e.peer, default: Totals()].entered += Int128(e.reserve) }
      return nil
    case .formerLogDecided(let e):
      former[e.log]?.isDecided = true
      // What was being redeemed there counts as issued here from now on, though it comes home later.
      if e.outcome == .recognised { wrapped[e.peer, default: Totals()].entered += Int128(e.figures.wrapped) }
      return check(e.figures, e.log)
    case .formerLogItemReturned(let e): return e.kind == .wrapped ? comeHome(e) : nil
    default: return nil
    }
  }

  private mutating func changeLog(of peer: String, to key: String) {
    guard let frame = try? FrameID(peer) else { return }
    let log = PeerLog(frame, key: key).name
    defer { logs[peer] = log }
    guard let old = logs[peer], old != log else { return }
    former[old] = Former(
      reserve: reserves.removeValue(forKey: peer), wrapped: wrapped.removeValue(forKey: peer),
      burned: burned.removeValue(forKey: peer) ?? [:])
    if let resumed = former.removeValue(forKey: log) {
      reserves[peer] = resumed.reserve
      wrapped[peer] = resumed.wrapped
      burned[peer] = resumed.burned
    }
  }

  /// A peer tells that what was redeemed here is unlocked there: it comes home no more.
  private mutating func unlocked(_ e: PBPeerEventProjected) {
    guard e.rejected.isEmpty, e.eventType == EventType.tokensBridgeUnlocked.name,
      case .tokensBridgeUnlocked(let unlock)? = (try? PBEvent(serializedBytes: e.event))?.payload
    else { return }
    burned[e.originFrame]?[unlock.redeemID] = nil
  }

  /// No more may be claimed to be on its way home than was redeemed and not unlocked. Earlier versions claim nothing.
  private func check(_ figures: PBFormerLogFigures, _ log: String) -> String? {
    let most = (former[log]?.burned ?? [:]).values.reduce(Int128(0)) { $0 + Int128($1.amount) }
    guard figures.redeeming >= 0, Int128(figures.redeeming) <= most, figures.redeeming <= max(0, figures.wrapped) else {
      return "it says that \(figures.redeeming) of \(figures.wrapped) was being redeemed; its log says \(most)"
    }
    return nil
  }

  private mutating func comeHome(_ e: PBFormerLogItemReturned) -> String? {
    guard let log = former[e.log], log.isDecided else { return "nobody has decided about '\(e.log)'" }
    let returned = Burned(agent: e.to, amount: e.amount, origin: e.asset.origin)
    guard let redeemed = former[e.log]?.burned.removeValue(forKey: e.itemID), redeemed == returned else {
      return "'\(e.itemID)' was not redeemed like that under '\(e.log)', was unlocked there, or is back already"
    }
    return nil
  }

  private static func compare(
    _ entered: Int64, _ left: Int64, _ totals: Totals?, _ enteredName: String, _ leftName: String
  ) -> String? {
    let totals = totals ?? Totals()
    guard totals.entered == Int128(entered), totals.left == Int128(left) else {
      return "it says \(enteredName) \(entered), \(leftName) \(left); its log says \(totals.entered) and \(totals.left)"
    }
    return totals.left > totals.entered ? "\(leftName) \(left) exceeds \(enteredName) \(entered)" : nil
  }
}
