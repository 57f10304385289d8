internal import FrameEvents
internal import Foundation
internal import FrameCore

/// A state that did not have to be replayed, and what goes with it.
struct RestoredState<State: FrameState> {
  var state: State
  /// The events it covers.
  let size: UInt64
  /// When the last of them was recorded.
  let time: FrameTime
  /// The tree of at least those events.
  let tree: LogTree
  /// The keys of those events, when everything was checked.
  let runs: [KeyRun]
  let name: String
  let bytes: Int
}

/// Finds the newest snapshot that can be used, and refuses all others.
struct SnapshotLoader<State: FrameState>: Sendable {
  let folder: SnapshotFolder
  /// The state before the first event, as the configuration makes it.
  let initial: State
  let key: LogVerifierKey
  let program: String
  let refused: @Sendable (String, SnapshotRefusal) -> Void

  enum Check {
    /// At the start: the tree too is held against the stored events and the newest signed checkpoint (see ``tree(_:_:)``).
    case everything
    /// Later, and only of those that passed at the start or were made since: the file and its last event. Their keys are
    /// with whoever made or found them.
    case lastEvent
  }

  /// - Parameter limit: the most events it may cover.
  /// - Returns: nil when there is none that can be used; the log is then replayed from its beginning.
  func newest(upTo limit: UInt64 = .max, _ reader: LogReader, check: Check) -> RestoredState<State>? {
    folder.first(
      upTo: limit, evenUntrusted: check == .everything, { try load($0, reader, check) }, refused: refused)
  }

  private func load(_ url: URL, _ reader: LogReader, _ check: Check) throws -> RestoredState<State> {
    let file = try SnapshotFile(url, key: key, program: program)
    let size = file.header.size
    let logSize = try reader.size()
    guard size <= logSize else { throw SnapshotRefusal.aheadOfLog(snapshot: size, log: logSize) }
    try reader.scan(from: size - 1, to: size) { _, bytes in
      guard MerkleHash.leaf(bytes) == file.header.leaf else {
        throw SnapshotRefusal.otherEvents("the one at position \(size - 1) is another")
      }
    }
    let tree =
      switch check {
      case .everything: try tree(file, logSize, reader)
      case .lastEvent: try Self.resumed(file, trusting: UInt64(file.blocks.count), reader)
      }
    var state = initial
    try file.decode(into: &state)
    return RestoredState(
      state: state, size: size, time: file.header.time, tree: tree,
      runs: check == .everything ? try runs(file) : [], name: file.name,
      bytes: file.bytes)
  }

  /// The tree of the snapshot's events, and on to those that are signed (CONFORMANCE L7).
  ///
  /// What a signed checkpoint covers was read back before it was signed, and its root binds every leaf: of those events only
  /// the block roots are taken from the snapshot, and the root they give at the checkpoint's size must be the signed one.
  /// All other events are read and hashed now. So nothing will be signed that was never read back. That the covered events
  /// are still stored as they were is not checked here: each is when it is proved or served, and all are when the supply
  /// audit reads the whole log, first thing after the start.
  private func tree(_ file: SnapshotFile, _ logSize: UInt64, _ reader: LogReader) throws -> LogTree {
    guard let signed = try reader.storedCheckpoint(key: key), signed.size <= logSize else {
      return try Self.resumed(file, trusting: 0, reader)
    }
    var tree = try Self.resumed(file, trusting: signed.size / LogTree.blockLeaves, reader)
    try tree.catchUp(to: signed.size, reader)
    guard try tree.root(at: signed.size, LogTree.leaves(reader)).data == signed.root else {
      throw SnapshotRefusal.otherEvents("they do not have the root that was signed for \(signed.size)")
    }
    return tree
  }

  /// - Parameter blocks: how many block roots are taken from the snapshot; the rest is read and compared.
  private static func resumed(_ file: SnapshotFile, trusting blocks: UInt64, _ reader: LogReader) throws -> LogTree {
    var tree = LogTree(blocks: file.blocks.prefix(Int(clamping: blocks)))
    try tree.catchUp(to: file.header.size, reader)
    guard tree.blocks == file.blocks, tree.root == file.header.root else {
      throw SnapshotRefusal.otherEvents("they do not have the root of the snapshot")
    }
    return tree
  }

  private func runs(_ file: SnapshotFile) throws -> [KeyRun] {
    try file.runs.map { wanted in
      let run = try KeyRun(folder.url.appendingPathComponent(wanted.name))
      guard run.digest == wanted.digest else { throw SnapshotRefusal.damaged("\(wanted.name) is another run") }
      return run
    }
  }
}
