internal import FrameEvents
internal import Foundation
internal import FrameCore

/// Makes one snapshot after the other: each is the one before it, and the stored events since.
///
/// It reads the log on a connection of its own and never looks at the writer's state, so it holds nothing up, and what it
/// writes down is what a start would replay. Used by one thread at a time.
final class SnapshotMaker<State: FrameState> {
  struct Made: Sendable {
    let size: UInt64
    let bytes: Int
    let runs: [KeyRun]
    let duration: Duration
    /// Of that, what does not depend on the events that were new: reading the last snapshot, writing this one.
    let overhead: Duration
  }

  /// The work was given up because the writer closes.
  struct Interrupted: Error {}

  private struct Kept {
    let name: String
    let runs: [KeyRun]
  }

  private let loader: SnapshotLoader<State>
  private let signer: LogSigner
  private let reader: LogReader
  /// Newest last.
  private var kept: [Kept] = []

  init(loader: SnapshotLoader<State>, signer: LogSigner, reader: LogReader) {
    self.loader = loader
    self.signer = signer
    self.reader = reader
  }

  deinit { reader.close() }

  /// Notes a snapshot that was found at the start.
  func found(_ name: String, _ runs: [KeyRun]) { kept = [Kept(name: name, runs: runs)] }

  /// Makes a snapshot of the first `size` events, which are durable and at least one.
  /// - Throws: `Interrupted`; `LogError.storage`, `.damagedLog`, `.damagedEvent`.
  func make(at size: UInt64, isInterrupted: () -> Bool) throws -> Made {
    let start = ContinuousClock.now
    try loader.folder.create()
    let base = loader.newest(upTo: size, reader, check: .lastEvent)
    let baseRuns = kept.first { $0.name == base?.name }?.runs
    // Without its keys it is no base.
    var replay = Replay(baseRuns == nil ? nil : base, initial: loader.initial)
    let replayStart = ContinuousClock.now
    try reader.scan(from: replay.size, to: size) { position, bytes in
      if position & 1023 == 0, isInterrupted() { throw Interrupted() }
      try replay.add(position, bytes)
    }
    let replayed = ContinuousClock.now - replayStart
    let runs = try merged(baseRuns ?? [], &replay.entries, replay.base..<size)
    let state = SnapshotFields.encode(replay.state)
    if isInterrupted() { throw Interrupted() }
    var tree = replay.tree
    let content = SnapshotFile.Content(
      program: loader.program, size: size, root: tree.root,
      leaf: try tree.node(level: 0, index: size - 1, LogTree.leaves(reader)), time: replay.time, blocks: tree.blocks,
      runs: runs, state: state)
    let file = try SnapshotFile.write(content, in: loader.folder.url, signer: signer)
    loader.folder.trust(file.name)
    kept.removeAll { $0.name == file.name }
    kept = kept.suffix(SnapshotFolder.kept - 1) + [Kept(name: file.name, runs: runs)]
    loader.folder.keep(Set(kept.map(\.name) + kept.flatMap { $0.runs.map(\.fileName) }))
    let duration = ContinuousClock.now - start
    return Made(size: size, bytes: file.bytes, runs: runs, duration: duration, overhead: duration - replayed)
  }

  private func merged(
    _ runs: [KeyRun], _ entries: inout [KeyEntry], _ positions: Range<UInt64>
  ) throws -> [KeyRun] {
    guard !entries.isEmpty else { return runs }
    let count = KeyRunWriter.merging(runs.map(\.count), added: entries.count)
    let new = try KeyRunWriter.write(&entries, positions: positions, in: loader.folder.url)
    entries = []
    guard count > 0 else { return runs + [new] }
    return runs.dropLast(count) + [try KeyRunWriter.merge(runs.suffix(count) + [new], in: loader.folder.url)]
  }

  /// What grows from event to event.
  private struct Replay {
    let base: UInt64
    var size: UInt64
    var state: State
    var time: FrameTime
    var tree: LogTree
    var entries: [KeyEntry] = []

    init(_ restored: RestoredState<State>?, initial: State) {
      base = restored?.size ?? 0
      size = base
      state = restored?.state ?? initial
      time = restored?.time ?? FrameTime(unixNanoseconds: .min)
      tree = restored?.tree ?? LogTree()
    }

    mutating func add(_ position: UInt64, _ bytes: Data) throws {
      let recorded = try RecordedEvent(bytes: bytes)
      guard recorded.position == position else {
        throw LogError.damagedLog("position \(position) holds an event of position \(recorded.position)")
      }
      if recorded.event.commandIndex == 0 {
        entries.append(KeyEntry(.init(recorded.event.idempotencyKey), at: position))
      }
      if let subject = State.subject(of: recorded.event) {
        entries.append(KeyEntry(KeyFingerprint(subject: subject), at: position))
      }
      tree.append(.leaf(bytes))
      time = max(time, recorded.time)
      state.evolve(recorded)
      size = position + 1
    }
  }
}
