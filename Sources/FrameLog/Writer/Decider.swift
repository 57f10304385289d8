internal import FrameEvents
internal import Foundation
internal import FrameCore
internal import FrameProtos

/// The state that commands are decided against: ahead of the disk by the batches that are under way, never behind it.
///
/// Used by one thread at a time (`WriterLoop` keeps it behind a lock); what it decides counts for nothing until it is durable.
struct Decider<State: FrameState, Guard: AppendGuard>: Sendable where Guard.State == State {
  typealias Queue = CommandQueue<State>

  private let appendGuard: Guard
  private let metrics: LogMetrics
  private(set) var state: State
  private var index: IdempotencyIndex
  /// The number of events decided, which is the position of the next one.
  private(set) var size: UInt64
  /// Of the last event: none is recorded with an earlier one.
  private(set) var lastTime: FrameTime
  /// Of the batch that is being decided: its events' bytes, one after the other, and where each ends. One piece of memory for
  /// all of them: what is made on this thread is let go of on others, and each piece would be fought over.
  private var encoded: [UInt8] = []
  private var ends: [Int] = []

  /// Replays what `engine` holds.
  /// - Parameter start: the state to begin with, which the events before its size gave.
  /// - Throws: `LogError.damagedLog` at a gap or an event at the wrong place, `LogError.damagedEvent`,
  ///   `LogError.newerFormat`, `LogError.storage`.
  init(
    replaying engine: any StorageEngine, from start: ReplayStart<State>, guard appendGuard: Guard, metrics: LogMetrics
  ) throws {
    self.appendGuard = appendGuard
    self.metrics = metrics
    state = start.state
    size = start.size
    lastTime = start.time
    index = IdempotencyIndex(start.keys)
    try engine.scan(from: size, limit: .max) { position, bytes in
      guard position == size else { throw LogError.damagedLog("position \(size) is missing") }
      let recorded = try RecordedEvent(bytes: bytes)
      guard recorded.position == position else {
        throw LogError.damagedLog("position \(position) holds an event of position \(recorded.position)")
      }
      try EventFormat.requireKnown(recorded)
      if recorded.event.commandIndex == 0 { index.insert(.init(recorded.event.idempotencyKey), at: position) }
      note(recorded)
      lastTime = max(lastTime, recorded.time)
      state.evolve(recorded)
      size += 1
    }
    guard try engine.size() == size else { throw LogError.damagedLog("its size is not the number of its events") }
  }

  /// Where the command with this key had its effect, or nil when none had. - Note: it may not be durable yet.
  func position(of key: IdempotencyKey) -> UInt64? { index.position(of: .init(key.text)) }

  /// Where the log has the last word about a subject. - Note: it may not be durable yet.
  func position(of subject: KeyFingerprint) -> UInt64? { index.position(of: subject) }

  /// The first word about a subject is the last.
  private mutating func note(_ recorded: RecordedEvent) {
    guard let subject = State.subject(of: recorded.event).map(KeyFingerprint.init(subject:)),
      index.position(of: subject) == nil
    else { return }
    index.insert(subject, at: recorded.position)
  }

  /// Decides the jobs' commands in order, each against the state that those before it left.
  /// - Parameter now: what the clock says; whatever the last event's time is.
  mutating func decide(
    _ jobs: [Queue.Job], number: UInt64, answers: [Queue.Answer], now: FrameTime
  ) -> WriterBatch<State> {
    index.refresh()
    var batch = WriterBatch<State>(number: number, first: size, jobs: jobs, answers: answers)
    for job in jobs {
      switch job {
      case .one(let envelope, let asker):
        let outcome = outcome(envelope, &batch.events, now)
        batch.add(outcome)
        if case .refused = outcome { break }
        batch.add(asker.look(state))
      case .many(let envelopes, _, _):
        index.prepare(for: envelopes)
        for envelope in envelopes { batch.add(outcome(envelope, &batch.events, now)) }
      }
    }
    size += UInt64(batch.events.count)
    batch.setBytes(Data(encoded), ends: ends)
    encoded.removeAll(keepingCapacity: encoded.capacity <= LogLimits.keptEncodingBytes)
    ends.removeAll(keepingCapacity: true)
    return batch
  }

  private mutating func outcome(
    _ envelope: Queue.Envelope, _ events: inout [RecordedEvent], _ now: FrameTime
  ) -> WriterBatch<State>.Outcome {
    do {
      if let position = index.position(of: envelope.fingerprint) { return .repeated(position) }
      return .accepted(try decide(envelope, &events, now: now))
    } catch {
      metrics.rejected(error)
      return .refused(error)
    }
  }

  private mutating func decide(
    _ envelope: Queue.Envelope, _ events: inout [RecordedEvent], now: FrameTime
  ) throws -> Range<Int> {
    let lastWord = envelope.subject.flatMap { index.position(of: $0) }
    let drafts = try state.decide(
      envelope.command, DecisionContext(now: now, actor: envelope.actor, lastWord: lastWord))
    let start = events.count
    guard !drafts.isEmpty else { return start..<start }
    try appendGuard.check(drafts, actor: envelope.actor, state: state)
    do {
      let actor = envelope.actor.description
      for (offset, draft) in drafts.enumerated() {
        let position = size + UInt64(events.count)
        events.append(try record(draft, envelope, actor, at: position, offset, of: drafts.count, now))
      }
    } catch {
      events.removeSubrange(start...)
      ends.removeSubrange(start...)
      encoded.removeSubrange((ends.last ?? 0)...)
      throw error
    }
    // Nothing can refuse the command any more: only now does it leave a trace.
    for offset in start..<events.count {
      state.evolve(events[offset])
      note(events[offset])
    }
    index.insert(envelope.fingerprint, at: events[start].position)
    lastTime = max(now, lastTime)
    return start..<events.count
  }

  private mutating func record(
    _ draft: EventDraft, _ envelope: Queue.Envelope, _ actor: String, at position: UInt64, _ offset: Int,
    of count: Int, _ now: FrameTime
  ) throws -> RecordedEvent {
    // Times order the log: they stand still while the clock is behind the last one, and then the event says so.
    let time = max(now, lastTime)
    let event = StoredEvent(
      position: position, timeUnixNs: time.unixNanoseconds, actor: actor, idempotencyKey: envelope.key.text,
      commandDigest: envelope.digest, commandIndex: UInt32(offset), commandEvents: UInt32(count),
      postings: draft.postings, clockUnixNs: now < time ? now.unixNanoseconds : 0, payload: draft.payload)
    do { try EventEncoder.append(event, to: &encoded) } catch { throw LogError.damagedEvent(error.words) }
    let count = encoded.count - (ends.last ?? 0)
    guard count <= LogLimits.maximumEventBytes else { throw LogError.eventTooLarge(bytes: count) }
    ends.append(encoded.count)
    return RecordedEvent(event: event, bytes: Data())
  }
}

/// Where a replay begins.
struct ReplayStart<State: FrameState>: Sendable {
  /// What the first `size` events give.
  let state: State
  let size: UInt64
  /// When the last of them was recorded.
  let time: FrameTime
  /// Their keys are among these, and later ones will be.
  let keys: PublishedRuns

  /// The beginning of the log.
  init(initial: State, keys: PublishedRuns) {
    state = initial
    size = 0
    time = FrameTime(unixNanoseconds: .min)
    self.keys = keys
  }

  init(_ restored: RestoredState<State>, keys: PublishedRuns) {
    state = restored.state
    size = restored.size
    time = restored.time
    keys.publish(restored.runs, size: restored.size)
    self.keys = keys
  }
}
