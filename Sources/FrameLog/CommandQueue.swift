internal import Dispatch
internal import FrameCore
internal import Synchronization

/// The way from callers to the writer's threads: bounded, in order, and closed for good when the writer stops.
final class CommandQueue<State: FrameState>: Sendable {
  typealias Envelope = CommandEnvelope<State.Command>
  typealias Reply = CheckedContinuation<Committed, any Error>
  typealias Replies = CheckedContinuation<[Result<Committed, any Error>], Never>

  /// Commands in order of arrival.
  enum Job: Sendable {
    case one(Envelope, Reply)
    case many([Envelope], Replies)

    var commands: Int {
      switch self {
      case .one: 1
      case .many(let envelopes, _): envelopes.count
      }
    }
  }

  /// Hands over what was found, or the failure because of which it may not be known.
  typealias Answer = @Sendable (LogError?) -> Void

  /// Questions that are looked at between batches, and answered when the state that they saw is durable.
  enum Query {
    case read(@Sendable (Result<State, LogError>) -> Answer)
    case committed(IdempotencyKey, CheckedContinuation<Committed?, any Error>)
  }

  struct Work {
    var jobs: [Job] = []
    var queries: [Query] = []
  }

  private struct Waiting {
    var jobs: [Job] = []
    /// Jobs before this index were taken; they are removed when they are most of the array.
    var taken = 0
    var queries: [Query] = []
    var commands = 0
    var sleeping = false
    var closed: LogError?
  }

  private let waiting = Mutex(Waiting())
  private let wakeUp = DispatchSemaphore(value: 0)

  /// Commands that wait now.
  var depth: Int { waiting.withLock(\.commands) }

  /// - Returns: why the job was not taken, or nil.
  func add(_ job: Job) -> LogError? {
    add(job.commands) { $0.jobs.append(job) }
  }

  func add(_ query: Query) -> LogError? {
    add(0) { $0.queries.append(query) }
  }

  private func add(_ commands: Int, _ insert: (inout Waiting) -> Void) -> LogError? {
    let (error, wake) = waiting.withLock { state -> (LogError?, Bool) in
      if let closed = state.closed { return (closed, false) }
      if commands > 0, state.commands + commands > LogLimits.maximumQueuedCommands {
        return (.overloaded(queued: state.commands), false)
      }
      insert(&state)
      state.commands += commands
      defer { state.sleeping = false }
      return (nil, state.sleeping)
    }
    if wake { wakeUp.signal() }
    return error
  }

  /// Blocks until there is work. Jobs are taken in order up to `limit` commands, but at least one job.
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
    if state.taken == 0, state.commands <= limit {
      swap(&work.jobs, &state.jobs)
      state.commands = 0
      return work
    }
    var commands = 0
    while state.taken < state.jobs.count {
      let job = state.jobs[state.taken]
      if commands > 0, commands + job.commands > limit { break }
      work.jobs.append(job)
      commands += job.commands
      state.taken += 1
    }
    state.commands -= commands
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
