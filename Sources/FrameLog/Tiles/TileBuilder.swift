package import FrameEvents

/// Makes a log's hash tiles from its leaves, in order; keeps one tile a level in memory.
package struct TileBuilder: Sendable {
  private struct Level {
    var index: UInt64 = 0
    var hashes: [MerkleHash] = []
  }

  private var levels: [Level] = [Level()]

  package init() {}

  /// Adds a leaf and hands every tile that it fills to `body`.
  package mutating func append(_ leaf: MerkleHash, _ body: (Tile, [MerkleHash]) throws -> Void) rethrows {
    var hash = leaf
    for level in 0... {
      if level == levels.count { levels.append(Level()) }
      levels[level].hashes.append(hash)
      guard levels[level].hashes.count == Tile.fullWidth else { return }
      let hashes = levels[level].hashes
      try body(Tile(.hashes(level: level), index: levels[level].index), hashes)
      levels[level].hashes.removeAll(keepingCapacity: true)
      levels[level].index += 1
      var tree = MerkleFrontier()
      for hash in hashes { tree.append(hash) }
      hash = tree.root
    }
  }

  /// Hands the partial tiles of the present size to `body`.
  package func finish(_ body: (Tile, [MerkleHash]) throws -> Void) rethrows {
    for (number, level) in levels.enumerated() where !level.hashes.isEmpty {
      try body(Tile(.hashes(level: number), index: level.index, width: level.hashes.count), level.hashes)
    }
  }
}
