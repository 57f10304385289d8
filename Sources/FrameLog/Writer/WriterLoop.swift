internal import FrameEvents
internal import Dispatch
internal import Foundation
internal import FrameCore
internal import Logging
internal import Synchronization

/// What the writer's two threads do: one decides, the other makes what was decided durable, and answers.
///
/// - Batches become durable, and are answered as done, in the order in which they were decided.
/// - Whoever is answered, with a result, a refusal or a look at the state, is answered when all that the answer may rest on
///   is durable; when a write fails, with that failure.
/// - At most `LogLimits.batchesUnderWay` batches are under way; the rest waits in the queue and shares the next batch. Those
///   that are decided share a transaction.
///
/// Each thread keeps to its part: a thread that did now the one and now the other would be woken, each time, on the processor
/// that the other one is busy on, and two processors would do the work of one.
final class WriterLoop<State: FrameState, Guard: AppendGuard>: Sendable where Guard.State == State {
  typealias Queue = CommandQueue<State>

  /// Free places for batches under way.
  private let room = DispatchSemaphore(value: LogLimits.batchesUnderWay)
  private let decided = BatchPipe<State>()
  private let decider: Mutex<Decider<State, Guard>>
  private let store: Mutex<EventStore>
  private let turns = BatchOrder()
  private let clock: GuardedClock
  private let metrics: LogMetrics
  private let logger: Logger
  /// The number of events when the log was opened.
  let replayedSize: UInt64

  /// Replays the stored log.
  /// - Throws: `LogError.damagedLog` at a gap or an event at the wrong place, `LogError.damagedEvent`, `LogError.storage`.
  init(
    engine: sending any StorageEngine, from start: ReplayStart<State>, guard appendGuard: Guard, clock: GuardedClock,
    metrics: LogMetrics, logger: Logger
  ) throws {
    let decider = try Decider(replaying: engine, from: start, guard: appendGuard, metrics: metrics)
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    replayedSize = decider.size
    clock.recorded(decider.lastTime)
    metrics.size.set(Int64(clamping: decider.size))
    self.decider = Mutex(decider)
    store = Mutex(EventStore(engine))
  }

  /// Serves the queue until it is closed and empty, on this thread and one more, then closes the store.
  /// - Parameters:
  ///   - batchLimit: commands, by weight, that share a batch at most.
  ///   - durable: told the new size after each commit, before the callers are answered; never by two at once.
  /// - Returns: why the writer stopped, or nil after an orderly end.
  func run(_ queue: Queue, batchLimit: Int, durable: @escaping @Sendable (UInt64) -> Void) -> LogError? {
    let ended = Handover<Void>()
    let committer = Thread {
      while true {
        let batches = self.decided.take(limit: batchLimit)
        if batches.isEmpty { break }
        self.commit(batches, queue, durable)
        for _ in batches { self.room.signal() }
      }
      ended.give(.success(()))
    }
    committer.name = "frame.log.commit"
    committer.qualityOfService = .userInitiated
    committer.start()
    while decideNext(queue, batchLimit) {}
    decided.close()
    _ = try? ended.take()
    do { try store.withLock { try $0.close() } } catch {
      logger.error("the log did not close cleanly", metadata: ["error": "\(error.report)"])
    }
    return turns.failure
  }

  /// - Returns: false when the queue is closed and empty.
  private func decideNext(_ queue: Queue, _ batchLimit: Int) -> Bool {
    room.wait()
    let turn = next(queue, batchLimit)
    if let batch = turn?.decided { decided.give(batch) } else { room.signal() }
    return turn != nil
  }

  /// A turn at deciding. A struct, so that "nothing to commit" and "the end" are not two nils in each other.
  private struct Turn {
    var decided: WriterBatch<State>?
  }

  /// Waits for work and decides it.
  /// - Returns: nil when the queue is closed and empty.
  private func next(_ queue: Queue, _ batchLimit: Int) -> Turn? {
    decider.withLock { decider -> Turn? in
      guard let work = queue.take(limit: batchLimit) else { return nil }
      metrics.queueDepth.set(queue.depth)
      if let failure = turns.failure {
        Self.refuse(work, failure)
        return Turn()
      }
      let answers = work.queries.map { answer($0, decider) }
      guard !work.jobs.isEmpty else {
        turns.deliver(answers)
        return Turn()
      }
      // One reading for the batch: it is decided in less time than the clock is right to.
      let now = clock.now()
      let number = turns.begin(at: now, metrics)
      let batch = decider.decide(work.jobs, number: number, answers: answers, now: now)
      clock.recorded(decider.lastTime)
      return Turn(decided: batch)
    }
  }

  /// Makes the batches durable in one transaction, then answers. What was decided while the disk was busy is written at once.
  private func commit(_ batches: [WriterBatch<State>], _ queue: Queue, _ durable: (UInt64) -> Void) {
    var failure = turns.failure
    // They have seen what was decided before the first batch, which is durable now; the others' rest on what is written here.
    for answer in batches[0].answers { answer(failure) }
    let events = batches.count == 1 ? batches[0].events : batches.flatMap(\.events)
    if failure == nil, !events.isEmpty {
      failure = write(events)
      if failure == nil { durable(events[events.count - 1].position + 1) }
    }
    for answer in batches.dropFirst().flatMap(\.answers) { answer(failure) }
    for batch in batches { finish(batch, failure, queue) }
  }

  private func finish(_ batch: WriterBatch<State>, _ failure: LogError?, _ queue: Queue) {
    let repeated: [Int: Result<Committed, any Error>] =
      if failure == nil, batch.hasRepetitions { repetitions(batch) } else { [:] }
    turns.end(batch.number, failure, metrics)
    if let failure {
      queue.close(failure)
      Self.refuse(Queue.Work(jobs: batch.jobs), failure)
    } else {
      batch.answer(repeated, metrics)
    }
  }

  private func write(_ events: [RecordedEvent]) -> LogError? {
    do {
      let start = ContinuousClock.now
      let sync = try store.withLock { try $0.append(events) }
      metrics.commitDuration.observe(ContinuousClock.now - start)
      metrics.syncDuration.observe(sync)
    } catch {
      // What is in memory is now ahead of what is known to be on disk, and a failed fsync may have lost pages for good:
      // nothing is retried, nothing is answered as done, and the state is never looked at again.
      metrics.stopped.set(Int64(1))
      logger.critical("a write to the log failed; the writer has stopped", metadata: ["error": "\(error.report)"])
      return .stopped(error.words)
    }
    metrics.commits.increment()
    metrics.events.increment(by: UInt64(events.count))
    var bytes = 0
    for event in events { bytes += event.bytes.count }
    metrics.bytes.increment(by: UInt64(bytes))
    metrics.batchEvents.observe(Double(events.count))
    metrics.size.set(Int64(clamping: events[events.count - 1].position + 1))
    return nil
  }

  // MARK: Repetitions and queries

  /// What the batch's commands whose keys were seen before did the first time; all of it is durable by now.
  private func repetitions(_ batch: WriterBatch<State>) -> [Int: Result<Committed, any Error>] {
    store.withLock { store in
      batch.repetitions { position in try store.command(at: position) }
    }
  }

  private func answer(_ query: Queue.Query, _ decider: Decider<State, Guard>) -> Queue.Answer {
    switch query {
    case .read(let body):
      return body(.success(decider.state))
    case .lastWord(let subject, let reply):
      let position = decider.position(of: subject)
      return { failure in reply.resume(with: failure.map { .failure($0) } ?? .success(position)) }
    case .committed(let key, let reply):
      let position = decider.position(of: key)
      return { [self] failure in
        reply.resume(
          with: Result {
            if let failure { throw failure }
            guard let position else { return nil }
            let events = try store.withLock { try $0.command(at: position) }
            guard events[0].event.idempotencyKey == key.text else { return nil }
            return Committed(events: events, replayed: true)
          })
      }
    }
  }

  private static func refuse(_ work: Queue.Work, _ reason: LogError) {
    for job in work.jobs {
      switch job {
      case .one(_, let asker): asker.fail(reason)
      case .many(let envelopes, _, let replies): replies.resume(returning: envelopes.map { _ in .failure(reason) })
      }
    }
    for query in work.queries {
      switch query {
      case .read(let body): body(.failure(reason))(reason)
      case .committed(_, let reply): reply.resume(throwing: reason)
      case .lastWord(_, let reply): reply.resume(throwing: reason)
      }
    }
  }
}
