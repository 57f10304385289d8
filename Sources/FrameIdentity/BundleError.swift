import FrameCore

/// Why a bundle, or a replacement for one, is refused.
package enum BundleError: FrameError, Hashable {
  case tooLarge(FrameID, Int)
  case malformed(FrameID, why: String)
  case noUsableKey(FrameID, [SPIFFEBundle.IgnoredEntry])
  case otherTrustDomain(held: FrameID, received: FrameID)
  case rollback(FrameID, held: UInt64, received: UInt64?)
  case unauthenticatedRevocation(FrameID)
  case fingerprint(String)

  package var code: String {
    switch self {
    case .tooLarge: "bundle_too_large"
    case .malformed: "bundle_malformed"
    case .noUsableKey: "bundle_without_usable_key"
    case .otherTrustDomain: "bundle_other_trust_domain"
    case .rollback: "bundle_rollback"
    case .unauthenticatedRevocation: "bundle_unauthenticated_revocation"
    case .fingerprint: "invalid_fingerprint"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .fingerprint: .invalid
    case .tooLarge: .tooLarge
    default: .refused
    }
  }
  package var message: String {
    switch self {
    case .tooLarge(let domain, let count): "The bundle of \(domain) has \(count) bytes."
    case .malformed(let domain, let why): "The bundle of \(domain) is not one: \(why)."
    case .noUsableKey(let domain, let ignored):
      "The bundle of \(domain) has no usable key: \(ignored.prefix(5).map(\.description).joined(separator: "; "))."
    case .otherTrustDomain(let held, let received): "A bundle of \(received) cannot replace that of \(held)."
    case .rollback(let domain, let held, let received):
      "The bundle of \(domain) went back from sequence \(held) to \(received.map(String.init) ?? "none")."
    case .unauthenticatedRevocation(let domain):
      "The bundle of \(domain) is empty and nothing proves that \(domain) emptied it."
    case .fingerprint(let text): "'\(text.shown(100))' is not a bundle fingerprint."
    }
  }
  package var remedy: String {
    switch self {
    case .tooLarge: "The limit is \(SPIFFEBundle.documentLimit) bytes; the peer should drop expired authorities."
    case .malformed, .noUsableKey: "The last good bundle stays in use; the peer's operator should check its endpoint."
    case .otherTrustDomain: "Fetch the bundle from the endpoint of the trust domain it is for."
    case .rollback: "The last good bundle stays in use; ask the peer's operator whether it was restored from a backup."
    case .unauthenticatedRevocation: "The last good bundle stays in use."
    case .fingerprint: "Write SHA256: and 64 hexadecimal digits, as 'frame peer show' prints it."
    }
  }
}
