internal import FrameEvents
internal import Crypto
internal import Foundation

/// An idempotency key's fingerprint and where it had its effect.
struct KeyEntry: Sendable, Comparable {
  let first: UInt64
  let second: UInt64
  let position: UInt64

  init(first: UInt64, second: UInt64, position: UInt64) {
    self.first = first
    self.second = second
    self.position = position
  }

  init(_ key: KeyFingerprint, at position: UInt64) {
    self.init(first: key.first, second: key.second, position: position)
  }

  static func < (a: Self, b: Self) -> Bool { a.first != b.first ? a.first < b.first : a.second < b.second }
}

/// The keys of the commands in one stretch of the log, sorted, in an immutable file that is mapped, not read: what is
/// looked up is in the page cache, and none of it in this process's own memory.
///
/// A file is a header, the entries (24 bytes each, by fingerprint), a filter and the SHA-256 of all that. The filter (a
/// blocked Bloom filter, 10 bits and 7 probes a key in one cache line) answers for about 99 of 100 keys that are not there.
final class KeyRun: Sendable {
  /// The events whose keys are in the run.
  let positions: Range<UInt64>
  let count: Int
  /// SHA-256 of the file but its last 32 bytes, which say the same.
  let digest: Data
  let fileName: String
  let bytes: Int

  private let map: MappedFile
  private let filterOffset: Int
  private let blocks: UInt64

  /// Maps the file and checks all of it.
  /// - Throws: `SnapshotRefusal.unreadable`, `.damaged`.
  init(_ url: URL) throws {
    let map = try MappedFile(url)
    self.map = map
    fileName = url.lastPathComponent
    bytes = map.bytes.count
    guard bytes >= KeyRunLayout.headerBytes + 32, map.bytes.prefix(8).elementsEqual(KeyRunLayout.magic) else {
      throw SnapshotRefusal.damaged("\(fileName) is not a run of keys")
    }
    func header(_ index: Int) -> UInt64 { map.number(at: 8 + 8 * index) }
    let (from, end, count, blocks) = (header(0), header(1), header(2), header(3))
    guard from <= end, let layout = KeyRunLayout(count: count), layout.blocks == blocks, layout.totalBytes == bytes
    else {
      throw SnapshotRefusal.damaged("\(fileName) is not as long as it says")
    }
    var hash = SHA256()
    hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: map.bytes.dropLast(32)))
    digest = Data(hash.finalize())
    guard digest.elementsEqual(map.bytes.suffix(32)) else { throw SnapshotRefusal.damaged("\(fileName) was changed") }
    positions = from..<end
    self.count = Int(count)
    self.blocks = blocks
    filterOffset = layout.filterOffset
  }

  /// Where the command with this key had its effect, if it is in this run.
  func position(of key: KeyFingerprint) -> UInt64? {
    guard mayHold(key) else { return nil }
    let wanted = KeyEntry(key, at: 0)
    var (low, high) = bounds(around: wanted)
    while low < high {
      let middle = low + (high - low) / 2
      if entry(middle) < wanted { low = middle + 1 } else { high = middle }
    }
    guard low < count else { return nil }
    let found = entry(low)
    return found.first == key.first && found.second == key.second ? found.position : nil
  }

  func entry(_ index: Int) -> KeyEntry {
    let offset = KeyRunLayout.headerBytes + index * KeyRunLayout.entryBytes
    return KeyEntry(
      first: map.number(at: offset), second: map.number(at: offset + 8), position: map.number(at: offset + 16))
  }

  /// Fingerprints are spread evenly, so the place of one is nearly known: a few pages are touched, not one a halving.
  private func bounds(around wanted: KeyEntry) -> (low: Int, high: Int) {
    guard count > 0 else { return (0, 0) }
    let guess = Int(wanted.first.multipliedFullWidth(by: UInt64(count)).high)
    var step = 64
    var low = guess
    while low > 0, !(entry(low) < wanted) {
      low = max(0, low - step)
      step *= 2
    }
    step = 64
    var high = guess
    while high < count, entry(high) < wanted {
      high = min(count, high + step)
      step *= 2
    }
    return (low, min(count, high + 1))
  }

  private func mayHold(_ key: KeyFingerprint) -> Bool {
    guard blocks > 0 else { return false }
    let block = filterOffset + KeyRunLayout.filterBlockBytes * KeyRunLayout.block(of: key.second, blocks: blocks)
    return KeyRunLayout.probes(of: key.first).allSatisfy { probe in
      map.bytes[block + probe >> 3] & 1 << UInt8(probe & 7) != 0
    }
  }
}

/// Where what is in a run's file.
struct KeyRunLayout {
  static let magic = Array("FRMKEYS1".utf8)
  /// Magic, first position, position after the last, number of entries, number of filter blocks; filled up to 64 bytes.
  static let headerBytes = 64
  static let entryBytes = 24
  static let filterBlockBytes = 64
  private static let bitsPerKey: UInt64 = 10
  /// More would not fit a file.
  private static let maximumCount: UInt64 = 1 << 40

  let count: UInt64
  let blocks: UInt64

  /// - Returns: nil for more entries than a file can have.
  init?(count: UInt64) {
    guard count <= Self.maximumCount else { return nil }
    self.count = count
    blocks = (count * Self.bitsPerKey + 511) / 512
  }

  var filterOffset: Int { Self.headerBytes + Int(count) * Self.entryBytes }
  var filterBytes: Int { Int(blocks) * Self.filterBlockBytes }
  var totalBytes: Int { filterOffset + filterBytes + 32 }

  /// The entries are in order of the first half of the fingerprint; the block comes from the other one.
  static func block(of second: UInt64, blocks: UInt64) -> Int { Int(second.multipliedFullWidth(by: blocks).high) }

  /// Seven bits of a block's 512.
  static func probes(of first: UInt64) -> some Sequence<Int> {
    (0..<7).lazy.map { Int(first >> UInt64(9 * $0) & 511) }
  }
}
