internal import Foundation

/// What outsiders may check the log with. Only what a checkpoint covers is given out as a tile.
extension Notary {
  /// The size of the newest checkpoint; 0 when nothing was signed yet.
  func signedSize() async throws -> UInt64 {
    try await work { _, state in state.signed?.size ?? 0 }
  }

  /// The bytes of a hash tile.
  /// - Throws: `LogError.noSuchTile` when the newest checkpoint does not cover all of it.
  func hashes(of tile: Tile, level: Int) async throws -> Data {
    try await work { _, state in
      let size = state.signed?.size ?? 0
      guard tile.width <= tile.available(in: size) else { throw LogError.noSuchTile(tile.path, size: size) }
      let first = tile.index * UInt64(Tile.fullWidth)
      var bytes = Data(capacity: tile.width * 32)
      for index in first..<first + UInt64(tile.width) {
        bytes.append(state.tree.subtree(level: 8 * level, index: index).data)
      }
      return bytes
    }
  }

  /// The caller knows that `size` is durable.
  /// - Throws: `LogError.noSuchPosition` when `position` is not below `size`; `LogError`.
  func inclusionProof(of position: UInt64, in size: UInt64) async throws -> InclusionProof {
    try await work { notary, state in
      guard position < size else { throw LogError.noSuchPosition(position, size: size) }
      try Self.catchUp(&state, to: size, notary.reader)
      return InclusionProof(
        position: position, size: size, leaf: state.tree.leaf(position).data, root: state.tree.root(at: size).data,
        hashes: state.tree.inclusionProof(of: position, in: size).map(\.data),
        checkpoint: state.signed.flatMap { $0.size == size ? $0 : nil })
    }
  }

  /// The caller knows that both sizes are durable and `from` is not above `to`.
  /// - Throws: `LogError`.
  func roots(at from: UInt64, _ to: UInt64) async throws -> (from: Data, to: Data) {
    try await work { notary, state in
      try Self.catchUp(&state, to: max(from, to), notary.reader)
      return (state.tree.root(at: from).data, state.tree.root(at: to).data)
    }
  }
}
