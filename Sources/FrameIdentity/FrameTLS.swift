import NIOCertificateReloading
import NIOSSL

/// TLS configurations of the node: version 1.2 or later, the cipher suites and curves of Mozilla's intermediate profile
/// (those of it that BoringSSL has), the node's SVID taken anew for each handshake.
///
/// Configurations that say they verify have no trust roots: the verification callback of ``SPIFFEVerifier`` must be given to
/// the handler or transport. Without it every handshake fails, which is the safe way to be wrong.
package enum FrameTLS {
  /// For a server that demands an SVID from its clients (federation).
  package static func mutualServer(_ source: SVIDSource, alpn: [String]) throws -> TLSConfiguration {
    var configuration = try TLSConfiguration.makeServerConfigurationWithMTLS(
      certificateReloader: source, trustRoots: .certificates([]))
    harden(&configuration, alpn: alpn)
    return configuration
  }

  /// For a server that anyone may talk to (bundle endpoint): it asks for no client certificate.
  package static func server(_ source: any CertificateReloader, alpn: [String]) throws -> TLSConfiguration {
    var configuration = try TLSConfiguration.makeServerConfiguration(certificateReloader: source)
    harden(&configuration, alpn: alpn)
    return configuration
  }

  /// For a client that presents its SVID and verifies the server's (federation).
  package static func mutualClient(_ source: SVIDSource, alpn: [String]) throws -> TLSConfiguration {
    var configuration = try TLSConfiguration.makeClientConfiguration(certificateReloader: source)
    configuration.certificateVerification = .noHostnameVerification
    configuration.trustRoots = .certificates([])
    harden(&configuration, alpn: alpn)
    return configuration
  }

  /// For a client that presents nothing and verifies the server by its SVID (bundle fetches with `https_spiffe`).
  package static func client(alpn: [String]) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .noHostnameVerification
    configuration.trustRoots = .certificates([])
    harden(&configuration, alpn: alpn)
    return configuration
  }

  /// For a client that verifies by Web PKI and host name (`https_web`).
  /// - Parameter additionalRoots: trusted besides the system's.
  package static func webClient(additionalRoots: [NIOSSLCertificate], alpn: [String]) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .fullVerification
    configuration.trustRoots = .default
    if !additionalRoots.isEmpty { configuration.additionalTrustRoots = [.certificates(additionalRoots)] }
    harden(&configuration, alpn: alpn)
    return configuration
  }

  private static func harden(_ configuration: inout TLSConfiguration, alpn: [String]) {
    configuration.minimumTLSVersion = .tlsv12
    // TLS 1.3 suites are BoringSSL's own, all three of them in the profile.
    configuration.cipherSuiteValues = [
      .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
      .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
      .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]
    configuration.curves = [.x25519_MLKEM768, .x25519, .secp256r1, .secp384r1]
    configuration.applicationProtocols = alpn
    configuration.renegotiationSupport = .none
  }
}
