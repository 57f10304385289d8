/// The dealings of two frames with each other, matched by id in both logs: what one of them says that the other contradicts is a
/// named problem; what one has done and the other not yet is in flight and is none.
///
/// Items that were opened under a treaty with another log of the same name (the peer was rebuilt) are not this log's: they are
/// counted, not matched.
package struct DealingsMatch: Sendable {
  /// One direction of what the two do: transfers or bridge items from one to the other that are under way.
  package private(set) var transfersInFlight = 0
  package private(set) var bridgeInFlight = 0
  /// Items with a log that the peer has no more.
  package private(set) var withFormerLogs = 0
  package private(set) var problems: [DealingsProblem] = []
  package private(set) var problemCount = 0

  /// - Parameters:
  ///   - first: read first.
  ///   - second: read after it.
  ///   - tail: what `first`'s log has got since: the second log may rest on it, and it is not missing then.
  package init(_ first: DealingsFold, _ second: DealingsFold, tail: DealingsFold) {
    for fold in [first, second] {
      problems += fold.problems
      problemCount += fold.problemCount
    }
    transfers(from: first, to: second) {
      tail.sent[$0] != nil || first.sent[$0] != nil
    } credited: {
      second.asked[$0]
    }
    transfers(from: second, to: first) {
      second.sent[$0] != nil
    } credited: {
      first.asked[$0] ?? tail.asked[$0]
    }
    bridge(
      from: first, to: second, locked: { first.locks[$0] ?? tail.locks[$0] }, issued: second.issues,
      redeemed: { second.redemptions[$0] }, unlocked: first.unlocks)
    bridge(
      from: second, to: first, locked: { second.locks[$0] }, issued: first.issues,
      redeemed: { first.redemptions[$0] ?? tail.redemptions[$0] }, unlocked: second.unlocks)
    problems.sort { ($0.frame, $0.position ?? 0, $0.id) < ($1.frame, $1.position ?? 0, $1.id) }
  }

  private mutating func note(_ code: String, _ frame: String, _ id: String, _ position: UInt64?, _ message: String) {
    problemCount += 1
    if problems.count < DealingsFold.problemsMax {
      problems.append(DealingsProblem(code, frame, id, position, message))
    }
  }

  /// Whether an item that was opened under a treaty with the log `key` is of the other's present log.
  private mutating func isWith(_ other: DealingsFold, _ key: String) -> Bool {
    guard key.isEmpty || other.logKey.isEmpty || key == other.logKey else {
      withFormerLogs += 1
      return false
    }
    return true
  }

  // MARK: Transfers

  private mutating func transfers(
    from origin: DealingsFold, to destination: DealingsFold, isDebited: (DealingsFold.Key) -> Bool,
    credited: (DealingsFold.Key) -> DealingsFold.Asked?
  ) {
    for (key, sent) in origin.sent where key.peer == destination.frame {
      guard isWith(destination, sent.peerKey) else { continue }
      compare(key.id, sent, credited(.init(peer: origin.frame, id: key.id)), origin, destination)
    }
    for (key, asked) in destination.asked where key.peer == origin.frame {
      guard let credited = asked.credited, !isDebited(.init(peer: destination.frame, id: key.id)) else { continue }
      guard isWith(origin, asked.peerKey) else { continue }
      note(
        "credit_without_debit", destination.frame, key.id, asked.position,
        "\(DealingsFold.money(Int128(credited), destination.native)) was credited; the log of \(origin.frame) has no debit of it"
      )
    }
  }

  private mutating func compare(
    _ id: String, _ sent: DealingsFold.Sent, _ asked: DealingsFold.Asked?, _ origin: DealingsFold,
    _ destination: DealingsFold
  ) {
    switch (sent.outcome, asked?.credited) {
    case (.settled, nil):
      note(
        "settled_without_credit", origin.frame, id, sent.position,
        asked?.isRefused == true
          ? "it is settled; \(destination.frame) refused it" : "it is settled; \(destination.frame) never credited it")
    case (.refunded, .some):
      note(
        "refunded_and_credited", origin.frame, id, sent.position,
        "its sender was paid back, and \(destination.frame) credited it at \(asked?.position ?? 0)")
    case (.refunded, nil):
      // A refund without a refusal on record leaves the way open for a credit that comes late.
      guard asked?.isRefused == true else {
        return note(
          "refunded_without_refusal", origin.frame, id, sent.position,
          "its sender was paid back; the log of \(destination.frame) has no refusal of it")
      }
    case (.open, _): transfersInFlight += 1
    case (.settled(let settled), .some(let credited)):
      if settled != credited {
        note(
          "amount_differs", origin.frame, id, sent.position,
          "settled with \(DealingsFold.money(Int128(settled), destination.native)); \(destination.frame) credited "
            + DealingsFold.money(Int128(credited), destination.native))
      }
    }
    guard let asked, let credited = asked.credited else { return }
    if let terms = asked.terms, !terms.isSame(as: sent.terms) {
      note(
        "terms_differ", destination.frame, id, asked.position,
        "it was credited with other terms than \(origin.frame) debited it with")
    }
    guard !origin.native.isEmpty, !destination.native.isEmpty else { return }
    if Self.scaled(Int128(sent.terms.amount), from: origin.scale, to: destination.scale) != credited {
      note(
        "amount_differs", destination.frame, id, asked.position,
        "\(DealingsFold.money(Int128(credited), destination.native)) was credited for "
          + DealingsFold.money(Int128(sent.terms.amount), origin.native))
    }
  }

  // MARK: Bridge

  private mutating func bridge(
    from origin: DealingsFold, to destination: DealingsFold, locked: (DealingsFold.Key) -> DealingsFold.Leg?,
    issued: [DealingsFold.Key: DealingsFold.Leg], redeemed: (DealingsFold.Key) -> DealingsFold.Leg?,
    unlocked: [DealingsFold.Key: DealingsFold.Leg]
  ) {
    for (key, issue) in issued where key.peer == origin.frame {
      guard isWith(origin, issue.peerKey) else { continue }
      follow(
        key.id, issue, of: destination, locked(.init(peer: destination.frame, id: key.id)), of: origin, "issue", "lock")
    }
    for (key, unlock) in unlocked where key.peer == destination.frame {
      guard isWith(destination, unlock.peerKey) else { continue }
      follow(
        key.id, unlock, of: origin, redeemed(.init(peer: origin.frame, id: key.id)), of: destination, "unlock",
        "redemption")
    }
    for (key, lock) in origin.locks where key.peer == destination.frame {
      guard isWith(destination, lock.peerKey) else { continue }
      if issued[.init(peer: origin.frame, id: key.id)] == nil { bridgeInFlight += 1 }
    }
    for (key, redemption) in destination.redemptions where key.peer == origin.frame {
      guard isWith(origin, redemption.peerKey) else { continue }
      if unlocked[.init(peer: destination.frame, id: key.id)] == nil { bridgeInFlight += 1 }
    }
  }

  /// A leg and the one that it must have followed from.
  private mutating func follow(
    _ id: String, _ leg: DealingsFold.Leg, of frame: DealingsFold, _ cause: DealingsFold.Leg?, of other: DealingsFold,
    _ name: String, _ causeName: String
  ) {
    guard let cause else {
      return note(
        "\(name)_without_\(causeName)", frame.frame, id, leg.position,
        "\(DealingsFold.money(Int128(leg.amount), leg.asset)); the log of \(other.frame) has no \(causeName) of it")
    }
    guard leg.amount == cause.amount, leg.recipient == cause.recipient, leg.asset == cause.asset else {
      return note(
        "bridge_terms_differ", frame.frame, id, leg.position,
        "\(DealingsFold.money(Int128(leg.amount), leg.asset)) to '\(leg.recipient)'; the \(causeName) at \(other.frame) says "
          + "\(DealingsFold.money(Int128(cause.amount), cause.asset)) to '\(cause.recipient)'")
    }
  }

  // MARK: Arithmetic

  /// The same value at another scale; nil when it does not fit exactly.
  package static func scaled(_ units: Int128, from: Int, to: Int) -> Int128? {
    guard (0...18).contains(from), (0...18).contains(to) else { return nil }
    let factor = (0..<abs(to - from)).reduce(Int128(1)) { power, _ in power * 10 }
    if to >= from {
      let (product, overflow) = units.multipliedReportingOverflow(by: factor)
      return overflow ? nil : product
    }
    return units % factor == 0 ? units / factor : nil
  }
}
