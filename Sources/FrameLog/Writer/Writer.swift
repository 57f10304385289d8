package import FrameEvents
internal import Dispatch
package import Foundation
package import FrameCore
package import FrameProtos
package import Logging
internal import Synchronization

/// The one writer of a frame's log: takes commands, decides them in order against the state, makes their events durable in
/// one transaction per batch, and only then answers. While a batch is being made durable the next one is decided.
///
/// - A command whose answer was received survives `kill -9` and power loss.
/// - A refused command leaves no trace.
/// - After a failed write nothing is answered as done, by this call or any later one; the process must be restarted.
package final class Writer<State: FrameState>: Sendable {
  package typealias Envelope = CommandEnvelope<State.Command>

  private let queue = CommandQueue<State>()
  let reader: LogReader
  let notary: Notary
  /// What the log counts by: what is shown as over, or is refused for it, must be so by the time that decides (decision 0036).
  package let time: any FrameClock
  let snapshots: SnapshotService<State>
  let history: LogHistory<State>
  private let progress: WriterProgress
  private let metrics: LogMetrics

  /// Opens or creates the log in `directory`, replays it into `initial`, and checks it against the last signed
  /// checkpoint. Blocks while it does; call it at start, not from a hot path.
  /// - Throws: `LogError.inUse`, `.storage`, `.damagedLog`, `.damagedEvent`, `.newerFormat`, `.behindCheckpoint`, `.badNote`.
  package convenience init(
    directory: URL, initial: State, guard appendGuard: some AppendGuard<State>, signer: LogSigner,
    clock: any FrameClock, metrics: LogMetrics, logger: Logger, snapshots: SnapshotPolicy = .none,
    batchLimit: Int = LogLimits.maximumBatchCommands
  ) throws {
    try self.init(
      directory: directory, initial: initial, guard: appendGuard, signer: signer, clock: clock, metrics: metrics,
      logger: logger, snapshots: snapshots, batchLimit: batchLimit, openEngine: { try SQLiteEngine(directory: $0) })
  }

  /// - Parameters:
  ///   - batchLimit: commands, by weight, that share one transaction at most; one that weighs more has one to itself.
  ///   - openEngine: called once, on the writer's thread; the engine must store what `SQLiteEngine` can read.
  package init(
    directory: URL, initial: State, guard appendGuard: some AppendGuard<State>, signer: LogSigner,
    clock: any FrameClock, metrics: LogMetrics, logger: Logger, snapshots policy: SnapshotPolicy = .none,
    batchLimit: Int = LogLimits.maximumBatchCommands, openEngine: @escaping @Sendable (URL) throws -> any StorageEngine
  ) throws {
    let lock = try DirectoryLock(directory)
    let progress = WriterProgress()
    let opened = Handover<LogTree>()
    let replayed = Handover<UInt64>()
    let queue = self.queue
    let time = GuardedClock(clock, metrics: metrics.clock, logger: logger)
    self.time = time
    let start = WriterStart(
      directory: directory, initial: initial, signer: signer, policy: policy, metrics: metrics, clock: clock,
      logger: logger)
    let thread = Thread {
      do {
        let loop = try start.open(guard: appendGuard, clock: time, openEngine: openEngine) {
          opened.give(.success($0))
        }
        progress.advance(to: loop.replayedSize)
        replayed.give(.success(loop.replayedSize))
        let failure = loop.run(queue, batchLimit: batchLimit) { size in
          progress.advance(to: size)
          start.snapshots.advanced(to: size)
        }
        start.snapshots.stop()
        lock.release()
        progress.end(failure)
      } catch {
        lock.release()
        opened.give(.failure(error))
        replayed.give(.failure(error))
        progress.end(nil)
      }
    }
    thread.name = "frame.log.writer"
    thread.qualityOfService = .userInitiated
    thread.start()
    self.progress = progress
    self.metrics = metrics
    self.snapshots = start.snapshots
    do {
      let tree = try opened.take()
      // The notary hashes while the writer replays.
      reader = try LogReader(directory: directory)
      history = try LogHistory(loader: start.loader, directory: directory, metrics: metrics)
      let begin = ContinuousClock.now
      notary = try Notary(directory: directory, tree: tree, signer: signer, clock: clock, metrics: metrics)
      metrics.started("hash", in: ContinuousClock.now - begin)
      _ = try replayed.take()
    } catch {
      queue.close(.stopped("it did not open"))
      progress.wait()
      throw error
    }
  }

  deinit { queue.close(.stopped("shut down")) }

  /// Has a command decided and its events made durable. Waits behind commands submitted before.
  /// - Returns: the command's events; for a key seen before with the same digest, those of the first time.
  /// - Throws: the rejection of the state or the guard; `LogError.idempotencyConflict`, `.eventTooLarge`, `.overloaded`
  ///   (nothing happened), `.stopped` (what happened is known after a restart).
  package func submit(_ envelope: Envelope) async throws -> Committed {
    try await submit(envelope, then: { _ in }).committed
  }

  /// The same, with a look at the state as the command has left it: one visit, where a look of its own would be a second.
  /// - Parameter view: as the body of ``read(_:)``, and it refuses nothing: the command has been decided. Also asked when the key was
  ///   seen before; then it sees the state of now.
  package func submit<View: Sendable>(
    _ envelope: Envelope, then view: @escaping @Sendable (State) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await withCheckedThrowingContinuation {
      (reply: CheckedContinuation<(committed: Committed, view: View), any Error>) in
      let asker = CommandQueue<State>.Asker(
        look: { state in
          let seen = view(state)
          return { result in reply.resume(with: result.map { (committed: $0, view: seen) }) }
        },
        fail: { reply.resume(throwing: $0) })
      if let refusal = queue.add(.one(envelope, asker)) {
        metrics.rejected(refusal)
        reply.resume(throwing: refusal)
      }
    }
  }

  /// How often somebody has come to the writer: each command that was submitted alone, each batch, each look at the state.
  package var visits: Int { queue.visits }

  /// Submits commands in order; each stands or falls alone, but up to `LogLimits.maximumBatchCommands` share a commit.
  /// - Returns: one result per command, in order.
  package func submit(contentsOf envelopes: [Envelope]) async -> [Result<Committed, any Error>] {
    // Nearly always: nothing is copied.
    guard envelopes.count > LogLimits.maximumBatchCommands else { return await submit(chunk: envelopes) }
    var results: [Result<Committed, any Error>] = []
    results.reserveCapacity(envelopes.count)
    var rest = envelopes[...]
    while !rest.isEmpty {
      let chunk = Array(rest.prefix(LogLimits.maximumBatchCommands))
      rest = rest.dropFirst(chunk.count)
      results += await submit(chunk: chunk)
    }
    return results
  }

  private func submit(chunk: [Envelope]) async -> [Result<Committed, any Error>] {
    guard !chunk.isEmpty else { return [] }
    let weight = chunk.reduce(0) { $0 + $1.weight }
    return await withCheckedContinuation { replies in
      if let refusal = queue.add(.many(chunk, weight: weight, replies)) {
        metrics.rejected(refusal)
        replies.resume(returning: chunk.map { _ in .failure(refusal) })
      }
    }
  }

  /// Looks at the state between batches; what was seen is answered when it is durable. Keep `body` short and free of
  /// effects: it runs on a writer's thread, and what it saw may yet fail to become durable. Return the values you need, not
  /// the state: a copy of the state that lives on makes the next event copy it.
  /// - Throws: what `body` throws; `LogError.stopped`.
  package func read<T: Sendable>(_ body: @escaping @Sendable (State) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { reply in
      let refusal = queue.add(
        .read { state in
          let seen = Result { try body(state.get()) }
          return { failure in reply.resume(with: failure.map { .failure($0) } ?? seen) }
        })
      if let refusal { reply.resume(throwing: refusal) }
    }
  }

  /// What the command with this key did, or nil when none had an effect.
  /// - Throws: `LogError.stopped`, `.damagedLog`.
  package func committed(key: IdempotencyKey) async throws -> Committed? {
    try await withCheckedThrowingContinuation { reply in
      if let refusal = queue.add(.committed(key, reply)) { reply.resume(throwing: refusal) }
    }
  }

  /// The event that is the last word about a subject (``FrameState/subject(of:)``), or nil when there is none.
  /// - Throws: `LogError.stopped`, `.storage`, `.damagedLog`.
  package func lastWord(about subject: String) async throws -> RecordedEvent? {
    let position: UInt64? = try await withCheckedThrowingContinuation { reply in
      if let refusal = queue.add(.lastWord(KeyFingerprint(subject: subject), reply)) { reply.resume(throwing: refusal) }
    }
    guard let position, let event = try await events(from: position, limit: 1).first else { return nil }
    // 16 bytes of a hash found it: the event itself says whether it is the one.
    return State.subject(of: event.event) == subject ? event : nil
  }

  /// The number of durable events.
  package func durableSize() -> UInt64 { progress.size }

  /// Up to `limit` (at most `LogLimits.maximumPage`) durable events from position `first` on; empty when there are none.
  /// - Throws: `LogError.storage`, `.damagedLog`, `.damagedEvent`.
  package func events(from first: UInt64, limit: Int) async throws -> [RecordedEvent] {
    let size = progress.size
    let count = UInt64(max(0, min(limit, LogLimits.maximumPage)))
    guard first < size, count > 0 else { return [] }
    return try await reader.run { reader in
      var events: [RecordedEvent] = []
      try reader.scan(from: first, to: min(size, first + count)) { events.append(try RecordedEvent(bytes: $1)) }
      return events
    }
  }

  /// A signed claim that the event at `position` is in the log: event, inclusion proof and checkpoint.
  /// - Throws: `LogError.noSuchPosition`, `.storage`, `.damagedLog`.
  package func attest(_ position: UInt64) async throws -> PBAttestation {
    let size = progress.size
    guard position < size else { throw LogError.noSuchPosition(position, size: size) }
    return try await notary.attest(position, size: size)
  }

  /// A signed checkpoint of everything that is durable now.
  /// - Throws: `LogError.storage`, `.damagedLog`.
  package func checkpoint() async throws -> SignedCheckpoint {
    try await notary.checkpoint(of: progress.size)
  }

  /// The RFC 6962 proof that the log of `second` events extends the log of `first`.
  /// - Throws: `LogError.noSuchPosition`.
  package func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] {
    let size = progress.size
    guard second <= size else { throw LogError.noSuchPosition(second, size: size) }
    return try await notary.consistencyProof(from: first, to: second)
  }

  /// The newest durable size, whenever it grows (and once at the start); values in between may be left out. Every observer
  /// has its own stream, which ends when the writer does.
  package func changes() -> AsyncStream<UInt64> { progress.changes() }

  /// Takes no more commands, finishes those that wait, and closes the log.
  package func shutdown() async {
    close()
    _ = await failure()
  }

  /// Takes no more commands; those that wait are still served.
  func close() { queue.close(.stopped("shut down")) }

  /// Waits for the writer's end. - Returns: the failed write that caused it, or nil.
  func failure() async -> LogError? {
    let failure = await progress.ended()
    reader.close()
    notary.close()
    history.close()
    return failure
  }
}
