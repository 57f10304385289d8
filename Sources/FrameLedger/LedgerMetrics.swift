package import FrameEvents
package import FrameMetrics
internal import FrameProtos

/// What the ledger says of itself. The supply figures come from the auditor, which reads the log, not the writer's memory.
package struct LedgerMetrics: Sendable {
  let supply: GaugeFamily
  let delta: Gauge
  let wrapped: GaugeFamily
  let clearing: GaugeFamily
  let accounts: Gauge
  let agents: Gauge
  let auditTime: Gauge
  let auditSize: Gauge
  let auditDuration: Histogram
  let auditRuns: CounterFamily
  let findings: Gauge
  let fullAuditTime: Gauge
  let supplyFrozen: Gauge
  let holdsOpen: Gauge
  let holdsAmount: Gauge
  let holdEvents: CounterFamily
  let frozenAgents: Gauge
  let feesCollected: Counter
  let historySize: Gauge
  let historyRebuilds: Counter
  let batchTransfers: Histogram

  package init(_ registry: MetricRegistry) {
    supply = registry.gauge(
      "frame_supply_minor_units", help: "Native money by line of the supply equation, as last audited.",
      unit: .minorUnits, labels: ["line"])
    for line in SupplyStatement.lineNames { supply.with(line).set(Int64(0)) }
    delta = registry.gauge(
      "frame_supply_delta_minor_units",
      help: "Issued minus the sum of all lines, computed in integers, at the worst position of the log; must be 0.",
      unit: .minorUnits)
    wrapped = registry.gauge(
      "frame_wrapped_supply_minor_units",
      help: "Wrapped money of another frame, or of a former log of it, that exists here, as last audited.",
      unit: .minorUnits, labels: ["origin"])
    clearing = registry.gauge(
      "frame_clearing_minor_units",
      help: "What is owed to the peer, or a former log of it (negative: by it), as last audited.",
      unit: .minorUnits, labels: ["peer"])
    accounts = registry.gauge("frame_ledger_accounts", help: "Accounts that were ever used, as last audited.")
    agents = registry.gauge("frame_ledger_agents", help: "Registered agents, as last audited.")
    auditTime = registry.gauge(
      "frame_supply_audit_timestamp_seconds", help: "When the last audit that could read the log ended.", unit: .seconds
    )
    auditSize = registry.gauge(
      "frame_supply_audit_size_events", help: "Log size that the last audit is true at.", unit: .events)
    auditDuration = registry.histogram(
      "frame_supply_audit_duration_seconds", help: "Time of one audit run.", unit: .seconds)
    auditRuns = registry.counter(
      "frame_supply_audit_runs_total", help: "Audit runs by result: clean, findings, error.", labels: ["result"])
    for result in ["clean", "findings", "error"] { _ = auditRuns.with(result) }
    findings = registry.gauge(
      "frame_supply_audit_findings", help: "Violations that audits have found in the log; must be 0.")
    fullAuditTime = registry.gauge(
      "frame_supply_full_audit_timestamp_seconds",
      help: "When this process last ended an audit of the whole log, from its first event; 0 before the first.",
      unit: .seconds)
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
    historySize = registry.gauge(
      "frame_history_size_events", help: "Events that the index of accounts' histories has taken in.", unit: .events)
    historyRebuilds = registry.counter(
      "frame_history_rebuilds_total", help: "Times the index of accounts' histories was found damaged and made anew.")
    batchTransfers = registry.histogram(
      "frame_transfer_batch_transfers", help: "Transfers in one batch that was done.", buckets: .count
    )
    for gauge in [supplyFrozen, holdsOpen, holdsAmount, frozenAgents, fullAuditTime] { gauge.set(Int64(0)) }
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
