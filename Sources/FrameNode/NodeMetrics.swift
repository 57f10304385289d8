import FrameCore
import FrameIdentity
import FrameLedger
import FrameREST
import FrameMetrics
import HTTPTypes

/// What the node says of itself and of its API.
package struct NodeMetrics: Sendable {
  package let api: APIMetrics
  package let tiles: TileMetrics
  package let ready: Gauge
  let restartPending: Gauge

  package init(_ registry: MetricRegistry, frame: FrameID, native: Asset) {
    api = APIMetrics(registry)
    tiles = TileMetrics(registry)
    ready = registry.gauge("frame_ready", help: "1 when the node serves: log open, listeners bound; else 0.")
    ready.set(false)
    restartPending = registry.gauge(
      "frame_configuration_restart_pending_settings",
      help: "Settings of frame.yaml, as it was read last, that differ from those the node runs with and need a restart."
    )
    restartPending.set(0)
    registry.info(
      "frame_info", help: "The frame this node is.", ["frame_id": frame.name, "currency": native.code])
  }
}

extension NodeMetrics {
  /// Log lines are counted where they are written, outside of any node.
  static func mirror(_ lines: @escaping @Sendable () -> LogLines, in registry: MetricRegistry) {
    let family = registry.counter(
      "frame_stderr_lines_total",
      help: "Log lines by what became of them: written to stderr, or dropped because nobody read it.",
      labels: ["result"])
    let (written, dropped) = (family.with("written"), family.with("dropped"))
    registry.onCollect("stderr") { _ in
      let lines = lines()
      written.mirror(Double(lines.written))
      dropped.mirror(Double(lines.dropped))
    }
  }
}

/// Connections of the listeners, told by the listeners themselves at each scrape.
struct ListenerMetrics: Sendable {
  private let open: GaugeFamily
  private let max: GaugeFamily
  private let connections: CounterFamily

  init(_ registry: MetricRegistry) {
    open = registry.gauge(
      "frame_listener_open_connections", help: "Connections that the listener has now.", labels: ["listener"])
    max = registry.gauge(
      "frame_listener_max_connections",
      help: "Connections that the listener takes at once: its share of the files that the process may open.",
      labels: ["listener"])
    connections = registry.counter(
      "frame_listener_connections_total",
      help:
        "Connections by listener: accepted, refused for want of a place, or closed because another source had fewer (ceded).",
      labels: ["listener", "result"])
  }

  func show(_ listener: String, _ counts: SharedPlaces.Counts) {
    open.with(listener).set(counts.taken)
    max.with(listener).set(counts.max)
    connections.with(listener, "accepted").mirror(Double(counts.accepted))
    connections.with(listener, "refused").mirror(Double(counts.refused))
    connections.with(listener, "ceded").mirror(Double(counts.ceded))
  }
}

/// What became of the process's log lines.
package struct LogLines: Sendable, Equatable {
  package let written: UInt64
  package let dropped: UInt64

  package init(written: UInt64 = 0, dropped: UInt64 = 0) {
    self.written = written
    self.dropped = dropped
  }
}

/// The Web PKI certificate of the bundle endpoint.
package struct BundleEndpointMetrics: Sendable {
  private let expiry: GaugeFamily
  private let lifetime: GaugeFamily
  let reloads: CounterFamily

  init(_ registry: MetricRegistry) {
    expiry = registry.gauge(
      "frame_bundle_endpoint_certificate_expiry_timestamp_seconds",
      help: "When the Web PKI certificate of the bundle endpoint expires; only with profile https_web.", unit: .seconds,
      labels: ["profile"])
    lifetime = registry.gauge(
      "frame_bundle_endpoint_certificate_lifetime_seconds",
      help:
        "How long the Web PKI certificate of the bundle endpoint lives from its beginning to its end; only with profile https_web.",
      unit: .seconds, labels: ["profile"])
    reloads = registry.counter(
      "frame_bundle_endpoint_certificate_reloads_total",
      help: "How often the files with Web PKI certificates were read again, by result.", labels: ["result"])
    for result in ["done", "refused"] { _ = reloads.with(result) }
  }

  func show(_ certificate: WebCertificateSource?) {
    guard let certificate else { return }
    expiry.with("https_web").set(certificate.notAfter.seconds)
    lifetime.with("https_web").set(certificate.lifetime.inSeconds)
  }
}
