internal import Foundation
internal import FrameCore
internal import FrameProtos
internal import Logging

/// What the writer's thread does: the only code that changes the state or the file. It never leaves its thread.
final class WriterLoop<State: FrameState, Guard: AppendGuard> where Guard.State == State {
  typealias Queue = CommandQueue<State>

  private let engine: any StorageEngine
  private let appendGuard: Guard
  private let clock: any FrameClock
  private let metrics: LogMetrics
  private let logger: Logger
  private var state: State
  private var index = IdempotencyIndex()
  private(set) var size: UInt64 = 0
  private var lastTime = FrameTime(unixNanoseconds: .min)
  /// The events of the batch that is being decided; they become durable together.
  private var batch: [RecordedEvent] = []

  /// Replays the stored log.
  /// - Throws: `LogError.damagedLog` at a gap or an event at the wrong place, `LogError.damagedEvent`, `LogError.storage`.
  init(
    engine: any StorageEngine, initial: State, guard appendGuard: Guard, clock: any FrameClock, metrics: LogMetrics,
    logger: Logger
  ) throws {
    self.engine = engine
    self.appendGuard = appendGuard
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    self.state = initial
    try engine.scan(from: 0, limit: .max) { position, bytes in
      guard position == size else { throw LogError.damagedLog("position \(size) is missing") }
      let recorded = try RecordedEvent(bytes: bytes)
      guard recorded.position == position else {
        throw LogError.damagedLog("position \(position) holds an event of position \(recorded.position)")
      }
      if recorded.event.commandIndex == 0 { index.insert(recorded.event.idempotencyKey, at: position) }
      lastTime = max(lastTime, recorded.time)
      state.evolve(recorded)
      size += 1
    }
    guard try engine.size() == size else { throw LogError.damagedLog("its size is not the number of its events") }
    metrics.size.set(Int64(clamping: size))
  }

  /// Serves the queue until it is closed and empty.
  /// - Parameter durable: told the new size after each commit, before the callers are answered.
  /// - Returns: why the writer stopped, or nil after an orderly end.
  func run(_ queue: Queue, durable: (UInt64) -> Void) -> LogError? {
    while let work = queue.take(limit: LogLimits.maximumBatchCommands) {
      metrics.queueDepth.set(queue.depth)
      for query in work.queries { answer(query) }
      guard !work.jobs.isEmpty else { continue }
      if let failure = commit(work.jobs, durable: durable) {
        queue.close(failure)
        while let rest = queue.take(limit: .max) { Self.refuse(rest, failure) }
        end()
        return failure
      }
    }
    end()
    return nil
  }

  private func end() {
    do { try engine.close() } catch { logger.error("the log did not close cleanly", metadata: ["error": "\(error)"]) }
  }

  // MARK: One batch

  private enum Outcome {
    case accepted(Range<Int>)
    case repeated([RecordedEvent])
    /// The same key earlier in this batch: its result waits for the same commit.
    case repeatedInBatch(Range<Int>)
    case refused(any Error)
  }

  private func commit(_ jobs: [Queue.Job], durable: (UInt64) -> Void) -> LogError? {
    batch.removeAll(keepingCapacity: true)
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(jobs.count)
    for job in jobs {
      switch job {
      case .one(let envelope, _): outcomes.append(outcome(envelope))
      case .many(let envelopes, _): for envelope in envelopes { outcomes.append(outcome(envelope)) }
      }
    }
    if !batch.isEmpty, let failure = store() {
      Self.refuse(Queue.Work(jobs: jobs), failure)
      return failure
    }
    if !batch.isEmpty { durable(size) }
    answer(jobs, outcomes)
    return nil
  }

  private func store() -> LogError? {
    do {
      let start = ContinuousClock.now
      try engine.append(batch)
      metrics.commitDuration.observe(ContinuousClock.now - start)
    } catch {
      // What is in memory is now ahead of what is known to be on disk, and a failed fsync may have lost pages for good:
      // nothing is retried, nothing is answered as done, and the state is never looked at again.
      metrics.stopped.set(Int64(1))
      logger.critical("a write to the log failed; the writer has stopped", metadata: ["error": "\(error)"])
      return .stopped("\(error)")
    }
    size += UInt64(batch.count)
    metrics.commits.increment()
    metrics.events.increment(by: UInt64(batch.count))
    metrics.bytes.increment(by: batch.reduce(UInt64(0)) { $0 + UInt64($1.bytes.count) })
    metrics.batchEvents.observe(Double(batch.count))
    metrics.size.set(Int64(clamping: size))
    return nil
  }

  private func outcome(_ envelope: Queue.Envelope) -> Outcome {
    do {
      if let position = index.position(of: envelope.key.text) { return try repetition(of: envelope, at: position) }
      return .accepted(try decide(envelope))
    } catch {
      metrics.rejected(error)
      return .refused(error)
    }
  }

  private func decide(_ envelope: Queue.Envelope) throws -> Range<Int> {
    let now = max(clock.now(), lastTime)
    let drafts = try state.decide(envelope.command, DecisionContext(now: now, actor: envelope.actor))
    let start = batch.count
    guard !drafts.isEmpty else { return start..<start }
    try appendGuard.check(drafts, actor: envelope.actor, state: state)
    do {
      for (offset, draft) in drafts.enumerated() {
        batch.append(try record(draft, envelope, offset: offset, of: drafts.count, at: now))
      }
    } catch {
      batch.removeSubrange(start...)
      throw error
    }
    // Nothing can refuse the command any more: only now does it leave a trace.
    for recorded in batch[start...] { state.evolve(recorded) }
    index.insert(envelope.key.text, at: batch[start].position)
    lastTime = now
    return start..<batch.count
  }

  private func record(
    _ draft: EventDraft, _ envelope: Queue.Envelope, offset: Int, of count: Int, at time: FrameTime
  ) throws -> RecordedEvent {
    var event = PBEvent()
    event.position = size + UInt64(batch.count)
    event.timeUnixNs = time.unixNanoseconds
    event.actor = envelope.actor.description
    event.idempotencyKey = envelope.key.text
    event.commandDigest = envelope.digest
    event.commandIndex = UInt32(offset)
    event.commandEvents = UInt32(count)
    event.postings = draft.postings
    event.payload = draft.payload
    let bytes: Data
    do { bytes = try event.serializedData() } catch { throw LogError.damagedEvent("\(error)") }
    guard bytes.count <= LogLimits.maximumEventBytes else { throw LogError.eventTooLarge(bytes: bytes.count) }
    return RecordedEvent(event: event, bytes: bytes)
  }

  // MARK: Repetition

  private func repetition(of envelope: Queue.Envelope, at position: UInt64) throws -> Outcome {
    if position >= size {
      let start = Int(position - size)
      try Self.compare(envelope, batch[start].event)
      return .repeatedInBatch(start..<start + Int(batch[start].event.commandEvents))
    }
    let events = try stored(at: position)
    try Self.compare(envelope, events[0].event)
    return .repeated(events)
  }

  private static func compare(_ envelope: Queue.Envelope, _ first: PBEvent) throws {
    guard first.idempotencyKey == envelope.key.text, first.commandDigest == envelope.digest else {
      throw LogError.idempotencyConflict(
        key: envelope.key.text, first: hex(first.commandDigest), now: hex(envelope.digest))
    }
  }

  private static func hex(_ digest: Data) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The events of the command whose first event is at `position`.
  private func stored(at position: UInt64) throws -> [RecordedEvent] {
    var events: [RecordedEvent] = []
    try engine.scan(from: position, limit: 1) { events.append(try RecordedEvent(bytes: $1)) }
    guard let first = events.first, first.position == position, first.event.commandIndex == 0 else {
      throw LogError.damagedLog("position \(position) is not the first event of a command")
    }
    let more = Int(first.event.commandEvents) - 1
    if more > 0 {
      try engine.scan(from: position + 1, limit: more) { events.append(try RecordedEvent(bytes: $1)) }
    }
    guard events.count == more + 1 else { throw LogError.damagedLog("the command at \(position) is not complete") }
    return events
  }

  // MARK: Answers

  private func answer(_ jobs: [Queue.Job], _ outcomes: [Outcome]) {
    var next = 0
    for job in jobs {
      switch job {
      case .one(_, let reply):
        reply.resume(with: result(outcomes[next]))
        next += 1
      case .many(let envelopes, let replies):
        replies.resume(returning: outcomes[next..<next + envelopes.count].map(result))
        next += envelopes.count
      }
    }
  }

  private func result(_ outcome: Outcome) -> Result<Committed, any Error> {
    switch outcome {
    case .accepted(let range): return .success(Committed(events: Array(batch[range]), replayed: false))
    case .repeatedInBatch(let range):
      metrics.replays.increment()
      return .success(Committed(events: Array(batch[range]), replayed: true))
    case .repeated(let events):
      metrics.replays.increment()
      return .success(Committed(events: events, replayed: true))
    case .refused(let error): return .failure(error)
    }
  }

  private func answer(_ query: Queue.Query) {
    switch query {
    case .read(let body): body(.success(state))
    case .committed(let key, let reply):
      reply.resume(
        with: Result {
          guard let position = index.position(of: key.text) else { return nil }
          let events = try stored(at: position)
          guard events[0].event.idempotencyKey == key.text else { return nil }
          return Committed(events: events, replayed: true)
        })
    }
  }

  private static func refuse(_ work: Queue.Work, _ reason: LogError) {
    for job in work.jobs {
      switch job {
      case .one(_, let reply): reply.resume(throwing: reason)
      case .many(let envelopes, let replies): replies.resume(returning: envelopes.map { _ in .failure(reason) })
      }
    }
    for query in work.queries {
      switch query {
      case .read(let body): body(.failure(reason))
      case .committed(_, let reply): reply.resume(throwing: reason)
      }
    }
  }
}
