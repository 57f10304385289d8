internal import FrameLedger
package import FrameMetrics

/// What the auditor and the index of histories say. They read the log, not the writer's memory.
package struct AuditMetrics: Sendable {
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
  let historySize: Gauge
  let historyRebuilds: Counter

  package init(_ registry: MetricRegistry) {
    supply = registry.gauge(
      "frame_supply_minor_units", help: "Native money by line of the supply equation, as last audited.",
      unit: .minorUnits, labels: ["line"])
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
    findings = registry.gauge(
      "frame_supply_audit_findings", help: "Violations that audits have found in the log; must be 0.")
    fullAuditTime = registry.gauge(
      "frame_supply_full_audit_timestamp_seconds",
      help: "When this process last ended an audit of the whole log, from its first event; 0 before the first.",
      unit: .seconds)
    historySize = registry.gauge(
      "frame_history_size_events", help: "Events that the index of accounts' histories has taken in.", unit: .events)
    historyRebuilds = registry.counter(
      "frame_history_rebuilds_total", help: "Times the index of accounts' histories was found damaged and made anew.")
    for line in SupplyStatement.lineNames { supply.with(line).set(Int64(0)) }
    for result in ["clean", "findings", "error"] { _ = auditRuns.with(result) }
    fullAuditTime.set(Int64(0))
  }
}
