internal import FrameCore
package import FrameMetrics
internal import FrameProtos

/// Every metric of SF-4.
package struct ProjectionMetrics: Sendable {
  /// Events of peers recorded here, acted on or not.
  let received: CounterFamily
  /// Events that were recorded but not acted on, and stream messages that were not accepted.
  let rejected: CounterFamily
  let lagEvents: GaugeFamily
  let lagSeconds: GaugeFamily
  let headTimestamp: GaugeFamily
  let sent: CounterFamily
  let connected: GaugeFamily
  let reconnects: CounterFamily
  let refused: GaugeFamily
  /// Beyond what a peer may send: heads end the stream, events and bytes wait.
  let excess: CounterFamily

  package init(_ registry: MetricRegistry) {
    received = registry.counter(
      "frame_projection_received_events_total", help: "Events of a peer's stream recorded here.",
      labels: ["peer", "event_type"])
    rejected = registry.counter(
      "frame_projection_rejected_events_total",
      help: "Events of a peer's stream that were not acted on, and messages that were not accepted.",
      labels: ["peer", "reason"])
    lagEvents = registry.gauge(
      "frame_projection_lag_events", help: "Events the peer has for us that are not recorded here.", labels: ["peer"])
    lagSeconds = registry.gauge(
      "frame_projection_lag_seconds",
      help: "Time since we last held everything the peer had for us; it grows while the peer is silent.",
      labels: ["peer"])
    headTimestamp = registry.gauge(
      "frame_projection_head_timestamp_seconds", help: "When the last verified head of the peer's stream arrived.",
      labels: ["peer"])
    sent = registry.counter(
      "frame_projection_sent_events_total", help: "Events sent to a peer's subscription.", labels: ["peer"])
    connected = registry.gauge(
      "frame_projection_stream_connected", help: "1 while our subscription at the peer is open.", labels: ["peer"])
    refused = registry.gauge(
      "frame_projection_stream_refused",
      help: "1 while a peer's stream is refused, here or there, for a reason that does not pass by itself.",
      labels: ["peer"])
    reconnects = registry.counter(
      "frame_projection_stream_failures_total", help: "Times our subscription at the peer ended or failed.",
      labels: ["peer", "reason"])
    excess = registry.counter(
      "frame_projection_excess_total",
      help:
        "Times a peer's stream brought more than it may: it was ended (heads) or made to wait (events, bytes, idle).",
      labels: ["peer", "kind"])
  }

  /// Series a rule needs exist from the treaty on.
  func prepare(_ peer: FrameID) {
    for type in ProjectionMetrics.defaultTypes { _ = received.with(peer.name, type) }
    _ = sent.with(peer.name)
    for reason in ["sequence_gap", "not_pinned_key", "equivocation"] { _ = rejected.with(peer.name, reason) }
    for kind in ["heads"] + PeerAllowance.Kind.allCases.map(\.rawValue) { _ = excess.with(peer.name, kind) }
    lagEvents.with(peer.name).set(Int64(0))
    lagSeconds.with(peer.name).set(0.0)
    connected.with(peer.name).set(Int64(0))
    refused.with(peer.name).set(Int64(0))
  }

  /// No treaty, no lag.
  func forget(_ peer: FrameID) {
    lagEvents.remove(peer.name)
    lagSeconds.remove(peer.name)
    connected.remove(peer.name)
    refused.remove(peer.name)
    headTimestamp.remove(peer.name)
  }

  private static let defaultTypes = [
    EventType.crossFrameTransferInitiated, .crossFrameTransferSettled, .crossFrameTransferRefused,
    .tokensBridgeLocked, .wrappedTokensIssued, .wrappedTokensRedeemed, .tokensBridgeUnlocked,
  ].map(\.name)
}
