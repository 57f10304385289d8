internal import FrameEvents

/// A tile of a log as C2SP tlog-tiles names it: up to 256 consecutive hashes of one level of the Merkle tree, or the entries
/// under the same number of leaves (CONFORMANCE L4).
///
/// Paths are canonical: one tile has one path, and any other spelling of it is refused.
package struct Tile: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// Hash `i` of tile `n` at level `l` is the root of the complete subtree of leaves
    /// `(256n + i) * 256^l ..< (256n + i + 1) * 256^l`.
    case hashes(level: Int)
    /// The stored bytes of the events under the leaves of the same tile at level 0.
    case entries
  }

  /// Hashes, or entries, of a full tile.
  package static let fullWidth = 256
  package static let maximumLevel = 63

  package let kind: Kind
  package let index: UInt64
  /// 1 to 256; below 256 the tile is partial: the right edge of the tree at some size.
  package let width: Int

  /// - Precondition: `width` is 1 to 256, the level 0 to 63.
  package init(_ kind: Kind, index: UInt64, width: Int = fullWidth) {
    precondition((1...Self.fullWidth).contains(width), "a tile is never empty and has at most 256 hashes")
    if case .hashes(let level) = kind {
      precondition((0...Self.maximumLevel).contains(level), "tile levels are 0 to 63")
    }
    self.kind = kind
    self.index = index
    self.width = width
  }

  package var isFull: Bool { width == Self.fullWidth }

  /// The full tile that this one is the beginning of.
  package var full: Tile { Tile(kind, index: index) }

  private var level: Int { if case .hashes(let level) = kind { level } else { 0 } }

  /// How many of this tile's hashes, or entries, a log of `size` events has: 0 to 256.
  package func available(in size: UInt64) -> Int {
    let count = Self.count(atLevel: level, size)
    let (first, overflow) = index.multipliedReportingOverflow(by: UInt64(Self.fullWidth))
    guard !overflow, first < count else { return 0 }
    return Int(min(count - first, UInt64(Self.fullWidth)))
  }

  /// All hash tiles of a log of `size` events, lowest level first.
  package static func hashTiles(of size: UInt64) -> [Tile] {
    var tiles: [Tile] = []
    for level in 0...7 {
      let count = count(atLevel: level, size)
      if count == 0 { break }
      tiles += row(.hashes(level: level), count)
    }
    return tiles
  }

  /// All entry bundles of a log of `size` events.
  package static func bundles(of size: UInt64) -> [Tile] { row(.entries, size) }

  private static func row(_ kind: Kind, _ count: UInt64) -> [Tile] {
    var tiles = (0..<count / UInt64(fullWidth)).map { Tile(kind, index: $0) }
    let rest = Int(count % UInt64(fullWidth))
    if rest > 0 { tiles.append(Tile(kind, index: count / UInt64(fullWidth), width: rest)) }
    return tiles
  }

  /// Complete subtrees of 256^level leaves.
  private static func count(atLevel level: Int, _ size: UInt64) -> UInt64 { level < 8 ? size >> (8 * level) : 0 }
}

// MARK: - Paths

extension Tile {
  /// Below the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/8`.
  package var path: String {
    let row = if case .hashes(let level) = kind { String(level) } else { "entries" }
    return "tile/\(row)/\(Self.encode(index))" + (isFull ? "" : ".p/\(width)")
  }

  package var description: String { path }

  /// - Throws: `LogError.invalidTilePath` unless `path` is exactly what ``path`` gives for a tile.
  package init(path: String) throws {
    let refusal = LogError.invalidTilePath(String(path.prefix(100)))
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard path.utf8.count <= 64, parts.count >= 3, parts[0] == "tile" else { throw refusal }
    var width = Self.fullWidth
    if parts.count >= 4, parts[parts.count - 2].hasSuffix(".p") {
      guard let partial = Int(parts.removeLast()), (1..<Self.fullWidth).contains(partial) else { throw refusal }
      width = partial
      parts.append(String(parts.removeLast().dropLast(2)))
    }
    let kind: Kind
    if parts[1] == "entries" {
      kind = .entries
    } else if let level = Int(parts[1]), (0...Self.maximumLevel).contains(level) {
      kind = .hashes(level: level)
    } else {
      throw refusal
    }
    guard let index = Self.decode(parts[2...]) else { throw refusal }
    self.init(kind, index: index, width: width)
    // Signs, leading zeroes, groups that say nothing: whatever was read too kindly does not come back the same.
    guard self.path == path else { throw refusal }
  }

  /// 1234067 -> `x001/x234/067`.
  static func encode(_ index: UInt64) -> String {
    func group(_ value: UInt64) -> String {
      let digits = String(value)
      return String(repeating: "0", count: 3 - digits.utf8.count) + digits
    }
    var text = group(index % 1000)
    var rest = index / 1000
    while rest > 0 {
      text = "x\(group(rest % 1000))/\(text)"
      rest /= 1000
    }
    return text
  }

  private static func decode(_ groups: ArraySlice<String>) -> UInt64? {
    var index: UInt64 = 0
    for (offset, group) in groups.enumerated() {
      let digits = offset == groups.count - 1 ? group[...] : group.dropFirst()
      guard digits.utf8.count == 3, let value = UInt64(digits) else { return nil }
      let (shifted, overflow) = index.multipliedReportingOverflow(by: 1000)
      let (sum, carry) = shifted.addingReportingOverflow(value)
      guard !overflow, !carry else { return nil }
      index = sum
    }
    return index
  }
}
