internal import FrameCore
package import FrameMetrics

/// Every metric of the SF-3 bridge. All amounts are exact minor units.
package struct BridgeMetrics: Sendable {
  let locked: GaugeFamily
  let unlocked: GaugeFamily
  let reserve: GaugeFamily
  let outstanding: GaugeFamily
  let inFlight: GaugeFamily
  let imbalance: GaugeFamily
  let wrappedOutstanding: GaugeFamily
  let wrappedImbalance: GaugeFamily
  let breakerOpen: GaugeFamily
  let operations: CounterFamily
  let pending: GaugeFamily
  let statements: CounterFamily
  let statementTimestamp: GaugeFamily

  package init(_ registry: MetricRegistry) {
    func gauge(_ name: String, _ help: String) -> GaugeFamily { registry.gauge(name, help: help, labels: ["peer"]) }
    locked = gauge("frame_bridge_locked_minor_units", "Our tokens ever locked for the peer.")
    unlocked = gauge("frame_bridge_unlocked_minor_units", "Our tokens ever unlocked again from the peer.")
    reserve = gauge("frame_bridge_reserve_minor_units", "Our tokens locked for the peer now.")
    outstanding = gauge(
      "frame_bridge_outstanding_minor_units", "Our wrapped tokens outstanding at the peer, as its log attests.")
    inFlight = gauge(
      "frame_bridge_in_flight_minor_units",
      "Our tokens locked and not issued there yet, or redeemed there and not unlocked.")
    imbalance = gauge(
      "frame_bridge_imbalance_minor_units", "Reserve minus outstanding minus in flight of our tokens; must be 0.")
    wrappedOutstanding = gauge(
      "frame_bridge_wrapped_outstanding_minor_units", "Wrapped tokens of the peer outstanding here.")
    wrappedImbalance = gauge(
      "frame_bridge_wrapped_imbalance_minor_units",
      "Reserve at the peer as attested minus wrapped tokens here minus in flight; must be 0.")
    breakerOpen = gauge("frame_bridge_breaker_open", "1 while the bridge with the peer is stopped.")
    operations = registry.counter(
      "frame_bridge_operations_total", help: "Bridge operations done here, and proofs that were not acted on.",
      labels: ["peer", "operation", "result"])
    pending = registry.gauge(
      "frame_bridge_pending_items", help: "What the peer's stream delivered and is not issued or unlocked here yet.",
      labels: ["peer", "direction"])
    statements = registry.counter(
      "frame_bridge_statements_total", help: "Reserve statements of the peer by result of the comparison.",
      labels: ["peer", "result"])
    statementTimestamp = gauge(
      "frame_bridge_statement_timestamp_seconds", "When the peer's reserve statement last agreed with ours.")
  }

  func prepare(_ peer: String) {
    for operation in BridgeOperation.allCases { _ = operations.with(peer, operation.rawValue, "ok") }
    _ = statements.with(peer, "agrees")
  }

  func publish(_ figures: BridgeFigures, _ peer: String) {
    locked.with(peer).set(figures.asOrigin.locked)
    unlocked.with(peer).set(figures.asOrigin.unlocked)
    reserve.with(peer).set(figures.reserve)
    outstanding.with(peer).set(figures.outstanding)
    inFlight.with(peer).set(figures.inFlight)
    imbalance.with(peer).set(figures.imbalance)
    wrappedOutstanding.with(peer).set(figures.wrappedOutstanding)
    wrappedImbalance.with(peer).set(figures.wrappedImbalance)
    breakerOpen.with(peer).set(figures.isBreakerOpen)
    pending.with(peer, "issue").set(figures.pendingIssues)
    pending.with(peer, "unlock").set(figures.pendingUnlocks)
  }
}

/// The four legs, as the `operation` label.
enum BridgeOperation: String, Sendable, CaseIterable {
  case lock, issue, redeem, unlock
}
