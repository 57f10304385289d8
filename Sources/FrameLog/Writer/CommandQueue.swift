internal import FrameEvents
internal import Dispatch
internal import FrameCore
internal import Synchronization

/// The way from callers to the writer's threads: bounded, in order, and closed for good when the writer stops.
final class CommandQueue<State: FrameState>: Sendable {
  typealias Envelope = CommandEnvelope<State.Command>
  typealias Replies = CheckedContinuation<[Result<Committed, any Error>], Never>

  /// Who submitted a command alone.
  struct Asker: Sendable {
    /// Looks at the state as the command has left it.
    let look: @Sendable (State) -> Reply
    /// Nothing was decided, or nobody knows.
    let fail: @Sendable (any Error) -> Void
  }

  /// Hands over what the command did, with what was seen then.
  typealias Reply = @Sendable (Result<Committed, any Error>) -> Void

  /// Commands in order of arrival.
  enum Job: Sendable {
    case one(Envelope, Asker)
    /// - weight: the sum of the envelopes'.
    case many([Envelope], weight: Int, Replies)

    var commands: Int {
      switch self {
      case .one: 1
      case .many(let envelopes, _, _): envelopes.count
      }
    }

    /// What it counts for in the queue's and a batch's limits.
    var weight: Int {
      switch self {
      case .one(let envelope, _): envelope.weight
      case .many(_, let weight, _): weight
      }
    }
  }

  /// Hands over what was found, or the failure because of which it may not be known.
  typealias Answer = @Sendable (LogError?) -> Void

  /// Questions that are looked at between batches, and answered when the state that they saw is durable.
  enum Query {
    case read(@Sendable (Result<State, LogError>) -> Answer)
    case committed(IdempotencyKey, CheckedContinuation<Committed?, any Error>)
    case lastWord(KeyFingerprint, CheckedContinuation<UInt64?, any Error>)
  }

  /// Jobs and queries that were ever taken in: how often somebody came to the writer.
  var visits: Int { waiting.withLock(\.visits) }

  struct Work {
    var jobs: [Job] = []
    var queries: [Query] = []
  }

  private struct Waiting {
    var jobs: [Job] = []
    /// Jobs before this index were taken; they are removed when they are most of the array.
    var taken = 0
    var queries: [Query] = []
    /// The sum of their weights.
    var weight = 0
    var visits = 0
    var sleeping = false
    var closed: LogError?
  }

  private let waiting = Mutex(Waiting())
  private let wakeUp = DispatchSemaphore(value: 0)

  /// Commands that wait now, each by its weight.
  var depth: Int { waiting.withLock(\.weight) }

  /// - Returns: why the job was not taken, or nil.
  func add(_ job: Job) -> LogError? {
    add(job.weight) { $0.jobs.append(job) }
  }

  func add(_ query: Query) -> LogError? {
    add(0) { $0.queries.append(query) }
  }

  private func add(_ weight: Int, _ insert: (inout Waiting) -> Void) -> LogError? {
    let (error, wake) = waiting.withLock { state -> (LogError?, Bool) in
      if let closed = state.closed { return (closed, false) }
      if weight > 0, state.weight + weight > LogLimits.maximumQueuedCommands {
        return (.overloaded(queued: state.weight), false)
      }
      insert(&state)
      state.visits += 1
      state.weight += weight
      defer { state.sleeping = false }
      return (nil, state.sleeping)
    }
    if wake { wakeUp.signal() }
    return error
  }

  /// Blocks until there is work. Jobs are taken in order up to a weight of `limit`, but at least one job.
  /// - Returns: nil when the queue is closed and nothing is left.
  func take(limit: Int) -> Work? {
    while true {
      let (work, done) = waiting.withLock { state -> (Work?, Bool) in
        guard !state.queries.isEmpty || state.taken < state.jobs.count else {
          state.sleeping = state.closed == nil
          return (nil, state.closed != nil)
        }
        return (Self.next(&state, limit), false)
      }
      if let work { return work }
      if done { return nil }
      wakeUp.wait()
    }
  }

  private static func next(_ state: inout Waiting, _ limit: Int) -> Work {
    var work = Work()
    swap(&work.queries, &state.queries)
    if state.taken == 0, state.weight <= limit {
      swap(&work.jobs, &state.jobs)
      state.weight = 0
      return work
    }
    var weight = 0
    while state.taken < state.jobs.count {
      let job = state.jobs[state.taken]
      let more = job.weight
      if weight > 0, weight + more > limit { break }
      work.jobs.append(job)
      weight += more
      state.taken += 1
    }
    state.weight -= weight
    // Under constant load the queue is never empty: what was taken is let go of as soon as it is most of the array.
    if state.taken * 2 >= state.jobs.count {
      state.jobs.removeFirst(state.taken)
      state.taken = 0
    }
    return work
  }

  /// Nothing is taken in from now on; what waits is still served. The first reason stays.
  func close(_ reason: LogError) {
    let wake = waiting.withLock { state in
      if state.closed == nil { state.closed = reason }
      defer { state.sleeping = false }
      return state.sleeping
    }
    if wake { wakeUp.signal() }
  }
}
