internal import FrameEvents
internal import Foundation
internal import FrameCore
internal import FrameProtos

/// Decided commands on their way to the disk, and how each will be answered once they are there.
struct WriterBatch<State: FrameState>: Sendable {
  typealias Queue = CommandQueue<State>

  enum Outcome: Sendable {
    /// The command's events in the batch.
    case accepted(Range<Int>)
    /// The key was seen before, at this position; it may be one of this batch.
    case repeated(UInt64)
    case refused(any Error)
  }

  /// The batch's place among all batches, from 0.
  let number: UInt64
  /// The position of its first event.
  let first: UInt64
  let jobs: [Queue.Job]
  /// Looks at the state as it was before this batch, to be answered when that is durable.
  let answers: [Queue.Answer]
  /// One per command, in the order of the jobs.
  private(set) var outcomes: [Outcome] = []
  private(set) var hasRepetitions = false
  /// Of the jobs of one command that were not refused, in their order.
  private var replies: [Queue.Reply] = []
  /// They become durable together.
  var events: [RecordedEvent] = []

  init(number: UInt64, first: UInt64, jobs: [Queue.Job], answers: [Queue.Answer]) {
    self.number = number
    self.first = first
    self.jobs = jobs
    self.answers = answers
    let commands = jobs.reduce(0) { $0 + $1.commands }
    outcomes.reserveCapacity(commands)
    events.reserveCapacity(commands)
  }

  mutating func add(_ outcome: Outcome) {
    if case .repeated = outcome { hasRepetitions = true }
    outcomes.append(outcome)
  }

  /// For the command that was added last, which came alone.
  mutating func add(_ reply: @escaping Queue.Reply) { replies.append(reply) }

  /// Gives each event its own part of `bytes`.
  /// - Parameter ends: where each event's part ends.
  mutating func setBytes(_ bytes: Data, ends: [Int]) {
    precondition(ends.count == events.count && ends.last ?? 0 == bytes.count, "events and their bytes differ")
    var start = 0
    for (index, end) in ends.enumerated() {
      events[index].bytes = bytes[start..<end]
      start = end
    }
  }

  /// The results of the repeated commands, by their index among all commands.
  /// - Parameter stored: the events of the command that begins at a position before this batch.
  func repetitions(
    _ stored: (UInt64) throws -> [RecordedEvent]
  ) -> [Int: Result<Committed, any Error>] {
    var results: [Int: Result<Committed, any Error>] = [:]
    var next = 0
    func resolve(_ envelope: Queue.Envelope) {
      defer { next += 1 }
      guard case .repeated(let position) = outcomes[next] else { return }
      results[next] = Result {
        let events = position >= first ? command(at: Int(position - first)) : try stored(position)
        try Self.compare(envelope, events[0].event)
        return Committed(events: events, replayed: true)
      }
    }
    for job in jobs {
      switch job {
      case .one(let envelope, _): resolve(envelope)
      case .many(let envelopes, _, _): for envelope in envelopes { resolve(envelope) }
      }
    }
    return results
  }

  private func command(at start: Int) -> [RecordedEvent] {
    Array(events[start..<start + Int(events[start].event.commandEvents)])
  }

  private static func compare(_ envelope: Queue.Envelope, _ first: StoredEvent) throws {
    guard first.idempotencyKey == envelope.key.text, first.commandDigest == envelope.digest else {
      throw LogError.idempotencyConflict(
        key: envelope.key.text, first: hex(first.commandDigest), now: hex(envelope.digest))
    }
  }

  private static func hex(_ digest: Data) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Answers every caller: the batch is durable.
  func answer(_ repetitions: [Int: Result<Committed, any Error>], _ metrics: LogMetrics) {
    for result in repetitions.values {
      switch result {
      case .success: metrics.replays.increment()
      case .failure(let error): metrics.rejected(error)
      }
    }
    var (next, answered) = (0, 0)
    for job in jobs {
      switch job {
      case .one(_, let asker):
        if case .refused(let error) = outcomes[next] {
          asker.fail(error)
        } else {
          replies[answered](result(next, repetitions))
          answered += 1
        }
        next += 1
      case .many(let envelopes, _, let replies):
        replies.resume(returning: (next..<next + envelopes.count).map { result($0, repetitions) })
        next += envelopes.count
      }
    }
  }

  private func result(
    _ index: Int, _ repetitions: [Int: Result<Committed, any Error>]
  ) -> Result<Committed, any Error> {
    switch outcomes[index] {
    case .accepted(let range): .success(Committed(events: CommandEvents(events, range), replayed: false))
    case .refused(let error): .failure(error)
    // Pair assertion: `repetitions` has resolved every one of them.
    case .repeated(let position):
      repetitions[index] ?? .failure(LogError.damagedLog("position \(position) was not looked up"))
    }
  }
}
