internal import FrameEvents
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
    try await work { notary, state in
      let size = state.signed?.size ?? 0
      guard tile.width <= tile.available(in: size) else { throw LogError.noSuchTile(tile.path, size: size) }
      let first = tile.index * UInt64(Tile.fullWidth)
      let leaves = LogTree.leaves(notary.reader)
      var bytes = Data(capacity: tile.width * 32)
      for index in first..<first + UInt64(tile.width) {
        bytes.append(try state.tree.node(level: 8 * level, index: index, leaves).data)
      }
      return bytes
    }
  }

  /// The caller knows that `size` is durable.
  /// - Throws: `LogError.noSuchPosition` when `position` is not below `size`; `LogError`.
  func inclusionProof(of position: UInt64, in size: UInt64) async throws -> InclusionProof {
    try await work { notary, state in
      guard position < size else { throw LogError.noSuchPosition(position, size: size) }
      try state.tree.catchUp(to: size, notary.reader)
      let leaves = LogTree.leaves(notary.reader)
      return InclusionProof(
        position: position, size: size, leaf: try state.tree.node(level: 0, index: position, leaves).data,
        root: try state.tree.root(at: size, leaves).data,
        hashes: try state.tree.inclusionProof(of: position, in: size, leaves).map(\.data),
        checkpoint: state.signed.flatMap { $0.size == size ? $0 : nil })
    }
  }

  /// The caller knows that both sizes are durable and `from` is not above `to`.
  /// - Throws: `LogError`.
  func roots(at from: UInt64, _ to: UInt64) async throws -> (from: Data, to: Data) {
    try await work { notary, state in
      try state.tree.catchUp(to: max(from, to), notary.reader)
      let leaves = LogTree.leaves(notary.reader)
      return (try state.tree.root(at: from, leaves).data, try state.tree.root(at: to, leaves).data)
    }
  }
}
