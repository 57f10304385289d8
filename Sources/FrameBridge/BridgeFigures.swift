package import FrameProtos

/// The numbers of one peer's bridge, without its items: what is read out of the writer for gauges and statements.
package struct BridgeFigures: Sendable, Equatable {
  /// Our asset: locked and unlocked here, issued and redeemed there as attested.
  package let asOrigin: PBBridgeTotals
  /// The peer's asset: issued and redeemed here, locked and unlocked there as attested.
  package let asDestination: PBBridgeTotals
  /// Of our asset.
  package let reserve: Int64
  package let outstanding: Int64
  package let inFlight: Int64
  package let imbalance: Int64
  /// Of the peer's asset.
  package let wrappedOutstanding: Int64
  package let wrappedImbalance: Int64
  package let isBreakerOpen: Bool
  package let pendingIssues: Int
  package let pendingUnlocks: Int
  /// Last sequence of the peer's stream held.
  package let sequence: UInt64
  let operations: [BridgeOperation: Int]

  package init(_ bridge: BridgePeer) {
    asOrigin = bridge.outbound.totals
    asDestination = bridge.inbound.attestedTotals
    reserve = bridge.outbound.reserve
    outstanding = bridge.outbound.outstanding
    inFlight = bridge.outbound.inFlight
    imbalance = bridge.outbound.imbalance
    wrappedOutstanding = bridge.inbound.outstanding
    wrappedImbalance = bridge.inbound.imbalance
    isBreakerOpen = bridge.breaker != nil
    pendingIssues = bridge.inbound.pendingIssues.count
    pendingUnlocks = bridge.outbound.pendingUnlocks.count
    sequence = bridge.sequence
    operations = [
      .lock: bridge.outbound.locks.count, .issue: bridge.inbound.issues.count,
      .redeem: bridge.inbound.redeems.count, .unlock: bridge.outbound.unlocks.count,
    ]
  }
}
