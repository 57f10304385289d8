import Foundation
import FrameCore
@_spi(FixedExpiryValidationTime) import X509

/// Which ids a verifier accepts once a chain has been proved.
package enum ExpectedID: Sendable {
  /// Any id of any trust domain whose bundle is held.
  case any
  /// Exactly this one (CONFORMANCE S3).
  case exactly(SPIFFEID)
  /// The node of any trust domain whose bundle is held: what a peer must present on the federation channel.
  case anyNode
  /// Whatever the closure says yes to. Called after everything else has been checked.
  case matching(@Sendable (SPIFFEID) -> Bool)

  func accepts(_ id: SPIFFEID) -> Bool {
    switch self {
    case .any: true
    case .exactly(let expected): id == expected
    case .anyNode: id == .node(of: id.trustDomain)
    case .matching(let predicate): predicate(id)
    }
  }

  /// The trust domain that the id must be of, when only one is possible.
  var trustDomain: FrameID? {
    if case .exactly(let id) = self { id.trustDomain } else { nil }
  }
}

/// A chain that has been proved.
package struct VerifiedPeer: Sendable {
  package let id: SPIFFEID
  /// Leaf first, the bundle's authority last.
  package let chain: [Certificate]
}

/// Verifies X.509-SVIDs (X509-SVID specification §5; CONFORMANCE S2, S3).
///
/// Checked, in this order: the leaf's profile (``LeafPolicy``); a bundle of exactly the leaf's trust domain is held; a path
/// from the leaf to an authority of *that* bundle, on which every certificate is valid now (``ValidityPolicy``), every signer
/// fits (``SignerPolicy``) and RFC 5280's basic and name constraints hold; last, the id is the expected one.
/// Authorities of other bundles are not even candidates: a chain that ends in another peer's root is refused.
package struct SPIFFEVerifier: Sendable {
  private let bundles: any BundleSource
  private let clock: any FrameClock

  /// A longer presented chain is refused unread.
  package static let chainLimit = 8

  package init(bundles: any BundleSource, clock: any FrameClock = SystemClock()) {
    self.bundles = bundles
    self.clock = clock
  }

  /// Verifies a chain as presented in a handshake.
  /// - Parameters:
  ///   - presented: DER, leaf first.
  ///   - expected: which ids are acceptable.
  /// - Throws: ``SPIFFERefusal``.
  package func verify(
    der presented: [Data], expecting expected: ExpectedID = .any
  ) async throws(SPIFFERefusal) -> VerifiedPeer {
    guard presented.count <= Self.chainLimit else {
      throw SPIFFERefusal(.chainTooLong, "\(presented.count) certificates were presented")
    }
    var chain: [Certificate] = []
    for der in presented {
      guard let certificate = try? Certificate(derEncoded: Array(der)) else {
        throw SPIFFERefusal(.malformedCertificate, "certificate \(chain.count) does not parse")
      }
      chain.append(certificate)
    }
    return try await verify(chain, expecting: expected)
  }

  /// Verifies a chain.
  /// - Parameters:
  ///   - presented: leaf first.
  ///   - expected: which ids are acceptable.
  ///   - time: at which the certificates must be valid; nil for now. With the time of its handshake, a connection that is
  ///     open is asked whether its authority still stands, and not how old its SVID has become.
  /// - Throws: ``SPIFFERefusal``.
  package func verify(
    _ presented: [Certificate], expecting expected: ExpectedID = .any, at time: FrameTime? = nil
  ) async throws(SPIFFERefusal) -> VerifiedPeer {
    guard let leaf = presented.first else { throw SPIFFERefusal(.noCertificate, "none was presented") }
    guard presented.count <= Self.chainLimit else {
      throw SPIFFERefusal(.chainTooLong, "\(presented.count) certificates were presented")
    }
    try LeafPolicy().check(leaf, signers: [])
    let id = try SPIFFEID(uriNameOf: leaf)
    if let domain = expected.trustDomain, domain != id.trustDomain {
      throw SPIFFERefusal(.unexpectedID, "'\(id)' answered where an id of \(domain) was expected")
    }
    guard let bundle = bundles.bundle(for: id.trustDomain), bundle.trustDomain == id.trustDomain else {
      throw SPIFFERefusal(.unknownTrustDomain, "no bundle of the trust domain \(id.trustDomain) is held")
    }
    let chain = try await path(from: leaf, through: presented.dropFirst(), to: bundle, at: time ?? clock.now())
    guard expected.accepts(id) else { throw SPIFFERefusal(.unexpectedID, "'\(id)' is not the expected id") }
    return VerifiedPeer(id: id, chain: chain)
  }

  private func path(
    from leaf: Certificate, through intermediates: ArraySlice<Certificate>, to bundle: SPIFFEBundle,
    at now: FrameTime
  ) async throws(SPIFFERefusal) -> [Certificate] {
    var verifier = Verifier(rootCertificates: CertificateStore(bundle.x509Authorities)) {
      LeafPolicy()
      SignerPolicy(trustDomain: bundle.trustDomain)
      ValidityPolicy(now: now)
      // For basic and name constraints: validity has been checked above, with its own refusals and the same clock.
      RFC5280Policy(fixedExpiryValidationTime: now.date)
    }
    switch await verifier.validate(leaf: leaf, intermediates: CertificateStore(intermediates)) {
    case .validCertificate(let chain): return Array(chain)
    case .couldNotValidate(let failures):
      guard let failure = failures.first else {
        throw SPIFFERefusal(
          .untrustedAuthority, "no authority in the bundle of \(bundle.trustDomain) has signed this certificate")
      }
      throw SPIFFERefusal(failure.policyFailureReason)
    }
  }
}
