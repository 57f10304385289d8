import Foundation
import FrameCore

/// A bundle as it came from its endpoint.
package struct FetchedBundle: Sendable {
  package let bundle: SPIFFEBundle
  /// The document's bytes, as served: what is stored when the bundle is pinned.
  package let document: Data
  /// For the next conditional fetch.
  package let etag: String?
  /// What the endpoint presented, DER, leaf first; empty with Web PKI.
  package let presentedChain: [Data]
}

/// Fetches trust bundles from bundle endpoints (SPIFFE Federation §5; CONFORMANCE S6, S7, S13).
package struct BundleClient: Sendable {
  private let client: EndpointClient
  private let clock: any FrameClock

  package init(client: EndpointClient, clock: any FrameClock = SystemClock()) {
    self.client = client
    self.clock = clock
  }

  /// Refreshes a bundle.
  /// - Parameters:
  ///   - trustDomain: whose bundle the endpoint is for.
  ///   - profile: how the endpoint proves itself; with `.firstUse` the result proves nothing, see ``firstContact(_:at:)``.
  ///   - etag: of the document that is held.
  /// - Returns: nil when the endpoint says that the held document is still the current one.
  /// - Throws: ``FetchError``, ``BundleError``, `CancellationError`. What is held stays as it is.
  package func fetch(
    _ trustDomain: FrameID, from url: EndpointURL, profile: EndpointProfile, etag: String? = nil
  ) async throws -> FetchedBundle? {
    let response = try await client.get(url, profile: profile, ifNoneMatch: etag)
    if response.status == 304, etag != nil { return nil }
    guard response.status == 200 else { throw FetchError.status(url, response.status) }
    let type = response.headers["content-type"] ?? ""
    let mediaType = type.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
    guard mediaType == BundleDocument.contentType else { throw FetchError.contentType(url, type) }
    return FetchedBundle(
      bundle: try SPIFFEBundle(parsing: response.body, of: trustDomain), document: response.body,
      etag: response.headers["etag"], presentedChain: response.presentedChain)
  }

  /// Fetches the bundle of a trust domain that is not known yet, and checks that it is consistent with itself: the endpoint's
  /// certificate must be the node's SVID as this very bundle vouches for it. That proves possession of the keys, not whose they
  /// are: a person must compare the fingerprint.
  /// - Throws: ``FetchError`` (`refused` when the bundle does not vouch for its endpoint), ``BundleError``.
  package func firstContact(_ trustDomain: FrameID, at url: EndpointURL) async throws -> FetchedBundle {
    guard let fetched = try await fetch(trustDomain, from: url, profile: .firstUse) else {
      // Without an entity tag nothing can be "not modified".
      throw FetchError.status(url, 304)
    }
    do {
      _ = try await SPIFFEVerifier(bundles: fetched.bundle, clock: clock).verify(
        der: fetched.presentedChain, expecting: .exactly(.node(of: trustDomain)))
    } catch {
      throw FetchError.refused(url, error)
    }
    return fetched
  }
}
