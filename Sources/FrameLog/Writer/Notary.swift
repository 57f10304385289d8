internal import FrameEvents
internal import Dispatch
internal import Foundation
internal import FrameCore
internal import FrameProtos
internal import Synchronization

/// Signs for the log, and only for what it has itself read back from the disk (CONFORMANCE L7).
///
/// It hashes the stored bytes on its own read-only connection and its own queue, so the writer's thread never hashes, and
/// no root is signed whose leaves are not stored. A checkpoint is on disk, in a file apart from the log, before it leaves.
final class Notary: Sendable {
  let reader: LogReader
  private let signer: LogSigner
  private let clock: any FrameClock
  private let metrics: LogMetrics
  private let queue = DispatchQueue(label: "frame.log.notary")
  private let state: Mutex<State>

  struct State {
    var file: CheckpointFile
    var tree: LogTree
    var signed: SignedCheckpoint?
  }

  /// Hashes the stored log from where `tree` ends and compares it with the last signed checkpoint. Blocks.
  /// - Parameter tree: of the log's first events, each of which was read back by this process or by the one that signed a
  ///   checkpoint over it (`SnapshotLoader`); empty to hash the whole log.
  /// - Throws: `LogError.behindCheckpoint` when the log is shorter than what was signed; `LogError.damagedLog` when it
  ///   differs or has a gap; `LogError.badNote` when the checkpoint file is not ours.
  init(
    directory: URL, tree: LogTree = LogTree(), signer: LogSigner, clock: any FrameClock, metrics: LogMetrics
  ) throws {
    self.reader = try LogReader(directory: directory)
    self.signer = signer
    self.clock = clock
    self.metrics = metrics
    var start = State(file: CheckpointFile(directory: directory), tree: tree)
    start.signed = try start.file.read(key: signer.verifierKey)
    try start.tree.catchUp(to: reader.size(), reader)
    if let signed = start.signed {
      guard signed.size <= start.tree.size else {
        throw LogError.behindCheckpoint(logSize: start.tree.size, signedSize: signed.size)
      }
      guard try start.tree.root(at: signed.size, LogTree.leaves(reader)).data == signed.root else {
        throw LogError.damagedLog("its first \(signed.size) events are not those that were signed")
      }
      metrics.signed(signed.size, at: clock.now())
    }
    state = Mutex(start)
  }

  /// A checkpoint of at least `size` events.
  /// - Throws: `LogError`.
  func checkpoint(of size: UInt64) async throws -> SignedCheckpoint {
    try await work { notary, state in try notary.signed(&state, covering: size) }
  }

  /// An attestation of the event at `position`, which the caller knows to be below `size`, a durable size.
  /// - Throws: `LogError`.
  func attest(_ position: UInt64, size: UInt64) async throws -> PBAttestation {
    try await work { notary, state in
      let checkpoint =
        if let signed = state.signed, position < signed.size { signed } else {
          try notary.signed(&state, covering: size)
        }
      var attestation = PBAttestation()
      try notary.reader.scan(from: position, to: position + 1) { _, bytes in attestation.event = bytes }
      // Pair assertion: the bytes handed out are the ones that were hashed.
      let leaves = LogTree.leaves(notary.reader)
      guard MerkleHash.leaf(attestation.event) == (try state.tree.node(level: 0, index: position, leaves)) else {
        throw LogError.damagedLog("position \(position) changed since it was hashed")
      }
      attestation.position = position
      attestation.proof = try state.tree.inclusionProof(of: position, in: checkpoint.size, leaves).map(\.data)
      attestation.checkpoint = checkpoint.note
      return attestation
    }
  }

  /// The proof that the log at `second` events extends the log at `first`.
  /// - Throws: `LogError.noSuchPosition` when either is beyond what was hashed.
  func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] {
    try await work { notary, state in
      try state.tree.catchUp(to: second, notary.reader)
      guard first <= second else { throw LogError.noSuchPosition(first, size: second) }
      return try state.tree.consistencyProof(from: first, to: second, LogTree.leaves(notary.reader)).map(\.data)
    }
  }

  func close() { reader.close() }

  func work<T: Sendable>(_ body: @escaping @Sendable (Notary, inout State) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(with: self.state.withLock { state in Result { try body(self, &state) } })
      }
    }
  }

  private func signed(_ state: inout State, covering size: UInt64) throws -> SignedCheckpoint {
    if let signed = state.signed, signed.size >= size { return signed }
    do {
      try state.tree.catchUp(to: size, reader)
      let next = SignedCheckpoint(size: state.tree.size, root: state.tree.root, signer: signer)
      try state.file.add(next)
      state.signed = next
      metrics.signed(next.size, at: clock.now())
      return next
    } catch {
      metrics.checkpointFailures.increment()
      throw error
    }
  }
}
