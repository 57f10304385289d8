/// One of two logs that are held against each other, as the other one looks at it.
struct DealingsSide {
  let fold: DealingsRecount
  /// The other's log, as this one knows it; nil when its treaties are with other logs of that frame, and none with this one.
  let log: DealingsRecount.Log?
  /// What it did with other logs of the other's frame.
  let otherLogs: [DealingsMatch.OtherLog]
  /// What the log got after it was read; nil for the one that was read last.
  private let tail: DealingsRecount?

  init(_ fold: DealingsRecount, of other: DealingsRecount, tail: DealingsRecount? = nil) {
    self.fold = fold
    self.tail = tail
    let log = Self.log(of: other, in: fold)
    self.log = log
    otherLogs = fold.standings.filter { $0.key.peer == other.frame && $0.key != log }
      .map { key, standing in
        DealingsMatch.OtherLog(
          frame: fold.frame, log: fold.name(of: key), state: standing.state.rawValue, items: standing.items,
          clearing: standing.clearingNow, locked: standing.reserveNow, wrapped: standing.wrappedNow,
          asset: standing.asset)
      }
      .sorted { $0.log < $1.log }
  }

  var frame: String { fold.frame }
  var end: UInt64 { max(fold.end, tail?.end ?? 0) }
  var standing: DealingsRecount.Standing { log.flatMap { fold.standings[$0] } ?? DealingsRecount.Standing() }

  // What the first log got while the second was read counts where the second may rest on it, and not otherwise: a lock there may be issued,
  // and of what is outstanding here some may be redeemed and unlocked there.

  var locked: Int128 { standing.reserve + (tailStanding?.locked ?? 0) }
  var wrapped: Int128 { standing.wrapped - (tailStanding?.redeemed ?? 0) }

  private var tailStanding: DealingsRecount.Standing? { log.flatMap { tail?.standings[$0] } }

  /// A log whose founding event names no key is the one of the present treaty, and so is any for a log that has no treaty on record.
  private static func log(of other: DealingsRecount, in fold: DealingsRecount) -> DealingsRecount.Log? {
    let given = DealingsRecount.Log(peer: other.frame, key: other.logKey)
    let present = fold.present(other.frame)
    if fold.standings[given] != nil { return given }
    return present.key.isEmpty || given.key.isEmpty ? present : nil
  }

  // MARK: Looking up what the other one refers to

  func hasSent(_ id: String) -> Bool {
    guard let log else { return false }
    let key = DealingsRecount.PeerID(peer: log.peer, id: id)
    return fold.sent[key]?.log == log || tail?.sent[key]?.log == log
  }

  func asked(_ id: String) -> DealingsRecount.Asked? { find(\.asked, id) }

  func hasRefused(_ id: String) -> Bool {
    guard let log else { return false }
    let key = DealingsRecount.PeerID(peer: log.peer, id: id)
    return fold.refused.contains(key) || tail?.refused.contains(key) == true
  }

  func leg(_ legs: KeyPath<DealingsRecount, [DealingsRecount.Key: DealingsRecount.Leg]>, _ id: String)
    -> DealingsRecount.Leg?
  {
    find(legs, id)
  }

  package func answer(_ proposal: String) -> DealingsRecount.Recognition? { find(\.answers, proposal) }
  func recognition(_ proposal: String) -> DealingsRecount.Recognition? { find(\.recognitions, proposal) }

  private func find<Item>(_ items: KeyPath<DealingsRecount, [DealingsRecount.Key: Item]>, _ id: String) -> Item? {
    guard let log else { return nil }
    let key = DealingsRecount.Key(log: log, id: id)
    return fold[keyPath: items][key] ?? tail?[keyPath: items][key]
  }
}
