import Crypto
import Foundation
import FrameCore
import X509

/// A document signed by the holder of an X.509-SVID: for what must be provable before a connection is (the WS3 invitation).
///
/// ECDSA P-256 with SHA-256 over bytes that name this scheme and the document's purpose, so that a signature made for one
/// purpose, or in a TLS handshake, proves nothing elsewhere.
package struct SVIDSignature: Sendable, Hashable, Codable {
  /// The signer's chain, DER, leaf first.
  package let chain: [Data]
  /// DER-encoded ECDSA signature.
  package let signature: Data

  private enum CodingKeys: String, CodingKey {
    case chain = "x5c"
    case signature
  }

  package init(chain: [Data], signature: Data) {
    self.chain = chain
    self.signature = signature
  }

  /// Signs `document`.
  /// - Parameters:
  ///   - purpose: what the document is, for example `ws3/invitation`; the verifier must say the same.
  ///   - svid: the signer.
  package static func sign(_ document: Data, purpose: String, with svid: X509SVID) throws -> SVIDSignature {
    let signature = try svid.privateKey.signature(for: signedBytes(document, purpose))
    return SVIDSignature(chain: try svid.chainDER(), signature: signature.derRepresentation)
  }

  /// Verifies the signer's chain, then the signature.
  /// - Parameters:
  ///   - purpose: as given when signing.
  ///   - verifier: knows the bundle that vouches for the signer.
  ///   - expected: which signers are acceptable.
  /// - Returns: the signer's id.
  /// - Throws: ``SPIFFERefusal``, or ``SVIDSignatureError`` when the chain holds and the signature does not.
  package func verify(
    _ document: Data, purpose: String, by verifier: SPIFFEVerifier, expecting expected: ExpectedID
  ) async throws -> SPIFFEID {
    let peer = try await verifier.verify(der: chain, expecting: expected)
    guard let leaf = peer.chain.first, let key = P256.Signing.PublicKey(leaf.publicKey) else {
      throw SVIDSignatureError.keyType(peer.id)
    }
    guard let ecdsa = try? P256.Signing.ECDSASignature(derRepresentation: signature),
      key.isValidSignature(ecdsa, for: Self.signedBytes(document, purpose))
    else { throw SVIDSignatureError.invalid(peer.id) }
    return peer.id
  }

  /// `frame-svid-signature-v1`, the purpose and the document, each after its length: no two inputs give the same bytes.
  private static func signedBytes(_ document: Data, _ purpose: String) -> Data {
    var bytes = Data()
    for part in [Data("frame-svid-signature-v1".utf8), Data(purpose.utf8), document] {
      withUnsafeBytes(of: UInt64(part.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(part)
    }
    return bytes
  }
}

/// A signature that its signer's key does not confirm.
package enum SVIDSignatureError: FrameError, Hashable {
  case invalid(SPIFFEID)
  case keyType(SPIFFEID)

  package var code: String {
    switch self {
    case .invalid: "svid_signature_invalid"
    case .keyType: "svid_signature_key_type"
    }
  }
  package var kind: FrameErrorKind { .unauthenticated }
  package var message: String {
    switch self {
    case .invalid(let id): "The document is not what '\(id)' signed."
    case .keyType(let id): "'\(id)' signed with a key that is not P-256."
    }
  }
  package var remedy: String { "Ask the sender to sign and send the document again." }
}
