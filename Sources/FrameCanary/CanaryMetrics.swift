import FrameMetrics

/// The canary's metrics (O15). Series of a peer appear, at 0, as soon as its treaty is established.
package struct CanaryMetrics: Sendable {
  let rounds: CounterFamily
  let transfers: CounterFamily
  let failures: CounterFamily
  let phaseDuration: HistogramFamily
  let lastSuccess: GaugeFamily
  let inFlight: Gauge
  let skippedTicks: Counter
  let stranded: GaugeFamily

  package init(_ registry: MetricRegistry) {
    rounds = registry.counter(
      "frame_canary_rounds_total", help: "Canary rounds with one peer, by whether every probe of it settled.",
      labels: ["result"])
    transfers = registry.counter(
      "frame_canary_transfers_total", help: "Canary transfers by peer, backend and result.",
      labels: ["peer", "backend", "result"])
    failures = registry.counter(
      "frame_canary_failures_total", help: "Failed canary transfers by the phase and the reason of the failure.",
      labels: ["peer", "backend", "phase", "reason"])
    phaseDuration = registry.histogram(
      "frame_canary_phase_duration_seconds",
      help: "Time of a canary transfer until the caller's return (request) and from there to completion (settle).",
      buckets: .latency, labels: ["peer", "backend", "phase"])
    lastSuccess = registry.gauge(
      "frame_canary_last_success_timestamp_seconds", help: "When a canary transfer last settled, 0 if never.",
      labels: ["peer", "backend"])
    inFlight = registry.gauge("frame_canary_in_flight", help: "Canary transfers being probed now.")
    skippedTicks = registry.counter(
      "frame_canary_skipped_ticks_total", help: "Rounds not started because the one before was still running.")
    stranded = registry.gauge(
      "frame_canary_stranded_minor_units",
      help: "Canary money whose transfer has not reached an end within its time limit.", labels: ["peer"])
    for result in ["success", "failure"] { _ = rounds.with(result) }
  }

  /// Makes every series of `peer` exist.
  func introduce(_ peer: String, backends: [CanaryBackend] = CanaryBackend.allCases) {
    for backend in backends.map(\.rawValue) {
      for result in ["success", "failure"] { _ = transfers.with(peer, backend, result) }
      for phase in CanaryPhase.allCases.map(\.rawValue) {
        _ = phaseDuration.with(peer, backend, phase)
        for reason in CanaryFailure.allCases { _ = failures.with(peer, backend, phase, reason.rawValue) }
      }
      _ = lastSuccess.with(peer, backend)
    }
    _ = stranded.with(peer)
  }

  /// The treaty has ended: nothing is expected of this peer any more, so its silence must not page anyone. The counters
  /// stay: they are history.
  func dismiss(_ peer: String) {
    for backend in CanaryBackend.allCases.map(\.rawValue) { lastSuccess.remove(peer, backend) }
  }
}
