import FrameLedger
import FrameMetrics

/// What the node says of its operators.
package struct OperatorMetrics: Sendable {
  let operators: GaugeFamily
  let refusals: CounterFamily
  let licenceExpiry: GaugeFamily
  let cutConnections: Counter

  package init(_ registry: MetricRegistry) {
    operators = registry.gauge("frame_operators", help: "Operators by where they stand.", labels: ["state"])
    refusals = registry.counter(
      "frame_operator_refusals_total", help: "Refused calls of operators and their agents by reason.",
      labels: ["reason"])
    licenceExpiry = registry.gauge(
      "frame_operator_licence_expiry_timestamp_seconds",
      help: "When the licence of the operator expires; only of operators that are not removed.", unit: .seconds,
      labels: ["operator"])
    cutConnections = registry.counter(
      "frame_operator_cut_connections_total",
      help: "Connections through the SNI router that were ended because their operator was suspended or removed.")
    for standing in OperatorStanding.allCases { operators.with(standing.rawValue).set(0) }
    for reason in OperatorError.refusalCodes { _ = refusals.with(reason) }
  }
}
