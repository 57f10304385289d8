package import FrameEvents
package import Foundation
internal import FrameCore

/// A copy of a log in a folder, laid out as C2SP tlog-tiles serves it: `checkpoint`, `tile/…`, `tile/entries/…`.
///
/// What it says of the log rests on the checkpoint's signature and on hashes alone, not on whoever the files came from.
/// Its methods but ``download(key:entries:fetch:)`` block.
package struct TileDirectory: Sendable {
  package static let checkpointName = "checkpoint"
  package static let refusedName = "checkpoint.refused"

  package let folder: URL

  package init(_ folder: URL) { self.folder = folder }

  /// What was checked.
  package struct Report: Sendable, Equatable {
    package let size: UInt64
    package let tiles: Int
    /// Events read, decoded and hashed; 0 when the copy has hashes only.
    package let entries: UInt64
  }

  /// The checkpoint in the folder, verified; nil when there is none.
  /// - Throws: `LogError.badNote`, `.storage`.
  package func checkpoint(key: LogVerifierKey) throws -> SignedCheckpoint? {
    guard let note = try bytes(at: Self.checkpointName) else { return nil }
    return try SignedCheckpoint(note: note, key: key)
  }

  /// Recomputes the tree from the entries (from the leaf hashes, if the copy has no entries) and compares every tile and
  /// the root with it; every entry must be an event that claims the position it is at.
  /// - Parameter older: an earlier checkpoint of the same log, which this one must extend.
  /// - Throws: `LogError.badTile` with the first file that does not hold; `LogError.badProof` when the roots differ;
  ///   `.storage`.
  package func verify(_ checkpoint: SignedCheckpoint, extending older: SignedCheckpoint? = nil) throws -> Report {
    try Self.requireReasonable(checkpoint)
    if let older, older.size > checkpoint.size {
      throw LogError.badProof("the log had \(older.size) events before and has \(checkpoint.size) now")
    }
    var tree = MerkleFrontier()
    var builder = TileBuilder()
    var tiles = 0
    func compareOlder() throws {
      guard let older, older.size == tree.size, older.root != tree.root.data else { return }
      throw LogError.badProof("its first \(older.size) events are not those that were signed before")
    }
    func compare(_ tile: Tile, _ hashes: [MerkleHash]) throws {
      guard try self.hashes(tile) == hashes else {
        throw LogError.badTile(tile.path, "its hashes are not those of the log's leaves")
      }
      tiles += 1
    }
    let hasEntries = FileManager.default.fileExists(atPath: folder.appendingPathComponent("tile/entries").path)
    try compareOlder()
    for tile in hasEntries ? Tile.bundles(of: checkpoint.size) : Tile.bundles(of: checkpoint.size).map(\.leaves) {
      for leaf in hasEntries ? try leaves(ofBundle: tile) : try hashes(tile) {
        tree.append(leaf)
        try builder.append(leaf, compare)
        try compareOlder()
      }
    }
    try builder.finish(compare)
    guard tree.size == checkpoint.size, tree.root.data == checkpoint.root else {
      throw LogError.badProof("the copy's root is not that of the checkpoint of \(checkpoint.size) events")
    }
    return Report(size: checkpoint.size, tiles: tiles, entries: hasEntries ? checkpoint.size : 0)
  }

  /// Fetches the newest checkpoint and what is missing of its log. Full tiles that are here are kept: they never change.
  ///
  /// The new checkpoint is written last, so that an interrupted download leaves the old one in force.
  /// - Parameters:
  ///   - entries: the events too, not only their hashes.
  ///   - fetch: gives what a path below the log's prefix holds.
  /// - Throws: `LogError.badNote`, `.storage`, and what `fetch` throws.
  package func download(
    key: LogVerifierKey, entries: Bool, fetch: (String) async throws -> Data
  ) async throws -> SignedCheckpoint {
    let checkpoint = try SignedCheckpoint(note: try await fetch(Self.checkpointName), key: key)
    try Self.requireReasonable(checkpoint)
    let tiles = Tile.hashTiles(of: checkpoint.size) + (entries ? Tile.bundles(of: checkpoint.size) : [])
    for tile in tiles {
      let file = folder.appendingPathComponent(tile.path)
      if FileManager.default.fileExists(atPath: file.path) { continue }
      try Self.write(try await fetch(tile.path), to: file)
    }
    return checkpoint
  }

  /// Verifies the copy and makes `checkpoint` the folder's own. One whose log does not hold, or does not extend `older`, is
  /// kept beside it, as ``refusedName``: two signed checkpoints that cannot both be true prove that the log was changed. A copy
  /// that does not hold by its own checkpoint proves nothing of the kind, and nothing is kept.
  /// - Throws: as ``verify(_:extending:)`` and ``keep(_:)``; `LogError.copyDamaged`.
  package func accept(_ checkpoint: SignedCheckpoint, extending older: SignedCheckpoint?) throws -> Report {
    do {
      let report = try verify(checkpoint, extending: older)
      try keep(checkpoint)
      return report
    } catch {
      if let older {
        do { _ = try verify(older) } catch { throw LogError.copyDamaged(size: older.size, why: error.words) }
      }
      try Self.write(checkpoint.note, to: folder.appendingPathComponent(Self.refusedName))
      throw error
    }
  }

  /// Makes `checkpoint` the folder's own.
  /// - Throws: `LogError.storage`.
  package func keep(_ checkpoint: SignedCheckpoint) throws {
    try Self.write(checkpoint.note, to: folder.appendingPathComponent(Self.checkpointName))
  }

  private static func requireReasonable(_ checkpoint: SignedCheckpoint) throws {
    guard checkpoint.size <= LogLimits.maximumCopiedEvents else {
      throw LogError.badNote("it claims \(checkpoint.size) events; \(LogLimits.maximumCopiedEvents) are the most")
    }
  }

  private func leaves(ofBundle tile: Tile) throws -> [MerkleHash] {
    guard let entries = EntryBundle.entries(try content(of: tile)), entries.count >= tile.width else {
      throw LogError.badTile(tile.path, "it does not hold \(tile.width) entries")
    }
    return try entries.prefix(tile.width).enumerated().map { offset, entry in
      let position = tile.index * UInt64(Tile.fullWidth) + UInt64(offset)
      guard let event = try? RecordedEvent(bytes: entry), event.position == position else {
        throw LogError.badTile(tile.path, "its entry \(offset) is not the event of position \(position)")
      }
      return .leaf(entry)
    }
  }

  private func hashes(_ tile: Tile) throws -> [MerkleHash] {
    let bytes = try content(of: tile)
    guard bytes.count >= 32 * tile.width, bytes.count % 32 == 0 else {
      throw LogError.badTile(tile.path, "it has \(bytes.count) bytes")
    }
    return (0..<tile.width).compactMap { MerkleHash(Data(bytes.dropFirst(32 * $0).prefix(32))) }
  }

  /// A partial tile is also the beginning of the full one, which a log may have instead.
  private func content(of tile: Tile) throws -> Data {
    if let content = try bytes(at: tile.path) { return content }
    if !tile.isFull, let content = try bytes(at: tile.full.path) { return content }
    throw LogError.badTile(tile.path, "the file is missing")
  }

  private func bytes(at path: String) throws -> Data? {
    let file = folder.appendingPathComponent(path)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do { return try Data(contentsOf: file) } catch {
      throw LogError.storage("\(file.path): \(error.words)")
    }
  }

  private static func write(_ bytes: Data, to file: URL) throws {
    do {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try bytes.write(to: file, options: .atomic)
    } catch {
      throw LogError.storage("\(file.path): \(error.words)")
    }
  }
}

extension Tile {
  /// The leaf hashes of an entry bundle.
  fileprivate var leaves: Tile { Tile(.hashes(level: 0), index: index, width: width) }
}

extension TileDirectory {
  /// Whether this copy, which holds by its own checkpoint, is of another history than one of the notes of `proof`. Two honest notes
  /// beside a proof that does not hold prove nothing: only the log can tell.
  /// - Throws: `LogError.badProof` when it is not, or is too short to tell; `.noLog` without a checkpoint.
  package func requireDenial(of proof: EquivocationProof, key: LogVerifierKey) throws {
    guard let own = try checkpoint(key: key) else { throw LogError.noLog(folder.path) }
    _ = try verify(own)
    var longest: UInt64 = 0
    for note in [proof.first, proof.second] {
      let signed = try AttestationVerifier.verify(checkpoint: Data(note.utf8), key: key)
      longest = max(longest, signed.size)
      guard signed.size <= own.size else { continue }
      do { _ = try verify(own, extending: signed) } catch LogError.badProof { return }
    }
    guard longest <= own.size else {
      throw LogError.badProof(
        "the copy has \(own.size) events and one of the notes is of \(longest): it cannot tell; download it again")
    }
    throw LogError.badProof("the copy begins with what both notes say: they are of one history")
  }
}
