internal import FrameEvents
internal import Foundation
internal import FrameCore
internal import Logging

/// How a writer comes to its state: from a snapshot and the events after it, or from all events.
struct WriterStart<State: FrameState>: Sendable {
  let loader: SnapshotLoader<State>
  let snapshots: SnapshotService<State>
  private let directory: URL
  private let policy: SnapshotPolicy
  private let published = PublishedRuns()
  private let metrics: LogMetrics
  private let clock: any FrameClock
  private let logger: Logger

  init(
    directory: URL, initial: State, signer: LogSigner, policy: SnapshotPolicy, metrics: LogMetrics,
    clock: any FrameClock, logger: Logger
  ) {
    self.directory = directory
    self.policy = policy
    self.metrics = metrics
    self.clock = clock
    self.logger = logger
    metrics.snapshots.interval.set(Int64(clamping: policy.everyEvents))
    loader = SnapshotLoader(
      folder: SnapshotFolder(of: directory), initial: initial, key: signer.verifierKey, program: policy.program,
      refused: { name, refusal in
        metrics.snapshots.refusals.with(refusal.code).increment()
        logger.warning("a snapshot is not used", metadata: ["name": "\(name)", "why": "\(refusal)"])
      })
    snapshots = SnapshotService(
      loader: loader, policy: policy, signer: signer, directory: directory, published: published, metrics: metrics,
      clock: clock, logger: logger)
  }

  /// Opens the log, finds its state and starts making snapshots. Blocks; on the writer's thread.
  /// - Parameter opened: told, before the replay, what of the log's tree need not be hashed again.
  /// - Throws: as `Decider.init`, and what `openEngine` throws.
  func open<Guard: AppendGuard>(
    guard appendGuard: Guard, clock: GuardedClock, openEngine: (URL) throws -> any StorageEngine,
    _ opened: (LogTree) -> Void
  ) throws -> WriterLoop<State, Guard> where Guard.State == State {
    let engine = try openEngine(directory)
    let restored = try restore()
    opened(restored?.tree ?? LogTree())
    let begin = ContinuousClock.now
    let loop = try WriterLoop(
      engine: engine,
      from: restored.map { ReplayStart($0, keys: published) } ?? ReplayStart(initial: loader.initial, keys: published),
      guard: appendGuard, clock: clock, metrics: metrics, logger: logger)
    clock.checkStart()
    metrics.started("replay", in: ContinuousClock.now - begin)
    try snapshots.start(at: loop.replayedSize, found: restored.map { ($0.name, $0.size, $0.runs) })
    return loop
  }

  private func restore() throws -> RestoredState<State>? {
    guard policy.isOn else { return nil }
    let begin = ContinuousClock.now
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    let restored = loader.newest(reader, check: .everything)
    metrics.started("snapshot", in: ContinuousClock.now - begin)
    guard let restored else { return nil }
    metrics.snapshots.found(restored.size, bytes: restored.bytes, runs: restored.runs, at: clock.now())
    logger.info("starting from a snapshot", metadata: ["name": "\(restored.name)", "events": "\(restored.size)"])
    return restored
  }
}
