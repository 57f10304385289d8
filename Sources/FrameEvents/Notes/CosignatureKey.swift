internal import Crypto
package import Foundation

/// A C2SP tlog-cosignature verifier key of type 04 (timestamped Ed25519): `name+hex8(key id)+base64(04 || public key)`.
package struct CosignatureKey: Sendable, Hashable, CustomStringConvertible {
  package let text: String
  package let name: String
  /// First four bytes of SHA-256(name || 0A || 04 || public key), big endian.
  package let keyID: UInt32
  private let publicKey: Data

  static let timestampedEd25519: UInt8 = 4
  /// What follows a frame's id in the name of its witness.
  static let suffix = "/witness"

  /// The key with which the frame of `log` cosigns: its log key under another name and type, so that a treaty, which pins the
  /// log key, pins this one too (docs/decisions/0016-witness-key-from-the-log-key.md).
  package init(witnessOf log: LogVerifierKey) throws {
    try self.init(name: log.name + Self.suffix, publicKey: log.publicKey)
  }

  /// - Throws: `LogError.badWitnessKey` when the text is not a verifier key of type 04.
  package init(_ text: String) throws {
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, SignedNote.isName(parts[0]), parts[1].utf8.count == 8,
      parts[1].utf8.allSatisfy({ ("0123456789abcdef").utf8.contains($0) }), let keyID = UInt32(parts[1], radix: 16)
    else { throw LogError.badWitnessKey("'\(text.prefix(200))' is not one") }
    guard (try? LogVerifierKey(text)) == nil else {
      throw LogError.badWitnessKey(
        "'\(parts[0].prefix(200))' with type 01 is the key of a log, which a witness's is not")
    }
    guard let key = Data(base64Encoded: String(parts[2])), key.count == 33, key.first == Self.timestampedEd25519 else {
      throw LogError.badWitnessKey("'\(parts[2].prefix(200))' is not a cosignature key of type 04")
    }
    try self.init(name: String(parts[0]), publicKey: Data(key.dropFirst()))
    guard self.keyID == keyID else { throw LogError.badWitnessKey("key id \(parts[1]) is not that of the key") }
  }

  /// - Throws: `LogError.badWitnessKey` when the name or the key is not valid.
  package init(name: String, publicKey: Data) throws {
    guard SignedNote.isName(name[...]) else { throw LogError.badWitnessKey("'\(name.prefix(200))' is not a key name") }
    guard publicKey.count == 32 else {
      throw LogError.badWitnessKey("an Ed25519 key has 32 bytes, not \(publicKey.count)")
    }
    let typed = Data([Self.timestampedEd25519]) + publicKey
    keyID = SHA256.hash(data: Data(name.utf8) + Data([0x0a]) + typed).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    self.name = name
    self.publicKey = publicKey
    let hex = String(keyID, radix: 16)
    text = "\(name)+\(String(repeating: "0", count: 8 - hex.utf8.count))\(hex)+\(typed.base64EncodedString())"
  }

  package var description: String { text }

  /// The time a cosignature states, if it is this key's over the note's text.
  /// - Parameter signature: timestamp (u64, big endian) and 64 bytes of Ed25519.
  /// - Returns: seconds since 1970; nil when the signature does not verify.
  func time(of signature: Data, over text: String) -> UInt64? {
    guard signature.count == 72, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else {
      return nil
    }
    let seconds = signature.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard seconds > 0, seconds <= UInt64(Int64.max) else { return nil }
    guard key.isValidSignature(Data(signature.dropFirst(8)), for: Self.message(text, at: seconds)) else { return nil }
    return seconds
  }

  /// What is signed: never a note's text itself, so that a cosignature is no log signature and the other way round.
  static func message(_ text: String, at seconds: UInt64) -> Data {
    Data("cosignature/v1\ntime \(seconds)\n\(text)".utf8)
  }
}

extension LogSigner {
  /// The signature line with which this frame, as a witness, cosigns a checkpoint.
  /// - Parameters:
  ///   - text: the checkpoint's text, without signatures.
  ///   - seconds: since 1970.
  package func cosignatureLine(_ text: String, as key: CosignatureKey, at seconds: UInt64) -> String {
    var blob = withUnsafeBytes(of: key.keyID.bigEndian) { Data($0) }
    withUnsafeBytes(of: seconds.bigEndian) { blob.append(contentsOf: $0) }
    blob.append(signature(over: CosignatureKey.message(text, at: seconds)))
    return "\u{2014} \(key.name) \(blob.base64EncodedString())\n"
  }
}
