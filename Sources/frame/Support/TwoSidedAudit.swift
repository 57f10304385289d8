import Foundation
import FrameCore
import FrameLedger
import FrameNode

/// Two frames held against each other from their logs alone, trusting neither (DESIGN §8; CONFORMANCE B22).
///
/// The two logs are read one after the other, so what moves between them at that moment shows as in flight.
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
    var in_flight: Int64 { locked - wrapped }
    /// More exists than is locked: unbacked money.
    var isUnbacked: Bool { wrapped > locked }

    enum CodingKeys: String, CodingKey { case origin, destination, locked, wrapped, in_flight }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(origin, forKey: .origin)
      try container.encode(destination, forKey: .destination)
      try container.encode(locked, forKey: .locked)
      try container.encode(wrapped, forKey: .wrapped)
      try container.encode(in_flight, forKey: .in_flight)
    }
  }

  let bridge: [Direction]
  /// Sum of the two clearing positions as a decimal: what is in flight between the ledgers, 0 when nothing moves.
  let clearing_difference: String
  let problems: [String]

  /// - Throws: an `AmountError` when the clearing positions cannot be compared exactly.
  init(
    _ a: (configuration: NodeConfiguration, report: AuditReport),
    _ b: (configuration: NodeConfiguration, report: AuditReport)
  ) throws {
    bridge = [Self.direction(from: a, to: b), Self.direction(from: b, to: a)]
    problems = bridge.filter(\.isUnbacked).map {
      "unbacked: \($0.destination) has \($0.wrapped) minor units of \($0.origin) outstanding, only \($0.locked) are locked"
    }
    let scale = max(a.configuration.native.scale, b.configuration.native.scale)
    func position(_ x: (configuration: NodeConfiguration, report: AuditReport), with peer: FrameID) throws -> Amount {
      let units = x.report.statement.clearing[peer.name] ?? 0
      guard let amount = Amount(minorUnits: units).rescaled(from: x.configuration.native.scale, to: scale) else {
        throw AmountError.overflow("\(units)")
      }
      return amount
    }
    clearing_difference = try position(a, with: b.configuration.frameID)
      .adding(position(b, with: a.configuration.frameID)).decimal(scale: scale)
  }

  private static func direction(
    from origin: (configuration: NodeConfiguration, report: AuditReport),
    to destination: (configuration: NodeConfiguration, report: AuditReport)
  ) -> Direction {
    let peer = destination.configuration.frameID.name
    return Direction(
      origin: origin.configuration.frameID.name, destination: peer,
      locked: origin.report.statement.lockedForBridge[peer] ?? 0,
      wrapped: destination.report.statement.wrapped[origin.configuration.frameID.name] ?? 0)
  }
}
