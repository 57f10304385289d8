import FrameCore
import FrameIdentity
import FrameMetrics
import GRPCCore

/// Everything this room publishes.
package struct WorkloadMetrics: Sendable {
  /// The methods of the Workload API.
  enum Method: String, CaseIterable {
    case fetchX509SVID = "FetchX509SVID"
    case fetchX509Bundles = "FetchX509Bundles"
    case fetchJWTSVID = "FetchJWTSVID"
    case fetchJWTBundles = "FetchJWTBundles"
    case validateJWTSVID = "ValidateJWTSVID"

    var isStream: Bool { self == .fetchX509SVID || self == .fetchX509Bundles || self == .fetchJWTBundles }
  }

  /// Changes of the authority that are in force and not on the log.
  package let unlogged: Gauge
  package let entries: Gauge
  private let requests: CounterFamily
  private let open: GaugeFamily
  private let updates: CounterFamily
  private let pathsUntold: CounterFamily

  /// What a call can end with, as the `code` label says it.
  private static let codes: [Status.Code] = [
    .ok, .cancelled, .invalidArgument, .permissionDenied, .unavailable, .internalError,
  ]

  package init(_ registry: MetricRegistry) {
    unlogged = registry.gauge(
      "frame_authority_unlogged_changes", help: "Changes of the frame's authority that the log does not have yet.")
    entries = registry.gauge("frame_registration_entries", help: "Registration entries of the Workload API.")
    requests = registry.counter(
      "frame_workload_api_requests_total", help: "Calls of the Workload API that have ended, by gRPC status.",
      labels: ["method", "code"])
    open = registry.gauge(
      "frame_workload_api_streams", help: "Open streams of the Workload API.", labels: ["method"])
    updates = registry.counter(
      "frame_workload_api_updates_total", help: "Messages sent on streams of the Workload API.", labels: ["method"])
    pathsUntold = registry.counter(
      "frame_workload_api_path_refusals_total",
      help: "Looks at a caller that did not tell which program it runs, so that no path selector was met, by reason.",
      labels: ["reason"])
    for reason in LocalCaller.PathRefusal.allCases { _ = pathsUntold.with(reason.rawValue) }
    for method in Method.allCases {
      for code in Self.codes { _ = requests.with(method.rawValue, Self.word(code)) }
      guard method.isStream else { continue }
      _ = open.with(method.rawValue)
      _ = updates.with(method.rawValue)
    }
  }

  func answered(_ method: Method, _ code: Status.Code) {
    requests.with(method.rawValue, Self.word(Self.codes.contains(code) ? code : .internalError)).increment()
  }

  func pathUntold(_ reason: LocalCaller.PathRefusal) { pathsUntold.with(reason.rawValue).increment() }

  func streams(_ method: Method) -> Gauge { open.with(method.rawValue) }

  func sent(_ method: Method) { updates.with(method.rawValue).increment() }

  private static func word(_ code: Status.Code) -> String {
    switch code {
    case .ok: "OK"
    case .cancelled: "Cancelled"
    case .invalidArgument: "InvalidArgument"
    case .permissionDenied: "PermissionDenied"
    case .unavailable: "Unavailable"
    default: "Internal"
    }
  }
}

/// What the node says of where its identity comes from.
package struct UpstreamMetrics: Sendable {
  let identity: IdentityMetrics
  private let connected: GaugeFamily
  private let updates: CounterFamily
  private let failures: CounterFamily
  private let lastUpdate: GaugeFamily

  /// As `identity.source` in frame.yaml says it.
  package static let (builtIn, workloadAPI) = ("built-in", "workload-api")

  package init(_ registry: MetricRegistry, identity: IdentityMetrics) {
    self.identity = identity
    connected = registry.gauge(
      "frame_identity_source_connected",
      help:
        "1 while the node's identity can be renewed: by an authority of its own always, by an agent while it is there.",
      labels: ["source"])
    updates = registry.counter(
      "frame_identity_source_updates_total", help: "Messages of the agent that were taken over.", labels: ["kind"])
    failures = registry.counter(
      "frame_identity_source_failures_total",
      help: "Failed connections to the agent and messages of it that were not taken over.", labels: ["reason"])
    lastUpdate = registry.gauge(
      "frame_identity_source_last_update_timestamp_seconds", help: "When the agent's last message was taken over.",
      unit: .seconds, labels: ["kind"])
  }

  /// The identity is the node's own.
  package func showBuiltIn() { connected.with(Self.builtIn).set(true) }

  /// The identity comes from an agent: shows every series from the start.
  package func showUpstream() {
    set(connected: false)
    for kind in ["x509", "jwt"] { _ = updates.with(kind) }
    for reason in UpstreamFailure.allCases { _ = failures.with(reason.rawValue) }
  }

  func set(connected isConnected: Bool) { connected.with(Self.workloadAPI).set(isConnected) }

  func updated(_ message: UpstreamMessage, at now: FrameTime) {
    let kind = if case .x509 = message { "x509" } else { "jwt" }
    updates.with(kind).increment()
    lastUpdate.with(kind).set(now.seconds)
  }

  func failed(_ failure: UpstreamFailure) { failures.with(failure.rawValue).increment() }
}
