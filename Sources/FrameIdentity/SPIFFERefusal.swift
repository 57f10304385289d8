import FrameCore
import X509

/// Why a presented certificate chain is refused (CONFORMANCE S2, S3): one code a check, also the metric `reason`.
package struct SPIFFERefusal: FrameError, Hashable {
  package enum Reason: String, Sendable, CaseIterable {
    case noCertificate = "no_certificate"
    case malformedCertificate = "malformed_certificate"
    case chainTooLong = "chain_too_long"
    case noURIName = "no_uri_san"
    case severalURINames = "several_uri_sans"
    case invalidID = "invalid_spiffe_id"
    case leafWithoutPath = "leaf_without_path"
    case leafIsAuthority = "leaf_is_ca"
    case leafKeyUsage = "leaf_key_usage"
    case leafMaySign = "leaf_may_sign"
    case leafExtendedKeyUsage = "leaf_extended_key_usage"
    case unknownCriticalExtension = "unknown_critical_extension"
    case unknownTrustDomain = "unknown_trust_domain"
    case untrustedAuthority = "untrusted_authority"
    case signerNotAuthority = "signer_not_ca"
    case signerKeyUsage = "signer_key_usage"
    case signerID = "signer_spiffe_id"
    case expired = "svid_expired"
    case notYetValid = "svid_not_yet_valid"
    case pathConstraints = "path_constraints"
    case unexpectedID = "unexpected_spiffe_id"
  }

  package let reason: Reason
  /// The offending value.
  package let detail: String

  init(_ reason: Reason, _ detail: String) {
    self.reason = reason
    self.detail = detail.shown(600)
  }

  package var code: String { reason.rawValue }
  package var kind: FrameErrorKind { .unauthenticated }
  package var message: String { "The peer's certificate is refused: \(detail)." }
  package var remedy: String {
    switch reason {
    case .expired, .notYetValid: "Check the clocks on both sides, then whether the peer renews its SVID."
    case .unknownTrustDomain: "Only peers with a treaty are accepted: invite or approve that frame first."
    case .untrustedAuthority:
      "Refresh the peer's bundle; if its fingerprint changed, ask its operator before pinning it."
    case .unexpectedID: "Check which workload answers at that address."
    default: "The peer must present an X.509-SVID as the SPIFFE specification requires."
    }
  }

  // A VerifierPolicy can give its reason only as text, so the refusal crosses swift-certificates as `<code> <detail>`.
  var asPolicyFailure: PolicyEvaluationResult {
    .failsToMeetPolicy(reason: PolicyFailureReason("\(reason.rawValue) \(detail)"))
  }

  init(_ failure: PolicyFailureReason) {
    let parts = failure.description.split(separator: " ", maxSplits: 1)
    if parts.count == 2, let reason = Reason(rawValue: String(parts[0])) {
      self.init(reason, String(parts[1]))
    } else {
      self.init(.pathConstraints, failure.description)
    }
  }
}
