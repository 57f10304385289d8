import FrameCore
import FrameMetrics

/// Everything this room publishes.
package struct IdentityMetrics: Sendable {
  private let svidExpiry: GaugeFamily
  private let caExpiry: Gauge
  private let caLifetime: Gauge
  private let rotations: CounterFamily
  private let renewalFailures: CounterFamily
  private let x509Issued: Counter
  private let jwtIssued: Counter
  private let jwtVerifications: CounterFamily
  private let authorityKeys: GaugeFamily
  private let authorityExpiry: GaugeFamily
  private let authorityDue: GaugeFamily
  private let authorityChanges: CounterFamily
  private let rotationFailures: CounterFamily
  private let bundleSequence: Gauge

  /// The SVID that the node holds for itself, as the `kind` label says it.
  private static let x509 = "x509"

  package init(_ registry: MetricRegistry) {
    svidExpiry = registry.gauge(
      "frame_svid_expiry_timestamp_seconds", help: "When the node's current SVID expires.", unit: .seconds,
      labels: ["kind"])
    caExpiry = registry.gauge(
      "frame_ca_expiry_timestamp_seconds",
      help: "When the X.509 authority that signs expires; only of an authority of the node's own.", unit: .seconds,
      absent: true)
    rotations = registry.counter(
      "frame_svid_rotations_total", help: "SVIDs the node has obtained for itself, the first included.",
      labels: ["kind"])
    renewalFailures = registry.counter(
      "frame_svid_renewal_failures_total", help: "Failed attempts to renew the node's SVID.", labels: ["kind"])
    x509Issued = registry.counter("frame_x509_svids_issued_total", help: "X.509-SVIDs issued by this node.")
    jwtIssued = registry.counter("frame_jwt_svids_issued_total", help: "JWT-SVIDs issued by this node.")
    jwtVerifications = registry.counter(
      "frame_jwt_svid_verifications_total", help: "JWT-SVIDs checked, by result: accepted or the reason of refusal.",
      labels: ["result"])
    authorityKeys = registry.gauge(
      "frame_authority_keys", help: "Keys of the frame's authority, by kind and state.", labels: ["kind", "state"])
    authorityExpiry = registry.gauge(
      "frame_authority_earliest_expiry_timestamp_seconds", help: "When the first key in the bundle expires.",
      unit: .seconds, labels: ["kind"])
    authorityDue = registry.gauge(
      "frame_authority_rotation_due_timestamp_seconds",
      help: "When the next step of the automatic rotation falls due; in the past only while it is overdue.",
      unit: .seconds, labels: ["kind"])
    authorityChanges = registry.counter(
      "frame_authority_changes_total", help: "Changes of the frame's authority.", labels: ["kind", "action"])
    rotationFailures = registry.counter(
      "frame_authority_rotation_failures_total", help: "Steps of the rotation that could not be carried out.",
      labels: ["kind"])
    caLifetime = registry.gauge(
      "frame_ca_lifetime_seconds", help: "How long the X.509 authority that signs lives from its beginning to its end.",
      unit: .seconds, absent: true)
    bundleSequence = registry.gauge("frame_bundle_sequence", help: "Sequence number of the frame's own bundle.")
    _ = rotations.with(Self.x509)
    _ = renewalFailures.with(Self.x509)
    for kind in AuthorityKind.allCases {
      for action in AuthorityChange.Action.allCases { _ = authorityChanges.with(kind.rawValue, action.rawValue) }
      for state in AuthorityState.allCases { _ = authorityKeys.with(kind.rawValue, state.rawValue) }
      _ = rotationFailures.with(kind.rawValue)
    }
    for result in [Self.accepted] + JWTSVIDRefusal.codes { _ = jwtVerifications.with(result) }
  }

  private static let accepted = "accepted"

  /// Shows where all keys stand.
  func show(_ keys: AuthorityKeys, _ policy: AuthorityPolicy) {
    let active = keys.x509.active.record
    caExpiry.set(active.expiresAt.seconds)
    caLifetime.set((active.expiresAt - active.publishedAt).inSeconds)
    bundleSequence.set(Double(keys.sequence))
    show(.x509, keys.x509.records, due: keys.x509.next(policy.spans(of: .x509)).at)
    show(.jwt, keys.jwt.records, due: keys.jwt.next(policy.spans(of: .jwt)).at)
  }

  /// Shows the number of a bundle that comes from elsewhere.
  package func show(sequence: UInt64) { bundleSequence.set(Double(sequence)) }

  private func show(_ kind: AuthorityKind, _ records: [AuthorityRecord], due: FrameTime) {
    for state in AuthorityState.allCases {
      authorityKeys.with(kind.rawValue, state.rawValue).set(Double(records.count { $0.state == state }))
    }
    if let earliest = records.map(\.expiresAt).min() { authorityExpiry.with(kind.rawValue).set(earliest.seconds) }
    authorityDue.with(kind.rawValue).set(due.seconds)
  }

  func rotated(_ kind: AuthorityKind, _ action: AuthorityChange.Action) {
    authorityChanges.with(kind.rawValue, action.rawValue).increment()
  }

  func rotationFailed(_ kind: AuthorityKind) { rotationFailures.with(kind.rawValue).increment() }

  func x509SVIDObtained(expiring time: FrameTime) {
    svidExpiry.with(Self.x509).set(time.seconds)
    rotations.with(Self.x509).increment()
  }

  func x509SVIDRenewalFailed() { renewalFailures.with(Self.x509).increment() }

  func x509SVIDIssued() { x509Issued.increment() }

  func jwtSVIDIssued() { jwtIssued.increment() }

  func jwtSVIDVerified(_ refusal: JWTSVIDRefusal?) {
    jwtVerifications.with(refusal?.code ?? Self.accepted).increment()
  }
}
