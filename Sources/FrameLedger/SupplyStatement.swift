/// The supply of a frame's native asset at one log size, and what exists here of other frames' assets (DESIGN §6).
/// All amounts are minor units.
package struct SupplyStatement: Sendable, Equatable {
  /// The log size it is true at.
  package var size: UInt64 = 0
  package var issued: Int64 = 0
  package var circulating: Int64 = 0
  package var staked: Int64 = 0
  package var held: Int64 = 0
  package var fees: Int64 = 0
  package var treasury: Int64 = 0
  /// By peer: native money that backs wrapped tokens there.
  package var lockedForBridge: [String: Int64] = [:]
  /// By peer: what is owed to it; negative when it owes us.
  package var clearing: [String: Int64] = [:]
  /// By origin frame: its money that exists here, wrapped. Each its own supply, never part of the native one.
  package var wrapped: [String: Int64] = [:]
  /// By origin frame: the decimal places of its money, as the postings say.
  package var wrappedScales: [String: Int] = [:]

  package init() {}

  package var totalLockedForBridge: Int64 { lockedForBridge.values.reduce(0, &+) }
  package var totalClearing: Int64 { clearing.values.reduce(0, &+) }

  /// issued - (circulating + staked + held + fees + treasury + locked_for_bridge + clearing); 0 in a sound log.
  package var delta: Int64 { issued &- lines.dropFirst().reduce(0) { $0 &+ $1.amount } }

  /// The lines of the equation in order, `issued` first.
  package var lines: [(name: String, amount: Int64)] {
    [
      ("issued", issued), ("circulating", circulating), ("staked", staked), ("held", held), ("fees", fees),
      ("treasury", treasury), ("locked_for_bridge", totalLockedForBridge), ("clearing", totalClearing),
    ]
  }

  package static let lineNames = SupplyStatement().lines.map(\.name)
}
