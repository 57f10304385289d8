internal import Crypto
package import Foundation

/// SHA-256 over length-prefixed fields: the canonical form of a command for idempotency conflicts.
package enum CommandDigest {
  package static func of(_ fields: String...) -> Data { of(fields) }

  package static func of(_ fields: [String]) -> Data {
    var hash = SHA256()
    for field in fields {
      withUnsafeBytes(of: UInt64(field.utf8.count).bigEndian) { hash.update(bufferPointer: $0) }
      hash.update(data: Data(field.utf8))
    }
    return Data(hash.finalize())
  }
}
