import FrameCore
import SwiftASN1
import X509

// The checks of X509-SVID (SPIFFE) as small policies. SPIFFEVerifier composes them; each refusal names its check.

extension SPIFFEID {
  /// The id in a certificate: its only URI name (X509-SVID §2; CONFORMANCE S2). Other kinds of names may stand beside it.
  /// - Throws: ``SPIFFERefusal`` with `no_uri_san`, `several_uri_sans` or `invalid_spiffe_id`.
  package init(uriNameOf certificate: Certificate) throws(SPIFFERefusal) {
    let uris = try certificate.uriNames()
    guard let uri = uris.first else { throw SPIFFERefusal(.noURIName, "it has no URI name") }
    guard uris.count == 1 else { throw SPIFFERefusal(.severalURINames, "it has \(uris.count) URI names") }
    do { self = try SPIFFEID(uri) } catch { throw SPIFFERefusal(.invalidID, error.message) }
  }
}

extension Certificate {
  func uriNames() throws(SPIFFERefusal) -> [String] {
    let names: SubjectAlternativeNames?
    do { names = try extensions.subjectAlternativeNames } catch {
      throw SPIFFERefusal(.malformedCertificate, "its subject alternative names do not parse")
    }
    return (names ?? SubjectAlternativeNames()).compactMap {
      if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil }
    }
  }

  func parsed<T>(_ name: String, _ read: (Certificate.Extensions) throws -> T?) throws(SPIFFERefusal) -> T? {
    do { return try read(extensions) } catch {
      throw SPIFFERefusal(.malformedCertificate, "its \(name) does not parse")
    }
  }
}

/// A check of a chain, leaf first, root last, that throws its refusal.
protocol ChainPolicy: VerifierPolicy, Sendable {
  func check(_ leaf: Certificate, signers: ArraySlice<Certificate>) throws(SPIFFERefusal)
}

extension ChainPolicy {
  func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
    let certificates = Array(chain)
    guard let leaf = certificates.first else { return SPIFFERefusal(.noCertificate, "it is empty").asPolicyFailure }
    do {
      try check(leaf, signers: certificates.dropFirst())
      return .meetsPolicy
    } catch { return error.asPolicyFailure }
  }
}

/// The leaf: an id with a path; not a CA; `digitalSignature`, neither `keyCertSign` nor `cRLSign`; server and client
/// authentication when it has an extended key usage at all; no critical extension that we do not know.
struct LeafPolicy: ChainPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.keyUsage,
    .X509ExtensionID.basicConstraints,
  ]

  func check(_ leaf: Certificate, signers: ArraySlice<Certificate>) throws(SPIFFERefusal) {
    let id = try SPIFFEID(uriNameOf: leaf)
    if case .isCertificateAuthority = try leaf.parsed("basic constraints", { try $0.basicConstraints }) {
      throw SPIFFERefusal(.leafIsAuthority, "'\(id)' is presented by a CA certificate")
    }
    guard let usage = try leaf.parsed("key usage", { try $0.keyUsage }), usage.digitalSignature else {
      throw SPIFFERefusal(.leafKeyUsage, "the leaf of '\(id)' has no digitalSignature key usage")
    }
    guard !usage.keyCertSign, !usage.cRLSign else {
      throw SPIFFERefusal(.leafMaySign, "the leaf of '\(id)' has key usage keyCertSign or cRLSign")
    }
    guard !id.path.isEmpty else { throw SPIFFERefusal(.leafWithoutPath, "'\(id)' has no path") }
    if let usages = try leaf.parsed("extended key usage", { try $0.extendedKeyUsage }) {
      guard usages.contains(.serverAuth), usages.contains(.clientAuth) else {
        throw SPIFFERefusal(
          .leafExtendedKeyUsage, "the leaf of '\(id)' is not for both server and client authentication")
      }
    }
    for ext in leaf.extensions where ext.critical && !verifyingCriticalExtensions.contains(ext.oid) {
      throw SPIFFERefusal(.unknownCriticalExtension, "the leaf of '\(id)' has the critical extension \(ext.oid)")
    }
  }
}

/// Every signing certificate: a CA with `keyCertSign`; its id, if it has one, is the leaf's trust domain and has no path.
struct SignerPolicy: ChainPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = []
  let trustDomain: FrameID

  func check(_ leaf: Certificate, signers: ArraySlice<Certificate>) throws(SPIFFERefusal) {
    // The leaf itself standing in the bundle would be a chain of one: nobody has signed it.
    guard !signers.isEmpty else { throw SPIFFERefusal(.untrustedAuthority, "no authority has signed the leaf") }
    for signer in signers {
      guard case .isCertificateAuthority = try signer.parsed("basic constraints", { try $0.basicConstraints }) else {
        throw SPIFFERefusal(.signerNotAuthority, "the signer \(signer.subject) is not a CA")
      }
      guard try signer.parsed("key usage", { try $0.keyUsage })?.keyCertSign == true else {
        throw SPIFFERefusal(.signerKeyUsage, "the signer \(signer.subject) has no keyCertSign key usage")
      }
      if try !signer.uriNames().isEmpty {
        let id: SPIFFEID
        do { id = try SPIFFEID(uriNameOf: signer) } catch {
          throw SPIFFERefusal(.signerID, "a signer: \(error.detail)")
        }
        guard id == .trustDomain(trustDomain) else {
          throw SPIFFERefusal(.signerID, "the signer's id '\(id)' is not that of the trust domain \(trustDomain)")
        }
      }
    }
  }
}

/// Every certificate of the chain, the root included, is valid now.
struct ValidityPolicy: ChainPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = []
  let now: FrameTime

  func check(_ leaf: Certificate, signers: ArraySlice<Certificate>) throws(SPIFFERefusal) {
    for certificate in [leaf] + signers {
      let notBefore = FrameTime(certificate.notValidBefore)
      let notAfter = FrameTime(certificate.notValidAfter)
      guard now >= notBefore else {
        throw SPIFFERefusal(.notYetValid, "\(certificate.subject) is not valid before \(notBefore), it is \(now)")
      }
      guard now <= notAfter else {
        throw SPIFFERefusal(.expired, "\(certificate.subject) expired at \(notAfter), it is \(now)")
      }
    }
  }
}
