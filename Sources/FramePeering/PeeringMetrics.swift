import FrameTreaty
import FrameCore
import FrameIdentity
import FrameMetrics
import FrameProtos

/// All metrics of the federation room.
package struct PeeringMetrics: Sendable {
  let treatyState: StateSetFamily
  let peers: GaugeFamily
  let connections: GaugeFamily
  let reachable: GaugeFamily

  let fingerprintMatch: GaugeFamily
  let fingerprints: InfoFamily
  let refreshTimestamp: GaugeFamily
  let refreshes: CounterFamily
  let refreshFailures: CounterFamily
  let bundleSequence: GaugeFamily
  let bundleExpiry: GaugeFamily
  let bundleReports: CounterFamily

  let revocations: CounterFamily
  let treatyRevision: GaugeFamily
  let amendments: CounterFamily
  let amendmentsOpen: GaugeFamily
  let invitationsOpen: GaugeFamily
  let invitationsLapsed: CounterFamily
  let formerLogsUndecided: GaugeFamily
  let formerLogSince: GaugeFamily
  let formerLogAmount: GaugeFamily
  let formerLogClaims: GaugeFamily

  let handshakes: CounterFamily
  let handshakeDuration: HistogramFamily
  private let mtlsFailures: CounterFamily
  let moves: CounterFamily
  let rpcs: CounterFamily
  let rpcDuration: HistogramFamily
  let served: CounterFamily
  let servedDuration: HistogramFamily

  let endpointRequests: CounterFamily
  let invitations: CounterFamily
  let invitationsDisplaced: Counter
  /// Beyond what a peer may do: calls that were refused for their number, and moves of its pin.
  let excess: CounterFamily

  package init(_ registry: MetricRegistry) {
    treatyState = registry.stateSet(
      "frame_peer_treaty_state", help: "State of the treaty with the peer.",
      states: TreatyState.allCases.map(\.rawValue),
      labels: ["peer"])
    peers = registry.gauge("frame_peers", help: "Peers by state of their treaty.", labels: ["state"])
    connections = registry.gauge(
      "frame_peer_connections", help: "Open authenticated connections from the peer.", labels: ["peer"])
    reachable = registry.gauge(
      "frame_peer_reachable", help: "1 while calls to the peer are answered, 0 once they are not.", labels: ["peer"])
    fingerprintMatch = registry.gauge(
      "frame_peer_bundle_fingerprint_match",
      help: "1 when the bundle last observed at the peer is the pinned one, else 0.", labels: ["peer"])
    fingerprints = registry.info(
      "frame_peer_bundle_fingerprint_info", help: "Pinned and last observed fingerprint of the peer's bundle.",
      labels: ["peer", "expected", "observed"])
    refreshTimestamp = registry.gauge(
      "frame_peer_bundle_refresh_timestamp_seconds", help: "When the peer's bundle was last refreshed successfully.",
      absent: true, labels: ["peer"])
    refreshes = registry.counter(
      "frame_peer_bundle_refreshes_total", help: "Successful refreshes of the peer's bundle.", labels: ["peer"])
    refreshFailures = registry.counter(
      "frame_peer_bundle_refresh_failures_total", help: "Failed refreshes of the peer's bundle by reason.",
      labels: ["peer", "reason"])
    bundleSequence = registry.gauge(
      "frame_peer_bundle_sequence", help: "spiffe_sequence of the peer's pinned bundle.", labels: ["peer"])
    bundleExpiry = registry.gauge(
      "frame_peer_bundle_expiry_timestamp_seconds",
      help: "When the first X.509 authority of the peer's pinned bundle expires.", absent: true, labels: ["peer"])
    bundleReports = registry.counter(
      "frame_peer_bundle_reports_total",
      help: "Oddities in bundles that were nevertheless accepted, such as a change under the same sequence.",
      labels: ["peer", "reason"])
    revocations = registry.counter(
      "frame_peer_revocations_total", help: "Treaties and invitations revoked, by who did it (us or peer).",
      labels: ["peer", "by"])
    treatyRevision = registry.gauge(
      "frame_peer_treaty_revision", help: "How often the terms of the treaty with the peer were amended.",
      labels: ["peer"])
    amendments = registry.counter(
      "frame_peer_amendments_total",
      help: "Amendments decided, by who proposed them (outgoing: we did) and how they ended.",
      labels: ["peer", "direction", "result"])
    amendmentsOpen = registry.gauge(
      "frame_peer_amendments_open", help: "Amendments that wait for a decision: incoming ones for ours.",
      labels: ["peer", "direction"])
    invitationsOpen = registry.gauge(
      "frame_invitations_open", help: "Invitations that wait for a decision: incoming ones for ours.",
      labels: ["direction"])
    invitationsLapsed = registry.counter(
      "frame_invitations_lapsed_total", help: "Invitations that nobody decided about in time.", labels: ["direction"])
    formerLogsUndecided = registry.gauge(
      "frame_former_logs_undecided",
      help: "Logs that the peer has lost or left, about which nobody has decided while something stands towards them.",
      labels: ["peer"])
    formerLogSince = registry.gauge(
      "frame_former_log_timestamp_seconds",
      help: "When the oldest of these was put aside; 0 when there is none.", labels: ["peer"])
    formerLogAmount = registry.gauge(
      "frame_former_log_minor_units",
      help:
        "What stands towards them, by kind; wrapped, and redeeming, which is a part of it, in the peer's money, the rest in ours.",
      unit: .minorUnits,
      labels: ["peer", "kind"])
    formerLogClaims = registry.gauge(
      "frame_former_log_claims_pending",
      help: "What the peer asks us to take over of a log that we have lost, and nobody has answered.", labels: ["peer"])
    handshakeDuration = registry.histogram(
      "frame_peer_handshake_duration_seconds",
      help: "From the acceptance of the peer's connection to the end of its TLS handshake.", labels: ["peer"])
    handshakes = registry.counter(
      "frame_peer_handshakes_total", help: "TLS handshakes with the peer by result, in either direction.",
      labels: ["peer", "result"])
    mtlsFailures = registry.counter(
      "frame_peer_mtls_failures_total",
      help:
        "Certificates refused on the federation channel, by the peer that was called or that the certificate claims to be of, which nothing proves; unknown when that is no peer.",
      labels: ["peer", "reason"])
    moves = registry.counter(
      "frame_peer_channel_moves_total",
      help: "Times the channel to the peer went over to a new connection because keys had changed, by result.",
      labels: ["peer", "result"])
    rpcs = registry.counter(
      "frame_peer_rpc_total", help: "Calls to the peer by method and result code.", labels: ["peer", "method", "code"])
    rpcDuration = registry.histogram(
      "frame_peer_rpc_duration_seconds", help: "Duration of calls to the peer.", labels: ["peer", "method"])
    served = registry.counter(
      "frame_peer_served_rpc_total", help: "Calls served for the peer by method and result code.",
      labels: ["peer", "method", "code"])
    servedDuration = registry.histogram(
      "frame_peer_served_rpc_duration_seconds", help: "Duration of calls served for the peer.",
      labels: ["peer", "method"])
    endpointRequests = registry.counter(
      "frame_bundle_endpoint_requests_total", help: "Requests to the bundle endpoint by HTTP status.", labels: ["code"])
    invitations = registry.counter(
      "frame_invitations_received_total", help: "Invitations received by result.", labels: ["result"])
    invitationsDisplaced = registry.counter(
      "frame_invitations_displaced_total",
      help: "Invitations that nobody had looked at and that made room for another.")
    excess = registry.counter(
      "frame_peer_excess_total",
      help: "Times a peer did more than it may: calls that were refused, moves of its pin that were not followed.",
      labels: ["peer", "kind"])
    initialise()
  }

  /// Series that rules need exist before anything happens (CONFORMANCE O9).
  private func initialise() {
    for state in TreatyState.allCases { peers.with(state.rawValue).set(0) }
    for code in ["200", "304", "404", "429"] { _ = endpointRequests.with(code) }
    for reason in SPIFFERefusal.Reason.allCases { _ = mtlsFailures.with(Self.unknownPeer, reason.rawValue) }
    for direction in [Treaty.Direction.incoming, .outgoing] {
      invitationsOpen.with(direction.rawValue).set(0)
      _ = invitationsLapsed.with(direction.rawValue)
    }
  }

  /// The `peer` of whoever is none.
  private static let unknownPeer = "unknown"

  /// Counts a refused certificate.
  /// - Parameter peer: whom it was called as, or claims to be of; nil unless that is a frame we have dealt with.
  func mtlsFailure(_ peer: FrameID?, _ refusal: SPIFFERefusal) {
    mtlsFailures.with(peer?.name ?? Self.unknownPeer, refusal.code).increment()
  }

  /// Publishes where every treaty stands.
  func show(_ state: FederationState, now: FrameTime) {
    for (peer, treaty) in state.treaties {
      treatyState.with(peer.name).set(treaty.state)
      treatyRevision.with(peer.name).set(Int64(treaty.revision))
      for by in ["us", "peer"] { _ = revocations.with(peer.name, by) }
      for (direction, amendment) in [("outgoing", treaty.proposed), ("incoming", treaty.received)] {
        amendmentsOpen.with(peer.name, direction).set(amendment?.state == .pending ? 1 : 0)
        for result in ["accepted", "rejected", "withdrawn"] { _ = amendments.with(peer.name, direction, result) }
      }
      if treaty.state == .established {
        _ = refreshes.with(peer.name)
        _ = refreshFailures.with(peer.name, "endpoint_unreachable")
        for reason in [SPIFFERefusal.Reason.untrustedAuthority, .expired, .unexpectedID] {
          _ = mtlsFailures.with(peer.name, reason.rawValue)
        }
        for result in ["done", "failed"] { _ = moves.with(peer.name, result) }
        for kind in ["calls", "pin_moves"] { _ = excess.with(peer.name, kind) }
      }
      bundleSequence.with(peer.name).set(Int64(clamping: treaty.pin.sequence))
    }
    for peer in state.treaties.keys { show(state.logs, of: peer) }
    for direction in [Treaty.Direction.incoming, .outgoing] {
      let open = state.treaties.values.count {
        $0.state == .requested && $0.direction == direction && !$0.isExpired(at: now)
      }
      invitationsOpen.with(direction.rawValue).set(open)
    }
    for value in TreatyState.allCases {
      peers.with(value.rawValue).set(state.treaties.values.count { $0.state == value })
    }
  }

  /// What nobody has decided about yet.
  private func show(_ logs: PeerLogs, of peer: FrameID) {
    let open = logs.former(of: peer).filter(\.state.isOpen)
    formerLogsUndecided.with(peer.name).set(open.count)
    formerLogSince.with(peer.name).set(open.map(\.since).min()?.seconds ?? 0)
    for (kind, _) in PBFormerLogFigures().amounts {
      let amounts = open.map { $0.figures.amounts.first { $0.kind == kind }?.amount ?? 0 }
      formerLogAmount.with(peer.name, kind).set(Int64(clamping: amounts.reduce(Int128(0)) { $0 + Int128($1) }))
    }
    formerLogClaims.with(peer.name).set(logs.claims(of: peer).count { $0.state == .pending })
  }

  /// Counts what has changed about one treaty.
  func count(_ old: Treaty, _ new: Treaty) {
    let peer = new.peer.name
    if new.state == .revoked, old.state != .revoked {
      revocations.with(peer, new.endedByPeer ? "peer" : "us").increment()
    }
    for (direction, before, after) in [
      ("outgoing", old.proposed, new.proposed), ("incoming", old.received, new.received),
    ] {
      guard let after, after.state != .pending, before?.id != after.id || before?.state == .pending else { continue }
      amendments.with(peer, direction, after.state.rawValue).increment()
    }
  }

  /// Publishes what is expected of a peer's bundle and what was seen.
  func show(_ peer: FrameID, expected: String, observed: String) {
    fingerprintMatch.with(peer.name).set(expected == observed)
    fingerprints.replace(peer.name, expected, observed, keys: 1)
  }

  /// An invitation that was forgotten leaves no series behind: strangers choose their names.
  func forget(stranger peer: FrameID) {
    treatyState.removeAll("peer", peer.name)
    treatyRevision.removeAll("peer", peer.name)
    revocations.removeAll("peer", peer.name)
    amendments.removeAll("peer", peer.name)
    amendmentsOpen.removeAll("peer", peer.name)
    bundleSequence.removeAll("peer", peer.name)
  }

  /// A peer that is gone has no bundle to watch: its alerts must not outlive the treaty.
  func forgetBundle(of peer: FrameID) {
    fingerprintMatch.removeAll("peer", peer.name)
    fingerprints.removeAll("peer", peer.name)
    refreshTimestamp.removeAll("peer", peer.name)
    bundleExpiry.removeAll("peer", peer.name)
  }
}
