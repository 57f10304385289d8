internal import FrameEvents
internal import Dispatch
internal import Foundation
internal import FrameCore
internal import Logging
internal import Synchronization

/// Makes a snapshot when one is due, on a thread of its own that gives way to all others.
final class SnapshotService<State: FrameState>: Sendable {
  typealias Made = SnapshotMaker<State>.Made
  typealias Reply = CheckedContinuation<UInt64, any Error>

  private struct Schedule {
    var size: UInt64 = 0
    /// The log size at which the next one is made.
    var due: UInt64 = .max
    /// Not before this.
    var earliest = ContinuousClock.now
    /// Who asked for one now.
    var waiting: [Reply] = []
    var isStopping = false
  }

  private let loader: SnapshotLoader<State>
  private let policy: SnapshotPolicy
  private let signer: LogSigner
  private let directory: URL
  private let published: PublishedRuns
  private let metrics: LogMetrics
  private let clock: any FrameClock
  private let logger: Logger
  private let schedule = Mutex(Schedule())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  init(
    loader: SnapshotLoader<State>, policy: SnapshotPolicy, signer: LogSigner, directory: URL,
    published: PublishedRuns, metrics: LogMetrics, clock: any FrameClock, logger: Logger
  ) {
    self.loader = loader
    self.policy = policy
    self.signer = signer
    self.directory = directory
    self.published = published
    self.metrics = metrics
    self.clock = clock
    self.logger = logger
  }

  /// - Parameters:
  ///   - size: durable events.
  ///   - found: the snapshot that the node started from.
  /// - Throws: `LogError.storage`.
  func start(at size: UInt64, found: (name: String, size: UInt64, runs: [KeyRun])?) throws {
    let maker = SnapshotMaker(loader: loader, signer: signer, reader: try LogReader(directory: directory))
    if let found { maker.found(found.name, found.runs) }
    schedule.withLock { schedule in
      schedule.size = size
      schedule.due = policy.isOn ? (found?.size ?? 0) + policy.everyEvents : .max
    }
    let worker = Worker(maker: maker)
    let thread = Thread { [self] in
      #if os(Linux)
        // Of this thread only. Making a snapshot is never urgent; deciding and committing are.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
      #endif
      run(worker.maker)
      ended.signal()
    }
    thread.name = "frame.log.snapshots"
    thread.qualityOfService = .utility
    thread.start()
  }

  /// Hands the maker, which only one thread uses, to that thread.
  private struct Worker: @unchecked Sendable {
    // Made by the thread that starts the service, which lets go of it; used by the service's thread alone.
    let maker: SnapshotMaker<State>
  }

  /// The log has grown.
  func advanced(to size: UInt64) {
    let isDue = schedule.withLock { schedule in
      defer { schedule.size = size }
      return schedule.size < schedule.due && size >= schedule.due
    }
    if isDue { wake.signal() }
  }

  /// Makes a snapshot of what is durable now.
  /// - Returns: the events it covers; 0 when the log is empty.
  /// - Throws: `LogError`.
  func makeNow() async throws -> UInt64 {
    try await withCheckedThrowingContinuation { reply in
      let isStopping = schedule.withLock { schedule in
        if !schedule.isStopping { schedule.waiting.append(reply) }
        return schedule.isStopping
      }
      if isStopping { reply.resume(throwing: LogError.stopped("shut down")) } else { wake.signal() }
    }
  }

  /// Ends the thread and waits for it; a snapshot in the making is given up.
  func stop() {
    schedule.withLock { $0.isStopping = true }
    wake.signal()
    ended.wait()
    ended.signal()
  }

  private var isStopping: Bool { schedule.withLock(\.isStopping) }

  private enum Next {
    case make(UInt64, [Reply])
    case wait(Duration?)
    case end([Reply])
  }

  private func next() -> Next {
    schedule.withLock { schedule in
      if schedule.isStopping {
        defer { schedule.waiting = [] }
        return .end(schedule.waiting)
      }
      let now = ContinuousClock.now
      let isDue = schedule.size >= schedule.due
      guard !schedule.waiting.isEmpty || isDue && now >= schedule.earliest else {
        return .wait(isDue ? schedule.earliest - now : nil)
      }
      defer { schedule.waiting = [] }
      return .make(schedule.size, schedule.waiting)
    }
  }

  private func run(_ maker: SnapshotMaker<State>) {
    while true {
      switch next() {
      case .end(let waiting):
        for reply in waiting { reply.resume(throwing: LogError.stopped("shut down")) }
        return
      case .wait(let time):
        if let time { _ = wake.wait(timeout: .now() + time.inSeconds) } else { wake.wait() }
      case .make(let size, let waiting):
        let result = make(maker, at: size)
        for reply in waiting { reply.resume(with: result) }
      }
    }
  }

  private func make(_ maker: SnapshotMaker<State>, at size: UInt64) -> Result<UInt64, any Error> {
    guard size > 0 else { return .success(0) }
    let start = ContinuousClock.now
    do {
      let made = try maker.make(at: size) { isStopping }
      published.publish(made.runs, size: made.size)
      metrics.snapshots.made(made.size, bytes: made.bytes, runs: made.runs, made.duration, at: clock.now())
      plan(from: made.size, after: made.overhead * policy.restFactor)
      logger.info("made a snapshot", metadata: ["events": "\(made.size)", "bytes": "\(made.bytes)"])
      return .success(made.size)
    } catch is SnapshotMaker<State>.Interrupted {
      return .failure(LogError.stopped("shut down"))
    } catch {
      metrics.snapshots.failures.increment()
      logger.error("a snapshot could not be made", metadata: ["error": "\(error.report)"])
      // Not at once again: what is wrong with the disk now will be wrong in a moment.
      plan(from: size, after: max(.seconds(60), (ContinuousClock.now - start) * policy.restFactor))
      return .failure(error)
    }
  }

  private func plan(from size: UInt64, after rest: Duration) {
    schedule.withLock { schedule in
      schedule.due = policy.isOn ? size + policy.everyEvents : .max
      schedule.earliest = .now + rest
    }
  }
}
