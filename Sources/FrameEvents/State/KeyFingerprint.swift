internal import Crypto

/// 16 bytes of an idempotency key's SHA-256: what the index knows a key by.
package struct KeyFingerprint: Hashable, Sendable {
  package let first: UInt64
  package let second: UInt64

  package init(_ key: String) {
    var hash = SHA256()
    var key = key
    key.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    (first, second) = hash.finalize().withUnsafeBytes {
      ($0.loadUnaligned(fromByteOffset: 0, as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
  }

  /// Of a subject (`FrameState.subject(of:)`), which no idempotency key can be mistaken for: none has a control character.
  package init(subject: String) { self.init("\u{1}subject\u{1}\(subject)") }

  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }
}
