internal import Crypto

/// Where each idempotency key had its effect: 16 bytes of the key's SHA-256 to the position of its command's first event.
///
/// Held in memory and rebuilt from the events themselves, so that client-chosen keys never become random page writes
/// (CONFORMANCE L9). The full key and digest are compared against the event, so a collision is refused, never confused.
struct IdempotencyIndex: Sendable {
  struct Fingerprint: Hashable, Sendable {
    let first: UInt64
    let second: UInt64

    init(_ key: String) {
      var hash = SHA256()
      var key = key
      key.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
      (first, second) = hash.finalize().withUnsafeBytes {
        ($0.loadUnaligned(fromByteOffset: 0, as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(first) }
  }

  private var positions: [Fingerprint: UInt64] = [:]

  var count: Int { positions.count }

  func position(of key: Fingerprint) -> UInt64? { positions[key] }

  mutating func insert(_ key: Fingerprint, at position: UInt64) { positions[key] = position }
}
