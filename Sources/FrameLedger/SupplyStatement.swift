/// The supply of a frame's native asset at one log size, and what exists here of other frames' assets (DESIGN §6).
/// All amounts are minor units, summed in 128 bits: each account fits in 64, all of them together need not.
package struct SupplyStatement: Sendable, Equatable {
  /// The log size it is true at.
  package var size: UInt64 = 0
  package var issued: Int128 = 0
  package var circulating: Int128 = 0
  package var staked: Int128 = 0
  package var held: Int128 = 0
  package var fees: Int128 = 0
  package var treasury: Int128 = 0
  /// By peer: native money that backs wrapped tokens there.
  package var lockedForBridge: [String: Int128] = [:]
  /// By peer: what is owed to it; negative when it owes us.
  package var clearing: [String: Int128] = [:]
  /// By origin frame: its money that exists here, wrapped. Each its own supply, never part of the native one.
  package var wrapped: [String: Int128] = [:]
  /// By origin frame: the decimal places of its money, as the postings say.
  package var wrappedScales: [String: Int] = [:]

  package init() {}

  package var totalLockedForBridge: Int128 { lockedForBridge.values.reduce(0, +) }
  package var totalClearing: Int128 { clearing.values.reduce(0, +) }

  /// issued - (circulating + staked + held + fees + treasury + locked_for_bridge + clearing); 0 in a sound log.
  package var delta: Int128 { issued - lines.dropFirst().reduce(0) { $0 + $1.amount } }

  /// The lines of the equation in order, `issued` first.
  package var lines: [(name: String, amount: Int128)] {
    [
      ("issued", issued), ("circulating", circulating), ("staked", staked), ("held", held), ("fees", fees),
      ("treasury", treasury), ("locked_for_bridge", totalLockedForBridge), ("clearing", totalClearing),
    ]
  }

  package static let lineNames = SupplyStatement().lines.map(\.name)
}
