package import Crypto
package import Foundation

/// A C2SP signed-note verifier key of type 01 (Ed25519): `name+hex8(key id)+base64(01 || public key)` (CONFORMANCE L2).
package struct LogVerifierKey: Sendable, Hashable, CustomStringConvertible {
  package let text: String
  /// Of a log's key: the log's origin, which is the frame's id.
  package let name: String
  /// First four bytes of SHA-256(name || 0A || 01 || public key), big endian.
  package let keyID: UInt32
  let publicKey: Data

  static let ed25519: UInt8 = 1

  /// - Throws: `LogError.badKey` when the text is not a verifier key, has another type or another key id.
  package init(_ text: String) throws {
    // Base64 may contain "+", the name and the id may not: split at the first two.
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, SignedNote.isName(parts[0]) else {
      throw LogError.badKey("'\(text.prefix(200))' is not one")
    }
    let hex = parts[1]
    guard hex.utf8.count == 8, hex.utf8.allSatisfy({ ("0123456789abcdef").utf8.contains($0) }),
      let keyID = UInt32(hex, radix: 16)
    else { throw LogError.badKey("'\(hex.prefix(40))' is not a key id") }
    guard let key = Data(base64Encoded: String(parts[2])), key.count == 33, key.first == Self.ed25519 else {
      throw LogError.badKey("'\(parts[2].prefix(200))' is not an Ed25519 key of type 01")
    }
    try self.init(name: String(parts[0]), publicKey: Data(key.dropFirst()))
    guard self.keyID == keyID else { throw LogError.badKey("key id \(hex) is not that of the key") }
  }

  /// - Throws: `LogError.badKey` when the name or the key is not valid.
  package init(name: String, publicKey: Data) throws {
    guard SignedNote.isName(name[...]) else { throw LogError.badKey("'\(name.prefix(200))' is not a key name") }
    guard publicKey.count == 32 else { throw LogError.badKey("an Ed25519 key has 32 bytes, not \(publicKey.count)") }
    let typed = Data([Self.ed25519]) + publicKey
    var hash = SHA256()
    hash.update(data: Data(name.utf8))
    hash.update(data: Data([0x0a]))
    hash.update(data: typed)
    self.keyID = hash.finalize().prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    self.name = name
    self.publicKey = publicKey
    let hex = String(keyID, radix: 16)
    let padded = String(repeating: "0", count: 8 - hex.utf8.count) + hex
    self.text = "\(name)+\(padded)+\(typed.base64EncodedString())"
  }

  package var description: String { text }

  /// Whether `signature` is the key holder's over exactly `bytes`.
  package func isValid(_ signature: Data, over bytes: Data) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
    return key.isValidSignature(signature, for: bytes)
  }
}

/// The holder of a log's private key.
package struct LogSigner: Sendable {
  package let verifierKey: LogVerifierKey
  private let privateKey: Curve25519.Signing.PrivateKey

  /// - Parameter name: the log's origin (the frame's id). - Precondition: it is a key name: not empty, no space, no "+".
  package init(name: String, privateKey: Curve25519.Signing.PrivateKey) {
    self.privateKey = privateKey
    do {
      self.verifierKey = try LogVerifierKey(name: name, publicKey: privateKey.publicKey.rawRepresentation)
    } catch {
      // Names are frame ids, whose grammar is a subset of key names, and a public key always has 32 bytes.
      preconditionFailure("a log signer needs a key name: \(error.words)")
    }
  }

  /// The signed note for `note` (which must end in a newline): the text, a blank line and one signature line.
  package func sign(note: String) -> String {
    // The last byte, not the last character: a carriage return before the newline makes one character of both, and what others
    // wrote may end a line of ours.
    precondition(note.utf8.last == UInt8(ascii: "\n"), "the text of a signed note ends in a newline")
    var blob = withUnsafeBytes(of: verifierKey.keyID.bigEndian) { Data($0) }
    blob.append(signature(over: Data(note.utf8)))
    return "\(note)\n\u{2014} \(verifierKey.name) \(blob.base64EncodedString())\n"
  }

  /// A bare Ed25519 signature. Callers put a domain-separating prefix into `bytes`.
  package func signature(over bytes: Data) -> Data {
    do {
      return try privateKey.signature(for: bytes)
    } catch {
      // Ed25519 signing has no failing input; the library throws only when it cannot allocate.
      preconditionFailure("Ed25519 signing failed: \(error.words)")
    }
  }
}
