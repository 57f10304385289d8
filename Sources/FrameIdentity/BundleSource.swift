import FrameCore
import Synchronization

/// Where verification gets its bundles from: one a trust domain, never merged.
package protocol BundleSource: Sendable {
  /// The bundle of exactly that trust domain, or nil when none is held. Called for every handshake and token: must not block.
  func bundle(for trustDomain: FrameID) -> SPIFFEBundle?
}

/// A set of bundles that can change while connections are being verified: our own and the pinned ones of our peers.
package final class BundleSet: BundleSource {
  private let bundles: Mutex<[FrameID: SPIFFEBundle]>

  package init(_ bundles: [SPIFFEBundle] = []) {
    self.bundles = Mutex(Dictionary(bundles.map { ($0.trustDomain, $0) }, uniquingKeysWith: { _, last in last }))
  }

  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? { bundles.withLock { $0[trustDomain] } }

  /// Sets the bundle of its trust domain, in place of what was held.
  package func set(_ bundle: SPIFFEBundle) { bundles.withLock { $0[bundle.trustDomain] = bundle } }

  /// From now on nothing of that trust domain verifies.
  package func remove(_ trustDomain: FrameID) { _ = bundles.withLock { $0.removeValue(forKey: trustDomain) } }

  package var trustDomains: [FrameID] { bundles.withLock { $0.keys.sorted() } }
}

extension SPIFFEBundle: BundleSource {
  /// A bundle is a source of itself alone.
  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? { trustDomain == self.trustDomain ? self : nil }
}
