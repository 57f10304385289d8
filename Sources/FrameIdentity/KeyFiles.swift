import Crypto
import Foundation
import FrameCore
import SwiftASN1
import X509

/// The textual forms of the frame's keys.
enum KeyFiles {
  /// What the authority is made of; the one file that names the others.
  static let manifest = "authority.json"
  static let logKey = "log.key"
  static let logKeyLabel = "FRAME LOG PRIVATE KEY"

  static func x509(_ id: String) -> String { "x509-\(id).pem" }
  static func jwt(_ keyID: String) -> String { "jwt-\(keyID).pem" }

  /// The raw 32 bytes of an Ed25519 key, in one PEM block of its own label.
  static func encode(logKey key: Curve25519.Signing.PrivateKey) -> Data {
    Data((PEMDocument(type: logKeyLabel, derBytes: Array(key.rawRepresentation)).pemString + "\n").utf8)
  }

  static func decodeLogKey(_ data: Data, file: String) throws(KeyFileError) -> Curve25519.Signing.PrivateKey {
    let block = try only(logKeyLabel, in: data, file: file)
    guard block.count == 32, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: block) else {
      throw .damaged(file, why: "the key is not 32 bytes")
    }
    return key
  }

  /// A PKCS #8 P-256 key.
  static func decodeP256(_ data: Data, file: String) throws(KeyFileError) -> P256.Signing.PrivateKey {
    let block = try only("PRIVATE KEY", in: data, file: file)
    do { return try P256.Signing.PrivateKey(derRepresentation: block) } catch {
      throw .damaged(file, why: "it holds no P-256 private key")
    }
  }

  /// A CA certificate.
  static func decodeCertificate(_ data: Data, file: String) throws(KeyFileError) -> Certificate {
    let block = try only("CERTIFICATE", in: data, file: file)
    do { return try Certificate(derEncoded: block) } catch {
      throw .damaged(file, why: "its certificate does not parse")
    }
  }

  /// The contents of the single block of that label.
  private static func only(_ label: String, in data: Data, file: String) throws(KeyFileError) -> [UInt8] {
    guard let documents = try? PEMDocument.parseMultiple(pemString: String(decoding: data, as: UTF8.self)) else {
      throw .damaged(file, why: "it is not PEM")
    }
    let blocks = documents.filter { $0.discriminator == label }
    guard blocks.count == 1 else {
      throw .damaged(file, why: "it has \(blocks.count) blocks '\(label)' instead of one")
    }
    return blocks[0].derBytes
  }
}
