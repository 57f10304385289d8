import Foundation
import FrameCore
import FrameLedger
import FrameNode

/// Two frames held against each other from their logs alone, trusting neither (DESIGN §8; CONFORMANCE B22).
///
/// Each log is read once, and everything that is said comes from that reading. They are read one after the other, so what moves
/// between them at that moment shows as in flight: what the first log got while the second was read is looked at too.
struct TwoSidedAudit: Encodable {
  /// One direction of the bridge, in minor units of the origin's currency.
  struct Direction: Encodable {
    let origin: String
    let destination: String
    /// Locked at the origin for the destination.
    let locked: Int64
    /// Outstanding at the destination.
    let wrapped: Int64
    /// Locked and not (or not yet, or no longer) outstanding.
    let in_flight: Int64
    /// More exists than is locked: unbacked money.
    let isUnbacked: Bool
    /// The origin's currency.
    let asset: Asset

    enum CodingKeys: String, CodingKey { case origin, destination, locked, wrapped, in_flight }

    init(origin: String, destination: String, locked: Int128, wrapped: Int128, asset: Asset) {
      self.asset = asset
      self.origin = origin
      self.destination = destination
      self.locked = Int64(clamping: locked)
      self.wrapped = Int64(clamping: wrapped)
      in_flight = Int64(clamping: locked - wrapped)
      isUnbacked = wrapped > locked
    }

    func money(_ units: Int64) -> String {
      Money.text(Amount.decimal(sum: Int128(units), scale: asset.scale), asset.description)
    }
  }

  /// One of the two frames and what its log says.
  struct Side: Sendable {
    let configuration: NodeConfiguration
    let report: AuditReport
    let dealings: DealingsFold

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
  let frames: [OfflineAudit.Statement]
  let bridge: [Direction]
  /// Sum of the two clearing positions as a decimal: what is in flight between the ledgers, 0 when nothing moves.
  let clearing_difference: String
  /// Transfers and bridge items that one side has begun and the other not ended yet.
  let transfers_in_flight: Int
  let bridge_in_flight: Int
  /// Items that belong to a log which one of the two had before it was rebuilt: they cannot be matched.
  let with_former_logs: Int
  let problems: [Problem]
  /// More than are listed when there are very many.
  let problem_count: Int

  /// Reads both logs.
  /// - Throws: a `LogError` when one of them cannot be read; `CLIError.sameFrame`.
  static func run(_ ours: NodeConfiguration, _ theirs: NodeConfiguration) async throws -> (TwoSidedAudit, [Side]) {
    guard ours.frameID != theirs.frameID else { throw CLIError.sameFrame(ours.frameID.name) }
    let (a, b) = (try await Side.read(ours), try await Side.read(theirs))
    let tail = try await OfflineAudit.offPool {
      try LogAudit.dealings(directory: ours.logDirectory, frame: ours.frameID, from: a.report.size)
    }
    return (TwoSidedAudit(a, b, tail: tail), [a, b])
  }

  init(_ a: Side, _ b: Side, tail: DealingsFold) {
    let match = DealingsMatch(a.dealings, b.dealings, tail: tail)
    bridge = [Self.direction(from: a, to: b), Self.direction(from: b, to: a)]
    frames = [a, b].map { OfflineAudit.Statement($0.report, native: $0.configuration.native) }
    var problems = bridge.filter(\.isUnbacked).map { direction in
      Problem(
        code: "unbacked", frame: direction.destination, id: "", position: nil,
        message:
          "\(direction.money(direction.wrapped)) of \(direction.origin) is outstanding, only "
          + "\(direction.money(direction.locked)) locked")
    }
    problems += match.problems.map {
      Problem(code: $0.code, frame: $0.frame, id: $0.id, position: $0.position, message: $0.message)
    }
    self.problems = problems
    problem_count = match.problemCount + bridge.count(where: \.isUnbacked)
    transfers_in_flight = match.transfersInFlight
    bridge_in_flight = match.bridgeInFlight
    with_former_logs = match.withFormerLogs
    // A currency has at most 9 decimal places, and 128 bits have room for all of them.
    let scale = max(a.configuration.native.scale, b.configuration.native.scale)
    func position(_ side: Side, with peer: Side) -> Int128 {
      let units = side.report.statement.clearing[peer.name] ?? 0
      return DealingsMatch.scaled(units, from: Int(side.configuration.native.scale), to: Int(scale)) ?? 0
    }
    clearing_difference = Amount.decimal(sum: position(a, with: b) + position(b, with: a), scale: scale)
    clean = problem_count == 0 && [a, b].allSatisfy { $0.report.isClean && $0.report.worstDelta == 0 }
  }

  private static func direction(from origin: Side, to destination: Side) -> Direction {
    Direction(
      origin: origin.name, destination: destination.name,
      locked: origin.report.statement.lockedForBridge[destination.name] ?? 0,
      wrapped: destination.report.statement.wrapped[origin.name] ?? 0, asset: origin.configuration.native)
  }
}
