/// The profile of a bundle endpoint (SPIFFE Federation §5.2): how whoever answers there proves who it is. It is a part of the
/// treaty, and there is no fall-back from one to the other (CONFORMANCE S6).
package enum BundleProfile: String, Sendable, CaseIterable {
  /// By the endpoint's SVID, which the bundle already held vouches for.
  case spiffe = "https_spiffe"
  /// By Web PKI and host name.
  case web = "https_web"

  /// - Throws: ``FederationError/profileUnknown(_:)``.
  package init(_ text: String) throws(FederationError) {
    guard let profile = Self(rawValue: text) else { throw .profileUnknown(text) }
    self = profile
  }
}
