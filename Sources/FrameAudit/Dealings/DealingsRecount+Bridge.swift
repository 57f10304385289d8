internal import FrameProtos

/// The bridge items in a log.
extension DealingsRecount {
  /// - Returns: whether it is an event of the bridge.
  mutating func addBridge(_ event: PBEvent, _ money: DealingsMoney) -> Bool {
    let position = event.position
    switch event.payload {
    case .tokensBridgeLocked(let e):
      let log = present(e.destination)
      if leg(\.locks, log, e.lockID, e.amount, e.recipient, e.asset, position, "locked_twice") {
        standings[log, default: Standing()].locked += Int128(e.amount)
      }
      expect(money, e.lockID, position, [(.reserve(e.destination), Int128(e.amount))])
    case .wrappedTokensIssued(let e):
      let log = present(e.origin)
      if leg(\.issues, log, e.lockID, e.amount, e.recipient, e.asset, position, "issued_twice") {
        standings[log, default: Standing()].issued(Int128(e.amount), Self.text(e.asset))
      }
      expect(money, e.lockID, position, [(.wrapped(e.recipient, Self.text(e.asset)), Int128(e.amount))])
    case .wrappedTokensRedeemed(let e):
      let log = present(e.origin)
      if leg(\.redemptions, log, e.redeemID, e.amount, e.recipient, e.asset, position, "redeemed_twice") {
        standings[log, default: Standing()].redeemed += Int128(e.amount)
      }
      expect(money, e.redeemID, position, [(.wrapped(e.from, Self.text(e.asset)), -Int128(e.amount))])
    case .tokensBridgeUnlocked(let e):
      let log = present(e.destination)
      if leg(\.unlocks, log, e.redeemID, e.amount, e.recipient, e.asset, position, "unlocked_twice") {
        standings[log, default: Standing()].unlocked += Int128(e.amount)
      }
      expect(money, e.redeemID, position, [(.reserve(e.destination), -Int128(e.amount))])
    case .formerLogItemReturned(let e): returned(e, money, position)
    default: return false
    }
    return true
  }

  /// - Returns: whether it is the first of its id.
  private mutating func leg(
    _ legs: WritableKeyPath<Self, [Key: Leg]>, _ log: Log, _ id: String, _ amount: Int64, _ recipient: String,
    _ asset: PBAsset, _ position: UInt64, _ twice: String
  ) -> Bool {
    let key = Key(log: log, id: id)
    if let first = self[keyPath: legs][key] {
      note(twice, id, at: position, "first at \(first.position)")
      return false
    }
    self[keyPath: legs][key] = Leg(amount: amount, recipient: recipient, asset: Self.text(asset), position: position)
    standings[log, default: Standing()].items += 1
    return true
  }

  /// What a decision about a lost log gives to an agent here. A redemption there was never heard of as more than that log's word: it is
  /// held against that log, when it is the one that is given.
  private mutating func returned(_ e: PBFormerLogItemReturned, _ money: DealingsMoney, _ position: UInt64) {
    guard let log = log(named: e.log, of: e.peer) else {
      return note("return_without_log", e.itemID, at: position, "no treaty was with a log '\(e.log)'")
    }
    requireDecided(log, e.itemID, position)
    let key = Key(log: log, id: e.itemID)
    switch e.kind {
    case .lock:
      take(\.locks, key, e.amount, position)
      standings[log, default: Standing()].returned += Int128(e.amount)
      expect(money, e.itemID, position, [(.reserve(e.log), -Int128(e.amount))])
    case .redemption:
      if paid[key] != nil || unlocks[key] != nil {
        note("returned_twice", e.itemID, at: position, "it was paid before")
      }
      paid[key] = Leg(amount: e.amount, recipient: e.to, asset: native, position: position)
      standings[log, default: Standing()].returned += Int128(e.amount)
      expect(money, e.itemID, position, [(.reserve(e.log), -Int128(e.amount))])
    default:
      // Tokens that were on their way home to it come back to whoever redeemed them.
      take(\.redemptions, key, e.amount, position)
      if let left = standings[log]?.onTheirWay, left >= Int128(e.amount) {
        standings[log]?.onTheirWay = left - Int128(e.amount)
      } else {
        standings[log, default: Standing()].cameBack += Int128(e.amount)
      }
      expect(money, e.itemID, position, [(.wrapped(e.to, standings[log]?.asset ?? ""), Int128(e.amount))])
    }
  }

  /// An item of ours goes back: there must be one, of that amount, and it goes back once.
  private mutating func take(
    _ legs: WritableKeyPath<Self, [Key: Leg]>, _ key: Key, _ amount: Int64, _ position: UInt64
  ) {
    guard let leg = self[keyPath: legs][key], leg.amount == amount else {
      return note(
        "return_without_item", key.id, at: position,
        "\(Self.money(Int128(amount), self[keyPath: legs][key]?.asset ?? "")); no such item was begun here")
    }
    if leg.isReturned { note("returned_twice", key.id, at: position, "it was returned before") }
    self[keyPath: legs][key]?.isReturned = true
  }
}
