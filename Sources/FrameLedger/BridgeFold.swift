internal import FrameProtos

/// Replays the bridge events alone and holds each one's running totals against the sum of the amounts so far, so that one
/// attested event can be believed about the whole reserve (DESIGN §8).
struct BridgeFold: Sendable {
  private struct Totals {
    var entered: Int128 = 0
    var left: Int128 = 0
  }

  /// Our money locked for a peer, and unlocked again.
  private var reserves: [String: Totals] = [:]
  /// A peer's money issued here, and redeemed again.
  private var wrapped: [String: Totals] = [:]
  /// Totals belong to a log of the peer, not to its name (decision 0034): the key of the present one, and what others left.
  private var keys: [String: String] = [:]
  private var former: [String: (reserve: Totals?, wrapped: Totals?)] = [:]

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
      return Self.compare(e.totals.issued, e.totals.redeemed, wrapped[e.origin], "issued", "redeemed")
    case .frameFederationEstablished(let e):
      changeLog(of: e.peer, to: e.theirs.logVerifierKey)
      return nil
    case .formerLogAnswered(let e):
      if e.accepted { reserves[e.peer, default: Totals()].entered += Int128(e.reserve) }
      return nil
    case .formerLogDecided(let e):
      if e.outcome == .recognised { wrapped[e.peer, default: Totals()].entered += Int128(e.figures.wrapped) }
      return nil
    default: return nil
    }
  }

  private mutating func changeLog(of peer: String, to key: String) {
    defer { keys[peer] = key }
    guard let old = keys[peer], old != key else { return }
    former["\(peer) \(old)"] = (reserves.removeValue(forKey: peer), wrapped.removeValue(forKey: peer))
    if let resumed = former.removeValue(forKey: "\(peer) \(key)") {
      reserves[peer] = resumed.reserve
      wrapped[peer] = resumed.wrapped
    }
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
