package import FrameEvents
package import FrameMetrics
internal import FrameProtos

/// What the ledger says of itself; the supply figures are the auditor's (`AuditMetrics`).
package struct LedgerMetrics: Sendable {
  let supplyFrozen: Gauge
  let holdsOpen: Gauge
  let holdsAmount: Gauge
  let holdEvents: CounterFamily
  let frozenAgents: Gauge
  let feesCollected: Counter
  let batchTransfers: Histogram

  package init(_ registry: MetricRegistry) {
    supplyFrozen = registry.gauge(
      "frame_supply_frozen", help: "1 while an audit's finding keeps anything from being issued, else 0.")
    holdsOpen = registry.gauge("frame_holds_open", help: "Holds that have not ended.")
    holdsAmount = registry.gauge(
      "frame_holds_minor_units", help: "Native money set aside for open holds.", unit: .minorUnits)
    holdEvents = registry.counter(
      "frame_hold_events_total", help: "What happened to holds since the node started.", labels: ["event"])
    for event in ["created", "captured", "released", "expired"] { _ = holdEvents.with(event) }
    frozenAgents = registry.gauge("frame_ledger_frozen_agents", help: "Agents that the authority has frozen.")
    feesCollected = registry.counter(
      "frame_fees_collected_minor_units_total", help: "Fees moved to the treasury since the node started.")
    batchTransfers = registry.histogram(
      "frame_transfer_batch_transfers", help: "Transfers in one batch that was done.", buckets: .count
    )
    for gauge in [supplyFrozen, holdsOpen, holdsAmount, frozenAgents] { gauge.set(Int64(0)) }
  }

  /// Counts what a command did, once.
  package func count(_ committed: Committed) {
    guard !committed.replayed else { return }
    for recorded in committed.events {
      switch recorded.event.payload {
      case .holdCreated: holdEvents.with("created").increment()
      case .holdCaptured: holdEvents.with("captured").increment()
      case .holdReleased: holdEvents.with("released").increment()
      case .holdExpired: holdEvents.with("expired").increment()
      case .feesCollected(let event): feesCollected.increment(by: UInt64(clamping: event.amount))
      default: break
      }
    }
  }

  /// A batch of transfers that was done; a repetition is not another one.
  package func countBatch(_ committed: Committed) {
    guard !committed.replayed else { return }
    batchTransfers.observe(Double(committed.events.count))
  }
}
