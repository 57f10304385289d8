/// The dealings of two logs with each other, matched by id in both: what one of them says that the other contradicts is a
/// named problem; what one has done and the other not yet is in flight and is none.
///
/// It is two logs that are matched, not two names (decision 0034): what one of the two did with another log of the other's frame is not
/// matched with this one. It stands as a line of its own (``OtherLog``), neither proven nor contradicted.
package struct DealingsMatch: Sendable {
  /// One direction of the bridge between the two logs, in minor units of the origin's currency.
  package struct Direction: Sendable, Equatable {
    package let origin: String
    package let destination: String
    /// Locked at the origin for this log of the destination.
    package let locked: Int128
    /// Outstanding at the destination, of this log of the origin.
    package let wrapped: Int128
  }

  /// What one of the two did with another log of the other's frame.
  package struct OtherLog: Sendable, Equatable {
    /// Whose log tells it.
    package let frame: String
    /// Of the other's frame: its name and 16 hex digits of its key's hash.
    package let log: String
    /// `present`: the treaty is with it; `undecided`, `recognised` or `written_off`: it is a former one.
    package let state: String
    package let items: Int
    /// What is on the accounts of it now, in minor units of `frame`.
    package let clearing: Int128
    package let locked: Int128
    /// What `frame` still holds of it, in minor units of that money.
    package let wrapped: Int128
    /// Of the wrapped tokens, with its decimal places after a slash; "" when there never were any.
    package let asset: String

    var isAnything: Bool { items != 0 || clearing != 0 || locked != 0 || wrapped != 0 }
  }

  /// What was found to agree.
  package struct Agreed: Sendable, Equatable {
    package var credited = 0
    package var refunded = 0
    package var issued = 0
    package var unlocked = 0
    package var recognised = 0
  }

  /// What one side has begun and the other not ended yet.
  package internal(set) var transfersInFlight = 0
  package internal(set) var bridgeInFlight = 0
  package internal(set) var recognitionsInFlight = 0
  /// Given back by a decision, though the log that was lost had acted on it: it is lost there, and not paid twice.
  package internal(set) var returnedThough = 0
  package internal(set) var agreed = Agreed()
  package let directions: [Direction]
  package let otherLogs: [OtherLog]
  /// The least size that each log must have had for what the other has acted on, where that is more than what was read.
  package let missing: [(frame: String, read: UInt64, needed: UInt64)]
  package private(set) var problems: [DealingsProblem] = []
  package private(set) var problemCount = 0
  /// The clearing positions of the two with each other, in the order in which they were read.
  package let clearing: (first: Int128, second: Int128)

  /// Items with logs that are not the given ones.
  package var withOtherLogs: Int { otherLogs.reduce(0) { $0 + $1.items } }

  /// - Parameters:
  ///   - first: read first.
  ///   - second: read after it.
  ///   - tail: what `first`'s log has got since: the second log may rest on it, and it is not missing then.
  package init(_ first: DealingsRecount, _ second: DealingsRecount, tail: DealingsRecount) {
    let (one, two) = (DealingsSide(first, of: second, tail: tail), DealingsSide(second, of: first))
    directions = [Self.direction(from: one, to: two), Self.direction(from: two, to: one)]
    otherLogs = (one.otherLogs + two.otherLogs).filter(\.isAnything)
    clearing = (one.standing.clearing, two.standing.clearing)
    missing = [(one, two), (two, one)].compactMap { side, other in
      other.standing.reach > side.end ? (side.frame, side.end, other.standing.reach) : nil
    }
    for side in [one, two] {
      problems += side.fold.problems
      problemCount += side.fold.problemCount
      if let debit = side.fold.openDebit {
        note(
          "postings_differ", side.frame, debit.id, debit.position, "the log ends with its debit, and no transfer of it")
      }
      if side.log == nil {
        note(
          "log_unknown", side.frame, "", nil,
          "its treaties are with \(side.otherLogs.map(\.log).joined(separator: ", ")), none is with the log that was given"
        )
      }
    }
    for (origin, destination) in [(one, two), (two, one)] {
      transfers(from: origin, to: destination)
      bridge(from: origin, to: destination)
      recognitions(at: origin, of: destination)
    }
    for direction in directions where direction.wrapped > direction.locked {
      let native = (direction.origin == one.frame ? one : two).fold.native
      note(
        "unbacked", direction.destination, "", nil,
        "\(DealingsRecount.money(direction.wrapped, native)) of \(direction.origin) is outstanding, only "
          + "\(DealingsRecount.money(direction.locked, native)) locked")
    }
    problems.sort { ($0.frame, $0.position ?? 0, $0.id) < ($1.frame, $1.position ?? 0, $1.id) }
  }

  mutating func note(_ code: String, _ frame: String, _ id: String, _ position: UInt64?, _ message: String) {
    problemCount += 1
    if problems.count < DealingsRecount.problemsMax {
      problems.append(DealingsProblem(code, frame, id, position, message))
    }
  }

  private static func direction(from origin: DealingsSide, to destination: DealingsSide) -> Direction {
    Direction(
      origin: origin.frame, destination: destination.frame, locked: origin.locked, wrapped: destination.wrapped)
  }

  // MARK: Transfers

  private mutating func transfers(from origin: DealingsSide, to destination: DealingsSide) {
    for (id, sent) in origin.fold.sent where sent.log == origin.log {
      compare(id.id, sent, destination.asked(id.id), origin, destination)
    }
    guard let log = destination.log else { return }
    for (key, asked) in destination.fold.asked where key.log == log {
      guard let credited = asked.credited, !origin.hasSent(key.id) else { continue }
      note(
        "credit_without_debit", destination.frame, key.id, asked.position,
        "\(DealingsRecount.money(Int128(credited), destination.fold.native)) was credited; "
          + "the log of \(origin.frame) has no debit of it")
    }
  }

  private mutating func compare(
    _ id: String, _ sent: DealingsRecount.Sent, _ asked: DealingsRecount.Asked?, _ origin: DealingsSide,
    _ destination: DealingsSide
  ) {
    switch (sent.outcome, asked?.credited) {
    case (.settled, nil):
      note(
        "settled_without_credit", origin.frame, id, sent.position,
        destination.hasRefused(id)
          ? "it is settled; \(destination.frame) refused it" : "it is settled; \(destination.frame) never credited it")
    case (.refunded, .some):
      note(
        "refunded_and_credited", origin.frame, id, sent.position,
        "its sender was paid back, and \(destination.frame) credited it at \(asked?.position ?? 0)")
    case (.refunded, nil):
      // A refund without a refusal on record leaves the way open for a credit that comes late.
      guard destination.hasRefused(id) else {
        return note(
          "refunded_without_refusal", origin.frame, id, sent.position,
          "its sender was paid back; the log of \(destination.frame) has no refusal of it")
      }
      agreed.refunded += 1
    // The decision was about a log that is lost with all that it credited.
    case (.returned, .some): returnedThough += 1
    case (.returned, nil): break
    case (.open, _): transfersInFlight += 1
    case (.settled(let settled), .some(let credited)):
      agreed.credited += 1
      if settled != credited {
        note(
          "amount_differs", origin.frame, id, sent.position,
          "settled with \(DealingsRecount.money(Int128(settled), destination.fold.native)); \(destination.frame) credited "
            + DealingsRecount.money(Int128(credited), destination.fold.native))
      }
    }
    guard let asked, let credited = asked.credited else { return }
    if let terms = asked.terms, !terms.isSame(as: sent.terms) {
      note(
        "terms_differ", destination.frame, id, asked.position,
        "it was credited with other terms than \(origin.frame) debited it with")
    }
    guard !origin.fold.native.isEmpty, !destination.fold.native.isEmpty else { return }
    if Self.scaled(Int128(sent.terms.amount), from: origin.fold.scale, to: destination.fold.scale) != credited {
      note(
        "amount_differs", destination.frame, id, asked.position,
        "\(DealingsRecount.money(Int128(credited), destination.fold.native)) was credited for "
          + DealingsRecount.money(Int128(sent.terms.amount), origin.fold.native))
    }
  }

  // MARK: Bridge

  private mutating func bridge(from origin: DealingsSide, to destination: DealingsSide) {
    if let log = destination.log {
      for (key, issue) in destination.fold.issues where key.log == log {
        if follow(key.id, issue, of: destination, origin.leg(\.locks, key.id), of: origin, "issue", "lock") {
          agreed.issued += 1
        }
      }
      for (key, redemption) in destination.fold.redemptions where key.log == log && !redemption.isReturned {
        let isPaid = origin.leg(\.unlocks, key.id) != nil || origin.leg(\.paid, key.id) != nil
        if !isPaid { bridgeInFlight += 1 }
      }
    }
    guard let log = origin.log else { return }
    for (key, unlock) in origin.fold.unlocks.merging(origin.fold.paid, uniquingKeysWith: { unlock, _ in unlock })
    where key.log == log {
      let redemption = destination.leg(\.redemptions, key.id)
      guard follow(key.id, unlock, of: origin, redemption, of: destination, "unlock", "redemption") else { continue }
      if redemption?.isReturned == true { returnedThough += 1 } else { agreed.unlocked += 1 }
    }
    for (key, lock) in origin.fold.locks where key.log == log {
      let isIssued = destination.leg(\.issues, key.id) != nil
      if lock.isReturned {
        if isIssued { returnedThough += 1 }
      } else if !isIssued {
        bridgeInFlight += 1
      }
    }
  }

  /// A leg and the one that it must have followed from.
  private mutating func follow(
    _ id: String, _ leg: DealingsRecount.Leg, of frame: DealingsSide, _ cause: DealingsRecount.Leg?,
    of other: DealingsSide,
    _ name: String, _ causeName: String
  ) -> Bool {
    guard let cause else {
      note(
        "\(name)_without_\(causeName)", frame.frame, id, leg.position,
        "\(DealingsRecount.money(Int128(leg.amount), leg.asset)); the log of \(other.frame) has no \(causeName) of it")
      return false
    }
    guard leg.amount == cause.amount, leg.recipient == cause.recipient, leg.asset == cause.asset else {
      note(
        "bridge_terms_differ", frame.frame, id, leg.position,
        "\(DealingsRecount.money(Int128(leg.amount), leg.asset)) to '\(leg.recipient)'; the \(causeName) at \(other.frame) says "
          + "\(DealingsRecount.money(Int128(cause.amount), cause.asset)) to '\(cause.recipient)'")
      return false
    }
    return true
  }

  // MARK: Former logs

  /// A lost log is taken over by both books or by none: what one side booked as owed or backed, the other has accepted.
  private mutating func recognitions(at holder: DealingsSide, of rebuilt: DealingsSide) {
    if let log = holder.log {
      for (key, booked) in holder.fold.recognitions where key.log == log {
        guard let answer = rebuilt.answer(key.id) else {
          note(
            "recognised_without_answer", holder.frame, key.id, booked.position,
            "\(DealingsRecount.money(Int128(booked.wrapped), rebuilt.fold.native)) wrapped here of \(booked.log) are booked as taken over; \(rebuilt.frame) accepted nothing"
          )
          continue
        }
        let clearing = Self.scaled(-booked.clearing, from: holder.fold.scale, to: rebuilt.fold.scale)
        guard answer.wrapped == booked.wrapped, answer.clearing == clearing, answer.log == booked.log else {
          note(
            "recognition_differs", holder.frame, key.id, booked.position,
            "it booked \(booked.clearing) of clearing and \(booked.wrapped) wrapped of \(booked.log); "
              + "\(rebuilt.frame) \(answer.clearing) and \(answer.wrapped) of \(answer.log)")
          continue
        }
        agreed.recognised += 1
      }
    }
    guard let log = rebuilt.log else { return }
    for (key, answer) in rebuilt.fold.answers where key.log == log {
      guard holder.recognition(key.id) == nil else { continue }
      if holder.otherLogs.contains(where: { $0.log == answer.log && $0.state == "written_off" }) {
        note(
          "accepted_and_written_off", rebuilt.frame, key.id, answer.position,
          "\(answer.log) was accepted here; \(holder.frame) has written it off")
      } else {
        recognitionsInFlight += 1
      }
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
