import FrameCore
import FrameMetrics

/// Everything this room publishes.
package struct IdentityMetrics: Sendable {
  private let svidExpiry: GaugeFamily
  private let caExpiry: Gauge
  private let rotations: CounterFamily
  private let renewalFailures: CounterFamily
  private let jwtIssued: Counter
  private let jwtVerifications: CounterFamily

  /// The SVID that the node holds for itself, as the `kind` label says it.
  private static let x509 = "x509"

  package init(_ registry: MetricRegistry) {
    svidExpiry = registry.gauge(
      "frame_svid_expiry_timestamp_seconds", help: "When the node's current SVID expires.", unit: .seconds,
      labels: ["kind"])
    caExpiry = registry.gauge(
      "frame_ca_expiry_timestamp_seconds", help: "When the frame's earliest X.509 authority expires.", unit: .seconds)
    rotations = registry.counter(
      "frame_svid_rotations_total", help: "SVIDs the node has obtained for itself, the first included.",
      labels: ["kind"])
    renewalFailures = registry.counter(
      "frame_svid_renewal_failures_total", help: "Failed attempts to renew the node's SVID.", labels: ["kind"])
    jwtIssued = registry.counter("frame_jwt_svids_issued_total", help: "JWT-SVIDs issued by this node.")
    jwtVerifications = registry.counter(
      "frame_jwt_svid_verifications_total", help: "JWT-SVIDs checked, by result: accepted or the reason of refusal.",
      labels: ["result"])
    _ = rotations.with(Self.x509)
    _ = renewalFailures.with(Self.x509)
    for result in [Self.accepted] + JWTSVIDRefusal.codes { _ = jwtVerifications.with(result) }
  }

  private static let accepted = "accepted"

  func authorityExpires(at time: FrameTime) { caExpiry.set(time.seconds) }

  func x509SVIDObtained(expiring time: FrameTime) {
    svidExpiry.with(Self.x509).set(time.seconds)
    rotations.with(Self.x509).increment()
  }

  func x509SVIDRenewalFailed() { renewalFailures.with(Self.x509).increment() }

  func jwtSVIDIssued() { jwtIssued.increment() }

  func jwtSVIDVerified(_ refusal: JWTSVIDRefusal?) {
    jwtVerifications.with(refusal?.code ?? Self.accepted).increment()
  }
}
