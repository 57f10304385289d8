internal import FrameProtos

/// Held money as its causes tell it: what every agent has in open holds and in two-phase transfers under way. The held
/// account must hold exactly that, so that neither use can have spent the other's money.
struct HoldRecount: Sendable {
  private struct Share {
    let owner: String
    var left: Int128
  }

  private var holds: [String: Share] = [:]
  private var locks: [String: Share] = [:]
  private var sums: [String: Int128] = [:]

  /// Holds that have not ended.
  var openHolds: Int { holds.count }

  /// What the agent's held account must hold, minor units.
  func due(_ owner: String) -> Int128 { sums[owner] ?? 0 }

  /// - Returns: what is wrong with the event, or nil.
  mutating func add(_ event: PBEvent) -> String? {
    switch event.payload {
    case .holdCreated(let e): open(e.holdID, e.from, e.amount, in: \.holds)
    case .holdCaptured(let e):
      take(e.holdID, e.from, Int128(e.amount) + Int128(e.released), wholly: e.released > 0, in: \.holds)
    case .holdReleased(let e): take(e.holdID, e.from, Int128(e.amount), wholly: true, in: \.holds)
    case .holdExpired(let e): take(e.holdID, e.from, Int128(e.amount), wholly: true, in: \.holds)
    case .crossRegistryTransferLocked(let e): open(e.terms.transferID, e.terms.from, e.terms.amount, in: \.locks)
    case .crossRegistryTransferCompleted(let e):
      take(e.terms.transferID, e.terms.from, Int128(e.terms.amount), wholly: true, in: \.locks)
    case .crossRegistryTransferAborted(let e):
      take(e.terms.transferID, e.terms.from, Int128(e.terms.amount), wholly: true, in: \.locks)
    default: nil
    }
  }

  private mutating func open(
    _ id: String, _ owner: String, _ amount: Int64, in shares: WritableKeyPath<HoldRecount, [String: Share]>
  ) -> String? {
    guard self[keyPath: shares][id] == nil else { return "'\(id)' is open already" }
    self[keyPath: shares][id] = Share(owner: owner, left: Int128(amount))
    sums[owner, default: 0] += Int128(amount)
    return nil
  }

  private mutating func take(
    _ id: String, _ owner: String, _ amount: Int128, wholly: Bool,
    in shares: WritableKeyPath<HoldRecount, [String: Share]>
  ) -> String? {
    guard var share = self[keyPath: shares][id], share.owner == owner else {
      return "'\(id)' of '\(owner)' is not open"
    }
    share.left -= amount
    sums[owner, default: 0] -= amount
    if sums[owner] == 0 { sums[owner] = nil }
    self[keyPath: shares][id] = share.left > 0 ? share : nil
    guard share.left >= 0, !wholly || share.left == 0 else {
      return "'\(id)' gives \(amount), which is not what it holds"
    }
    return nil
  }
}
