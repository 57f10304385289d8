internal import Crypto
package import Foundation

/// SHA-256 over length-prefixed fields: the canonical form of a command for idempotency conflicts.
package enum CommandDigest {
  package static func of(_ fields: String...) -> Data { of(fields) }

  package static func of(_ fields: [String]) -> Data {
    // One buffer and one pass: hashing each field by itself costs several times the hash.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(fields.reduce(0) { $0 + 8 + $1.utf8.count })
    for field in fields {
      withUnsafeBytes(of: UInt64(field.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: field.utf8)
    }
    return bytes.withUnsafeBytes { bytes in
      var hash = SHA256()
      hash.update(bufferPointer: bytes)
      return hash.finalize().withUnsafeBytes { Data($0) }
    }
  }
}
