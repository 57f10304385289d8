import Foundation
import FrameAPI
import FrameCore
import FrameEvents
import FrameNodeState
import FrameLog

/// The log as C2SP tlog-tiles (CONFORMANCE L4) below `/log`, and RFC 6962 proofs for those who do not want to make their own.
///
/// Checkpoint and hash tiles are for anyone: they say that nothing was changed, not what happened. Entries are for the
/// frame's authority: whoever holds a proof for one event learns nothing of its neighbours but hashes.
package struct TileRoutes {
  let node: NodeCore
  let cosignatures: Cosignatures
  let metrics: TileMetrics

  /// A full tile never changes. Entries must not end up in a cache that others read.
  static let immutable = "public, max-age=31536000, immutable"
  static let immutableEntries = "private, max-age=31536000, immutable"
  static let mutable = "no-cache"

  func add(to api: APIRouter) {
    api.on(.get, "/log/checkpoint", .anyone, kind: metrics.checkpoint) { [node, cosignatures] _ in
      let note = cosignatures.note(of: try await node.writer.checkpoint())
      return .text(String(decoding: note, as: UTF8.self), cacheControl: Self.mutable)
    }
    api.on(.get, "/log/tile/{level}/{index}", .anyone, tail: true, kind: metrics.hashes) { [node] call in
      let tile = try Self.tile(call)
      // The router takes a path apart more kindly than the specification does; only the exact path is a tile's.
      guard case .hashes = tile.kind else { throw LogError.invalidTilePath(tile.path) }
      return .bytes(try await node.writer.tile(tile), cacheControl: tile.isFull ? Self.immutable : Self.mutable)
    }
    api.on(.get, "/log/tile/entries/{index}", .authority, tail: true, kind: metrics.entries) { [node] call in
      let tile = try Self.tile(call)
      return .bytes(try await node.writer.tile(tile), cacheControl: tile.isFull ? Self.immutableEntries : Self.mutable)
    }
    api.on(.get, "/api/v1/log/proofs/inclusion", .authority) { [node] call in
      let position = try call.required("position")
      let size = try call.query("size", in: 0...UInt64(Int64.max), default: try await node.writer.checkpoint().size)
      return .json(InclusionView(try await node.writer.inclusionProof(of: position, in: size)))
    }
    api.on(.get, "/api/v1/log/proofs/consistency", .authority) { [node] call in
      let from = try call.required("from")
      let to = try call.query("to", in: 0...UInt64(Int64.max), default: try await node.writer.checkpoint().size)
      return .json(ConsistencyView(try await node.writer.consistency(from: from, to: to)))
    }
  }

  private static func tile(_ call: APICall) throws -> Tile {
    try Tile(path: call.path.hasPrefix("/log/") ? String(call.path.dropFirst("/log/".count)) : call.path)
  }
}

extension APICall {
  fileprivate func required(_ name: String) throws -> UInt64 {
    guard query(name) != nil else {
      throw Refusal(
        "invalid_query", .invalid, "'\(name)' is missing.", remedy: "Add ?\(name)= and a whole number to the path.")
    }
    return try query(name, in: 0...UInt64(Int64.max), default: 0)
  }
}

extension InclusionView {
  init(_ proof: InclusionProof) {
    self.init(
      position: proof.position,
      size: proof.size,
      leaf: proof.leaf.base64EncodedString(),
      root: proof.root.base64EncodedString(),
      proof: proof.hashes.map { $0.base64EncodedString() },
      checkpoint: proof.checkpoint.map { String(decoding: $0.note, as: UTF8.self) })
  }
}

extension ConsistencyView {
  init(_ proof: ConsistencyProof) {
    self.init(
      from: proof.from,
      to: proof.to,
      fromRoot: proof.fromRoot.base64EncodedString(),
      toRoot: proof.toRoot.base64EncodedString(),
      proof: proof.hashes.map { $0.base64EncodedString() })
  }
}
