import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

extension X509SVID {
  /// An SVID that another authority issued, with its key, as the Workload API gives it. Only its form is checked here; whether
  /// anything vouches for it is the question of ``SPIFFEVerifier``.
  /// - Parameters:
  ///   - chain: DER certificates one behind the other, leaf first.
  ///   - key: PKCS #8 DER, not encrypted.
  /// - Throws: ``ReceivedSVIDError``; ``SPIFFERefusal`` for a leaf without exactly one SPIFFE ID.
  package init(received chain: Data, key: Data) throws {
    let certificates = try Self.certificates(in: chain, max: SPIFFEVerifier.chainLimit)
    guard let leaf = certificates.first else { throw ReceivedSVIDError.noCertificate }
    id = try SPIFFEID(uriNameOf: leaf)
    guard P256.Signing.PublicKey(leaf.publicKey) != nil else { throw ReceivedSVIDError.keyType(id) }
    guard let privateKey = try? P256.Signing.PrivateKey(derRepresentation: key) else {
      throw ReceivedSVIDError.malformedKey(id)
    }
    guard Certificate.PublicKey(privateKey.publicKey) == leaf.publicKey else {
      throw ReceivedSVIDError.otherKey(id)
    }
    self.chain = certificates
    self.privateKey = privateKey
    notBefore = FrameTime(leaf.notValidBefore)
    notAfter = FrameTime(leaf.notValidAfter)
    authorityID = nil
  }

  /// Splits concatenated DER certificates.
  /// - Parameter max: more are refused.
  /// - Throws: ``ReceivedSVIDError``.
  package static func certificates(in bytes: Data, max: Int) throws(ReceivedSVIDError) -> [Certificate] {
    var rest = ArraySlice(bytes)
    var certificates: [Certificate] = []
    while !rest.isEmpty {
      guard certificates.count < max else { throw .tooManyCertificates(max) }
      guard let length = elementLength(rest), length <= rest.count,
        let certificate = try? Certificate(derEncoded: rest.prefix(length))
      else { throw .malformedCertificate(certificates.count) }
      certificates.append(certificate)
      rest = rest.dropFirst(length)
    }
    return certificates
  }

  /// Bytes of the DER element at the beginning, header included (X.690 §8.1.3); nil when it has no definite length.
  private static func elementLength(_ bytes: ArraySlice<UInt8>) -> Int? {
    let head = Array(bytes.prefix(6))
    guard head.count >= 2 else { return nil }
    guard head[1] & 0x80 != 0 else { return 2 + Int(head[1]) }
    let count = Int(head[1] & 0x7f)
    guard (1...4).contains(count), head.count >= 2 + count else { return nil }
    return 2 + count + head[2..<(2 + count)].reduce(0) { $0 << 8 | Int($1) }
  }
}

/// What is wrong with the form of an SVID or a bundle that came from elsewhere.
package enum ReceivedSVIDError: FrameError, Hashable {
  case noCertificate
  case malformedCertificate(Int)
  case tooManyCertificates(Int)
  case keyType(SPIFFEID)
  case malformedKey(SPIFFEID)
  case otherKey(SPIFFEID)

  package var code: String {
    switch self {
    case .noCertificate: "received_svid_empty"
    case .malformedCertificate: "received_svid_malformed"
    case .tooManyCertificates: "received_svid_too_long"
    case .keyType: "received_svid_key_type"
    case .malformedKey: "received_svid_key_malformed"
    case .otherKey: "received_svid_other_key"
    }
  }
  package var kind: FrameErrorKind { .refused }
  package var message: String {
    switch self {
    case .noCertificate: "There is no certificate in it."
    case .malformedCertificate(let index): "Its certificate \(index) does not parse."
    case .tooManyCertificates(let max): "It has more than \(max) certificates."
    case .keyType(let id): "The key of '\(id)' is not P-256."
    case .malformedKey(let id): "The private key of '\(id)' is not an unencrypted P-256 key in PKCS #8."
    case .otherKey(let id): "The private key of '\(id)' is not that of its certificate."
    }
  }
  package var remedy: String {
    switch self {
    case .keyType, .malformedKey:
      "Have the agent issue SVIDs with P-256 keys (SPIRE: workload_x509_svid_key_type = ec-p256)."
    default: "Look at what the agent gives out, for example with 'spire-agent api fetch x509'."
    }
  }
}
