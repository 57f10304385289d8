internal import FrameEvents
package import Foundation

/// The log as outsiders audit it: tiles and proofs. None of it runs on the writer's thread.
extension Writer {
  /// The bytes of a tile: hashes of 32 bytes each, or an entry bundle.
  /// - Throws: `LogError.noSuchTile` when the newest checkpoint does not cover all of it; `.storage`, `.damagedLog`.
  package func tile(_ tile: Tile) async throws -> Data {
    switch tile.kind {
    case .hashes(let level):
      return try await notary.hashes(of: tile, level: level)
    case .entries:
      let size = try await notary.signedSize()
      guard tile.width <= tile.available(in: size) else { throw LogError.noSuchTile(tile.path, size: size) }
      let first = tile.index * UInt64(Tile.fullWidth)
      return try await reader.run { reader in
        var bundle = Data()
        try reader.scan(from: first, to: first + UInt64(tile.width)) { EntryBundle.append($1, to: &bundle) }
        return bundle
      }
    }
  }

  /// The RFC 6962 proof that the event at `position` is in the log of `size` events.
  /// - Throws: `LogError.noSuchPosition` when it is not, or `size` is not durable; `.storage`, `.damagedLog`.
  package func inclusionProof(of position: UInt64, in size: UInt64) async throws -> InclusionProof {
    let durable = durableSize()
    guard size <= durable else { throw LogError.noSuchPosition(size, size: durable) }
    return try await notary.inclusionProof(of: position, in: size)
  }

  /// The RFC 6962 proof that the log of `to` events extends that of `from`, with both roots.
  /// - Throws: `LogError.noSuchPosition` when either is not durable or `from` is above `to`; `.storage`, `.damagedLog`.
  package func consistency(from: UInt64, to: UInt64) async throws -> ConsistencyProof {
    let hashes = try await consistencyProof(from: from, to: to)
    let roots = try await notary.roots(at: from, to)
    return ConsistencyProof(from: from, to: to, fromRoot: roots.from, toRoot: roots.to, hashes: hashes)
  }
}
