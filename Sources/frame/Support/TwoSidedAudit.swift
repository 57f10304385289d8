import Foundation
import FrameAudit
import FrameAPI
import FrameCore
import FrameConfiguration

/// Two logs held against each other from their files alone, trusting neither (DESIGN §8; CONFORMANCE B22).
///
/// Each log is read once, and everything that is said comes from that reading. They are read one after the other, so what moves
/// between them at that moment shows as in flight: what the first log got while the second was read is looked at too.
struct TwoSidedAudit: Encodable {
  /// One direction of the bridge, in minor units of the origin's currency.
  struct Direction: Encodable {
    let origin: String
    let destination: String
    /// Locked at the origin for this log of the destination.
    let locked: Int64
    /// Outstanding at the destination, of this log of the origin.
    let wrapped: Int64
    /// Locked and not (or not yet, or no longer) outstanding.
    let in_flight: Int64
    /// The origin's currency.
    let asset: Asset

    enum CodingKeys: String, CodingKey { case origin, destination, locked, wrapped, in_flight }

    init(_ direction: DealingsMatch.Direction, in asset: Asset) {
      self.asset = asset
      origin = direction.origin
      destination = direction.destination
      locked = Int64(clamping: direction.locked)
      wrapped = Int64(clamping: direction.wrapped)
      in_flight = Int64(clamping: direction.locked - direction.wrapped)
    }

    func money(_ units: Int64) -> String {
      Money.text(Amount.decimal(sum: Int128(units), scale: asset.scale), asset.description)
    }
  }

  /// What one of the two did with another log of the other's frame: neither proven nor contradicted here.
  struct OtherLog: Encodable {
    /// Whose log tells it.
    let frame: String
    let log: String
    let state: String
    let items: Int
    let clearing: String
    let locked: String
    let wrapped: String

    init(_ other: DealingsMatch.OtherLog, scale: UInt8) {
      frame = other.frame
      log = other.log
      state = other.state
      items = other.items
      clearing = Amount.decimal(sum: other.clearing, scale: scale)
      locked = Amount.decimal(sum: other.locked, scale: scale)
      let places = other.asset.split(separator: "/").last.flatMap { UInt8($0) }
      wrapped = Amount.decimal(sum: other.wrapped, scale: places ?? 0)
    }

    /// What an auditor has to make of it.
    var text: String {
      let former = "former log \(log), \(state.replacing("_", with: " ")), not backed by this log"
      let what = state == "present" ? "present log \(log), not the one given" : former
      return "\(frame) with \(what): \(items) items, clearing \(clearing), locked \(locked), wrapped \(wrapped)"
    }
  }

  /// One of the two frames and what its log says.
  struct Side: Sendable {
    let configuration: NodeConfiguration
    let report: AuditReport
    let dealings: DealingsRecount

    var name: String { configuration.frameID.name }

    /// Reads the whole log, once.
    /// - Throws: a `LogError` when there is no readable log.
    static func read(_ configuration: NodeConfiguration) async throws -> Self {
      let (report, dealings) = try await OfflineAudit.offPool {
        try LogAudit.runWithDealings(directory: configuration.logDirectory, frame: configuration.frameID)
      }
      return Side(configuration: configuration, report: report, dealings: dealings)
    }
  }

  struct Problem: Encodable {
    /// Stable word.
    let code: String
    /// Whose log shows it.
    let frame: String
    /// Of the transfer or the bridge item; "" for what is about all of them.
    let id: String
    let position: UInt64?
    let message: String

    var text: String {
      "\(code): \(frame)" + (position.map { " at \($0)" } ?? "") + (id.isEmpty ? "" : " \(id)") + ": \(message)"
    }
  }

  /// Nothing is wrong in either log, nor between them.
  let clean: Bool
  /// The statement of each log, in the order in which they were named.
  let frames: [AuditView]
  let bridge: [Direction]
  /// Sum of the two clearing positions as a decimal: what is in flight between the ledgers, 0 when nothing moves.
  let clearing_difference: String
  /// Transfers, bridge items and recognitions of lost logs that one side has begun and the other not ended yet.
  let transfers_in_flight: Int
  let bridge_in_flight: Int
  let recognitions_in_flight: Int
  /// Items that belong to another log of one of the two, which it had before it was rebuilt or has since: they are not matched.
  let with_former_logs: Int
  /// The same by log.
  let other_logs: [OtherLog]
  /// What the two logs prove together; empty unless nothing is wrong.
  let proven: [String]
  /// What they do not.
  let not_proven: [String]
  let problems: [Problem]
  /// More than are listed when there are very many.
  let problem_count: Int

  /// Reads both logs.
  /// - Throws: a `LogError` when one of them cannot be read; `CLIError.sameFrame`.
  static func run(_ ours: NodeConfiguration, _ theirs: NodeConfiguration) async throws -> (TwoSidedAudit, [Side]) {
    guard ours.frameID != theirs.frameID else { throw CLIError.sameFrame(ours.frameID.name) }
    let (a, b) = (try await Side.read(ours), try await Side.read(theirs))
    let tail = try await OfflineAudit.offPool {
      try LogAudit.dealings(directory: ours.logDirectory, after: a.dealings, from: a.report.size)
    }
    return (TwoSidedAudit(a, b, tail: tail), [a, b])
  }

  init(_ a: Side, _ b: Side, tail: DealingsRecount) {
    let match = DealingsMatch(a.dealings, b.dealings, tail: tail)
    bridge = match.directions.map { direction in
      Direction(direction, in: (direction.origin == a.name ? a : b).configuration.native)
    }
    frames = [a, b].map { AuditView(offline: $0.report, native: $0.configuration.native) }
    problems = match.problems.map {
      Problem(code: $0.code, frame: $0.frame, id: $0.id, position: $0.position, message: $0.message)
    }
    problem_count = match.problemCount
    transfers_in_flight = match.transfersInFlight
    bridge_in_flight = match.bridgeInFlight
    recognitions_in_flight = match.recognitionsInFlight
    with_former_logs = match.withOtherLogs
    other_logs = match.otherLogs.map { other in
      OtherLog(other, scale: (other.frame == a.name ? a : b).configuration.native.scale)
    }
    // A currency has at most 9 decimal places, and 128 bits have room for all of them.
    let scales = (first: a.configuration.native.scale, second: b.configuration.native.scale)
    let scale = max(scales.first, scales.second)
    func position(_ units: Int128, _ from: UInt8) -> Int128 {
      DealingsMatch.scaled(units, from: Int(from), to: Int(scale)) ?? 0
    }
    clearing_difference = Amount.decimal(
      sum: position(match.clearing.first, scales.first) + position(match.clearing.second, scales.second), scale: scale)
    clean = problem_count == 0 && [a, b].allSatisfy { $0.report.isClean && $0.report.worstDelta == 0 }
    proven = clean ? AuditProof.proven(match, [a, b]) : []
    not_proven = AuditProof.notProven(match, [a, b], other_logs)
  }
}
