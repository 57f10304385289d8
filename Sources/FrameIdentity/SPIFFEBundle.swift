import Crypto
import Foundation
import FrameCore
import X509

/// The keys that verify one trust domain's SVIDs (SPIFFE Trust Domain and Bundle; CONFORMANCE S5, S7, S11).
///
/// A bundle is always that of one trust domain and there is no way to merge two.
package struct SPIFFEBundle: Sendable, Hashable {
  package let trustDomain: FrameID
  package let x509Authorities: [Certificate]
  package let jwtAuthorities: [JWTAuthority]
  /// `spiffe_sequence`, when the issuer gives one.
  package let sequence: UInt64?
  /// `spiffe_refresh_hint`, when the issuer gives one; not yet bounded, see ``refreshInterval``.
  package let refreshHint: Duration?
  /// The entries of the document that were left out, with the reason.
  package let ignored: [IgnoredEntry]

  /// An entry of a bundle that is not usable. It takes nothing else with it (CONFORMANCE S11).
  package struct IgnoredEntry: Sendable, Hashable, CustomStringConvertible {
    /// Its place in `keys`.
    package let index: Int
    package let reason: String
    package var description: String { "keys[\(index)]: \(reason)" }
  }

  package static let defaultRefreshInterval: Duration = .seconds(300)
  /// What a hint can move the interval to (CONFORMANCE S13).
  package static let refreshIntervalBounds: ClosedRange<Duration> = .seconds(60)...Duration.seconds(86_400)

  package init(
    trustDomain: FrameID, x509Authorities: [Certificate], jwtAuthorities: [JWTAuthority], sequence: UInt64?,
    refreshHint: Duration?, ignored: [IgnoredEntry] = []
  ) {
    self.trustDomain = trustDomain
    self.x509Authorities = x509Authorities
    self.jwtAuthorities = jwtAuthorities
    self.sequence = sequence
    self.refreshHint = refreshHint
    self.ignored = ignored
  }

  /// How long to wait before the next refresh: the hint, bounded; five minutes when there is none.
  package var refreshInterval: Duration {
    guard let refreshHint else { return Self.defaultRefreshInterval }
    return min(max(refreshHint, Self.refreshIntervalBounds.lowerBound), Self.refreshIntervalBounds.upperBound)
  }

  /// No keys at all: every SVID of this domain is revoked.
  package var isEmpty: Bool { x509Authorities.isEmpty && jwtAuthorities.isEmpty }

  /// What people compare when they approve a treaty: `SHA256:` and the hex SHA-256 over the concatenated, sorted SHA-256
  /// digests of the X.509 authorities' DER. Order and JWT keys do not change it.
  package var fingerprint: BundleFingerprint {
    let digests = x509Authorities.map { certificate in
      // A certificate that was parsed or issued here serialises again; there is no other kind.
      Data(SHA256.hash(data: (try? certificate.der()) ?? Data()))
    }
    var hash = SHA256()
    for digest in digests.sorted(by: { $0.lexicographicallyPrecedes($1) }) { hash.update(data: digest) }
    return BundleFingerprint(digest: Data(hash.finalize()))
  }

  /// The end of the authority that expires first, as an absolute time; nil when there is none.
  package var earliestExpiry: FrameTime? { x509Authorities.map { FrameTime($0.notValidAfter) }.min() }

  /// Whether both hold the same keys, whatever their order, sequence and hint.
  package func hasSameKeys(as other: SPIFFEBundle) -> Bool {
    trustDomain == other.trustDomain && Set(x509Authorities) == Set(other.x509Authorities)
      && Set(jwtAuthorities) == Set(other.jwtAuthorities)
  }
}

/// The fingerprint of a bundle: what both operators see when they approve a treaty.
package struct BundleFingerprint: Sendable, Hashable, CustomStringConvertible {
  package let digest: Data

  init(digest: Data) { self.digest = digest }

  /// - Throws: ``BundleError/fingerprint(_:)`` unless it is `SHA256:` and 64 hexadecimal digits.
  package init(_ text: String) throws(BundleError) {
    let digits = Array(text.utf8.dropFirst(7))
    guard text.hasPrefix("SHA256:"), digits.count == 64 else { throw .fingerprint(text) }
    var digest = Data()
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else {
        throw .fingerprint(text)
      }
      digest.append(high << 4 | low)
    }
    self.digest = digest
  }

  package var description: String { "SHA256:" + digest.hex }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
