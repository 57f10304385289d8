import FrameAudit
import FrameCore

/// What two logs prove together, and what they do not, in words for an auditor who signs for it.
enum AuditProof {
  /// What holds when nothing is wrong in either log, nor between them.
  static func proven(_ match: DealingsMatch, _ sides: [TwoSidedAudit.Side]) -> [String] {
    let agreed = match.agreed
    var lines = sides.map { side in
      let signed = side.report.checkpoint.map { ", the first \($0.size) of them signed by its key" } ?? ""
      return
        "\(side.name): \(side.report.size) events\(signed); each sums to nothing, none moves money towards the other frame "
        + "but transfers, bridge items and decisions about former logs"
    }
    lines.append(
      "transfers: \(agreed.credited) credited, each debited once with the same terms; \(agreed.refunded) paid back, each refused"
    )
    for (direction, origin) in zip(match.directions, sides) {
      let scale = origin.configuration.native.scale
      let (wrapped, locked) = (
        Amount.decimal(sum: direction.wrapped, scale: scale), Amount.decimal(sum: direction.locked, scale: scale)
      )
      lines.append(
        "bridge: nothing of \(direction.origin) was printed at \(direction.destination): \(wrapped) outstanding, \(locked) locked, "
          + "each issue after its lock")
    }
    if agreed.recognised > 0 {
      lines.append("former logs: \(agreed.recognised) taken over by both books with the same figures")
    }
    return lines
  }

  static func notProven(
    _ match: DealingsMatch, _ sides: [TwoSidedAudit.Side], _ others: [TwoSidedAudit.OtherLog]
  ) -> [String] {
    var lines = others.map(\.text)
    for gap in match.missing {
      lines.append(
        "\(gap.frame): the other log has acted on event \(gap.needed - 1) of it, and only \(gap.read) were read: what came after "
          + "them in that log is not told from what never was")
    }
    for side in sides {
      let size = side.report.size
      guard let signed = side.report.checkpointSize else {
        lines.append("\(side.name): its \(size) events: there is no signed checkpoint to hold them against")
        continue
      }
      if signed < size { lines.append("\(side.name): \(size - signed) events after its last signed checkpoint") }
    }
    let flying = match.transfersInFlight + match.bridgeInFlight + match.recognitionsInFlight
    if flying > 0 { lines.append("\(flying) items in flight: how they end is not on record yet") }
    if match.returnedThough > 0 {
      lines.append(
        "\(match.returnedThough) items were given back by a decision, though the lost log had acted on them: it was not known, and is "
          + "lost with that log")
    }
    return lines
  }
}
