import FrameMetrics

/// What the SNI router counts.
package struct SNIMetrics: Sendable {
  let connections: CounterFamily
  let bytes: CounterFamily
  let active: Gauge
  let routes: Gauge
  /// Counted by whoever makes the router's map.
  package let reloads: CounterFamily
  let waiting: Gauge

  package init(_ registry: MetricRegistry) {
    connections = registry.counter(
      "frame_sni_connections_total", help: "Connections to the SNI router by result.", labels: ["result"])
    bytes = registry.counter(
      "frame_sni_bytes_total", help: "Bytes that the SNI router passed on by direction.", unit: .bytes,
      labels: ["direction"])
    active = registry.gauge("frame_sni_active_connections", help: "Connections that the SNI router joins now.")
    routes = registry.gauge("frame_sni_routes", help: "Host names in the SNI router's map.")
    reloads = registry.counter(
      "frame_sni_reloads_total", help: "Changes of the SNI router's map by result.", labels: ["result"])
    waiting = registry.gauge(
      "frame_sni_waiting_connections", help: "Connections to the SNI router whose ClientHello is not complete.")
    for result in SNIResult.allCases { _ = connections.with(result.rawValue) }
    for direction in ["to_upstream", "to_client"] { _ = bytes.with(direction) }
    for result in ["changed", "unchanged", "refused"] { _ = reloads.with(result) }
    active.set(0)
    routes.set(0)
    waiting.set(0)
  }
}
