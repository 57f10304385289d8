package import FrameMetrics

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
      "frame_wrapped_supply_minor_units", help: "Wrapped money of another frame that exists here, as last audited.",
      unit: .minorUnits, labels: ["origin"])
    clearing = registry.gauge(
      "frame_clearing_minor_units", help: "What is owed to the peer (negative: by the peer), as last audited.",
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
  }
}
