internal import Crypto
package import Foundation

/// A SHA-256 hash as RFC 6962 §2.1 uses it: leaf and node domains apart, so that a node can never pass for a leaf.
package struct MerkleHash: Hashable, Sendable, CustomStringConvertible {
  // Four machine words: trivially copyable, no allocation, 32 bytes in an array.
  private var word0: UInt64
  private var word1: UInt64
  private var word2: UInt64
  private var word3: UInt64

  /// The root of the tree of no leaves: SHA-256 of nothing.
  package static let empty = MerkleHash(SHA256.hash(data: UnsafeRawBufferPointer(start: nil, count: 0)))

  /// - Returns: nil unless `bytes` has exactly 32 bytes.
  package init?(_ bytes: Data) {
    guard bytes.count == 32 else { return nil }
    self = bytes.withUnsafeBytes(Self.load)
  }

  private init(_ digest: SHA256.Digest) { self = digest.withUnsafeBytes(Self.load) }

  private init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
    self.word0 = word0
    self.word1 = word1
    self.word2 = word2
    self.word3 = word3
  }

  private static func load(_ buffer: UnsafeRawBufferPointer) -> MerkleHash {
    MerkleHash(
      buffer.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
      buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
      buffer.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
      buffer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
  }

  /// SHA-256(00 || stored bytes).
  package static func leaf(_ bytes: UnsafeRawBufferPointer) -> MerkleHash {
    var hash = SHA256()
    withUnsafeBytes(of: UInt8(0)) { hash.update(bufferPointer: $0) }
    hash.update(bufferPointer: bytes)
    return MerkleHash(hash.finalize())
  }

  package static func leaf(_ bytes: Data) -> MerkleHash { bytes.withUnsafeBytes { leaf($0) } }

  /// SHA-256(01 || left || right).
  package static func node(_ left: MerkleHash, _ right: MerkleHash) -> MerkleHash {
    withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { buffer in
      buffer[0] = 1
      withUnsafeBytes(of: left) { UnsafeMutableRawBufferPointer(rebasing: buffer[1..<33]).copyMemory(from: $0) }
      withUnsafeBytes(of: right) { UnsafeMutableRawBufferPointer(rebasing: buffer[33..<65]).copyMemory(from: $0) }
      return MerkleHash(SHA256.hash(data: UnsafeRawBufferPointer(buffer)))
    }
  }

  /// The 32 bytes.
  package var data: Data { withUnsafeBytes(of: self) { Data($0) } }

  package var hex: String { data.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined() }

  package var description: String { hex }
}
