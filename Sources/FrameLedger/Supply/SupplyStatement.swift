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
  /// By peer, or former log of one: native money that backs wrapped tokens there.
  package var lockedForBridge: [String: Int128] = [:]
  /// By peer, or former log of one: what is owed to it; negative when it owes us.
  package var clearing: [String: Int128] = [:]
  /// By origin frame, or former log of one: its money that exists here, wrapped. Each its own supply, never part of the native one. What
  /// stands by a former log's name is not in that of its frame: the frame's present log backs none of it.
  package var wrapped: [String: Int128] = [:]
  /// By the same names: the decimal places of that money, as the postings say.
  package var wrappedScales: [String: Int] = [:]
  /// The former logs of peers towards which something stood, by name (`frame-a.example+0123456789abcdef`, decision 0034).
  package var formerLogs: [String: FormerLogState] = [:]

  /// What became of what stood towards a log that its frame has lost or left.
  package enum FormerLogState: String, Sendable {
    case undecided, recognised
    case writtenOff = "written_off"
  }

  /// What stands towards one former log: its parts of the lines.
  package struct FormerLogLine: Sendable {
    package let log: String
    package let state: FormerLogState
    package let clearing: Int128
    package let lockedForBridge: Int128
    package let wrapped: Int128
    /// Decimal places of `wrapped`.
    package let wrappedScale: Int
  }

  package init() {}

  /// By name.
  package var formerLogLines: [FormerLogLine] {
    formerLogs.sorted { $0.key < $1.key }.map { log, state in
      FormerLogLine(
        log: log, state: state, clearing: clearing[log] ?? 0, lockedForBridge: lockedForBridge[log] ?? 0,
        wrapped: wrapped[log] ?? 0, wrappedScale: wrappedScales[log] ?? 0)
    }
  }

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
