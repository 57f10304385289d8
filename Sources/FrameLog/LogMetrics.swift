internal import FrameEvents
package import FrameCore
package import FrameMetrics
package import Foundation

/// What the log says of itself.
package struct LogMetrics: Sendable {
  let events: Counter
  let size: Gauge
  let bytes: Counter
  let commits: Counter
  let commitDuration: Histogram
  let syncDuration: Histogram
  let batchEvents: Histogram
  let queueDepth: Gauge
  let busySince: Gauge
  let rejections: CounterFamily
  let replays: Counter
  let checkpointSize: Gauge
  let checkpointTime: Gauge
  let checkpointFailures: Counter
  let stopped: Gauge
  let snapshots: SnapshotFigures
  let history: HistoryFigures
  let clock: ClockFigures
  private let startDuration: GaugeFamily

  package init(_ registry: MetricRegistry) {
    events = registry.counter("frame_log_events_total", help: "Events appended since the node started.")
    size = registry.gauge("frame_log_size_events", help: "Durable events in the log.", unit: .events)
    bytes = registry.counter("frame_log_bytes_total", help: "Bytes of events appended since the node started.")
    commits = registry.counter("frame_log_commits_total", help: "Durable transactions since the node started.")
    commitDuration = registry.histogram(
      "frame_log_commit_duration_seconds", help: "Time to make a batch durable.", unit: .seconds)
    syncDuration = registry.histogram(
      "frame_log_sync_duration_seconds",
      help: "The disk's part of making a batch durable: from all events written to all of them synced.", unit: .seconds)
    batchEvents = registry.histogram(
      "frame_log_batch_events", help: "Events in one durable transaction.", unit: .events, buckets: .count)
    queueDepth = registry.gauge(
      "frame_log_queue_depth", help: "Commands that wait for the writer, each counted by the events it may make.")
    busySince = registry.gauge(
      "frame_log_busy_since_timestamp_seconds",
      help: "When the oldest batch that is not yet durable was taken up; 0 when the writer is idle.", unit: .seconds)
    rejections = registry.counter(
      "frame_log_rejections_total", help: "Commands that were refused, by stable error code.", labels: ["reason"])
    replays = registry.counter(
      "frame_log_replays_total", help: "Commands answered with the result of an earlier one with the same key.")
    checkpointSize = registry.gauge(
      "frame_log_checkpoint_size_events", help: "Log size of the newest signed checkpoint.", unit: .events)
    checkpointTime = registry.gauge(
      "frame_log_checkpoint_timestamp_seconds",
      help: "When the newest checkpoint of this process was signed or, at start, verified.", unit: .seconds)
    checkpointFailures = registry.counter(
      "frame_log_checkpoint_failures_total", help: "Checkpoints that could not be read back, signed or kept.")
    stopped = registry.gauge(
      "frame_log_stopped", help: "1 when a write has failed and the log takes no more commands, else 0.")
    startDuration = registry.gauge(
      "frame_log_start_duration_seconds",
      help: "How long the last start took: reading a snapshot, hashing and replaying what came after it.",
      unit: .seconds, labels: ["phase"])
    for phase in ["snapshot", "hash", "replay"] { startDuration.with(phase).set(0) }
    snapshots = SnapshotFigures(registry)
    history = HistoryFigures(registry)
    clock = ClockFigures(registry)
    for code in ["idempotency_conflict", "event_too_large", "log_overloaded"] { _ = rejections.with(code) }
    registry.info(
      "frame_log_storage_info", help: "The storage library that is linked at run time.",
      ["engine": StorageLibrary.name, "version": StorageLibrary.version])
  }

  /// Series of refusals that exist from the start, so that the first one of a reason counts as an increase.
  package func prepare(reasons: [String]) {
    for reason in reasons { _ = rejections.with(reason) }
  }

  /// Durable transactions since the start.
  package var commitCount: Int { Int(commits.value) }
  func rejected(_ error: any Error) {
    rejections.with((error as? any FrameError)?.code ?? "internal").increment()
  }

  /// - Parameter phase: `snapshot`, `hash` or `replay`; the last two run at the same time.
  func started(_ phase: String, in duration: Duration) { startDuration.with(phase).set(duration.inSeconds) }

  package func signed(_ size: UInt64, at time: FrameTime) {
    checkpointSize.set(Int64(clamping: size))
    checkpointTime.set(time.seconds)
  }
}

/// What is kept beside the log so that a start need not replay all of it.
struct SnapshotFigures: Sendable {
  private let size: Gauge
  private let bytes: Gauge
  private let time: Gauge
  private let duration: Histogram
  private let runs: Gauge
  private let runBytes: Gauge
  let interval: Gauge
  let failures: Counter
  let refusals: CounterFamily

  init(_ registry: MetricRegistry) {
    size = registry.gauge(
      "frame_log_snapshot_size_events", help: "Events that the newest snapshot covers; 0 when there is none.",
      unit: .events)
    bytes = registry.gauge(
      "frame_log_snapshot_size_bytes", help: "Size of the newest snapshot, without the runs of keys.", unit: .bytes)
    time = registry.gauge(
      "frame_log_snapshot_timestamp_seconds",
      help: "When the newest snapshot was made or, at start, found; 0 when there is none.", unit: .seconds)
    interval = registry.gauge(
      "frame_log_snapshot_interval_events", help: "Events after which a snapshot is due; 0 when none are made.",
      unit: .events)
    duration = registry.histogram(
      "frame_log_snapshot_duration_seconds", help: "Time to make a snapshot.", unit: .seconds)
    failures = registry.counter("frame_log_snapshot_failures_total", help: "Snapshots that could not be made.")
    refusals = registry.counter(
      "frame_log_snapshot_refused_total", help: "Snapshots that were found and not used, by reason.",
      labels: ["reason"])
    runs = registry.gauge("frame_log_key_runs", help: "Files that hold the idempotency keys of the newest snapshot.")
    runBytes = registry.gauge("frame_log_key_runs_bytes", help: "Size of those files.", unit: .bytes)
    for code in SnapshotRefusal.codes { _ = refusals.with(code) }
  }

  func found(_ events: UInt64, bytes count: Int, runs files: [KeyRun], at now: FrameTime) {
    size.set(Int64(clamping: events))
    bytes.set(Int64(count))
    time.set(now.seconds)
    runs.set(Int64(files.count))
    runBytes.set(Int64(files.reduce(0) { $0 + $1.bytes }))
  }

  func made(_ events: UInt64, bytes count: Int, runs files: [KeyRun], _ time: Duration, at now: FrameTime) {
    found(events, bytes: count, runs: files, at: now)
    duration.observe(time)
  }
}

/// What the clock does to the log.
struct ClockFigures: Sendable {
  private let registry: MetricRegistry
  private let logAhead: Gauge
  private let held: Gauge
  private let steps: CounterFamily
  private let returns: CounterFamily

  init(_ registry: MetricRegistry) {
    self.registry = registry
    logAhead = registry.gauge(
      "frame_clock_log_ahead_seconds",
      help: "How far the time of the log's last event is ahead of the clock; 0 is right.", unit: .seconds)
    held = registry.gauge(
      "frame_clock_held_seconds",
      help:
        "How far the clock is ahead of the time that the log counts by after a step that it does not follow yet; 0 is right.",
      unit: .seconds)
    steps = registry.counter(
      "frame_clock_steps_total", help: "Times that the wall clock was set, seen against the steady clock.",
      labels: ["direction"])
    returns = registry.counter(
      "frame_clock_returns_total",
      help: "Times that a clock that was set, in that direction, was set right again and was followed at once.",
      labels: ["direction"])
    for direction in ClockGuard.Step.Direction.allCases {
      _ = steps.with(direction.rawValue)
      _ = returns.with(direction.rawValue)
    }
  }

  /// Has the clock looked at with each scrape: a node that writes nothing sees a step too.
  func look(_ body: @escaping @Sendable () -> Void) { registry.onCollect("clock") { _ in body() } }

  func stepped(_ direction: ClockGuard.Step.Direction) { steps.with(direction.rawValue).increment() }

  func returned(_ direction: ClockGuard.Step.Direction) { returns.with(direction.rawValue).increment() }

  func set(logAhead ahead: Duration, held duration: Duration) {
    logAhead.set(max(0, ahead.inSeconds))
    held.set(duration.inSeconds)
  }
}

/// What questions about the past cost.
struct HistoryFigures: Sendable {
  let duration: Histogram
  let events: Counter

  init(_ registry: MetricRegistry) {
    duration = registry.histogram(
      "frame_log_history_duration_seconds", help: "Time to answer a question about the past.", unit: .seconds)
    events = registry.counter(
      "frame_log_history_events_total", help: "Events replayed to answer questions about the past.")
  }
}

/// What a node says of itself as a witness, and of its own witnesses.
package struct WitnessMetrics: Sendable {
  /// As a witness of other logs.
  package let witnessedSize: GaugeFamily
  package let requests: CounterFamily
  package let equivocations: GaugeFamily
  /// As a log that is witnessed.
  package let cosignatureTime: GaugeFamily
  package let submissions: CounterFamily
  package let cosignedSize: Gauge
  package let forkAccepted: Gauge
  package let behind: Gauge
  package let forked: Gauge

  package init(_ registry: MetricRegistry) {
    witnessedSize = registry.gauge(
      "frame_witness_size_events", help: "Size of the peer's log that this node last witnessed.", unit: .events,
      absent: true,
      labels: ["peer"])
    requests = registry.counter(
      "frame_witness_requests_total", help: "add-checkpoint requests served as a witness, by result.",
      labels: ["result"])
    equivocations = registry.gauge(
      "frame_peer_equivocations",
      help: "Proofs held that the peer's log has two histories; the treaty is stopped while it is not 0.",
      labels: ["peer"])
    cosignatureTime = registry.gauge(
      "frame_log_cosignature_timestamp_seconds", help: "When the witness last cosigned this node's log; 0 for never.",
      labels: ["witness"])
    submissions = registry.counter(
      "frame_log_witness_submissions_total", help: "Checkpoints submitted to a witness, by result.",
      labels: ["witness", "result"])
    cosignedSize = registry.gauge(
      "frame_log_cosigned_size_events", help: "Log size of the newest checkpoint that a witness cosigned.",
      unit: .events)
    forkAccepted = registry.gauge(
      "frame_log_fork_accepted", help: "1 when the node was told to serve a log behind what it once signed, else 0.")
    behind = registry.gauge(
      "frame_log_behind_witness_events",
      help: "Events that a witness holds our signature for and the log does not have; 0 is right.", unit: .events)
    forked = registry.gauge(
      "frame_log_forked",
      help: "1 when a witness has shown a checkpoint that this node's key signed and its log does not have, else 0.")
    for result in WitnessAnswer.results { _ = requests.with(result) }
    cosignedSize.set(Int64(0))
    forkAccepted.set(false)
    behind.set(Int64(0))
    forked.set(false)
  }

  /// Series that the rules need exist from the treaty, or the start, on; 0 is never.
  package func prepare(witness: String) {
    _ = submissions.with(witness, "ok")
    _ = submissions.with(witness, "unavailable")
    _ = cosignatureTime.with(witness)
  }

  package func forget(witness: String) { cosignatureTime.remove(witness) }
}

/// Room on the file system that holds the data, read at each scrape.
package enum StorageMetrics {
  /// - Parameter directory: exists while the node runs.
  package static func register(in registry: MetricRegistry, directory: URL) {
    let free = registry.gauge(
      "frame_storage_free_bytes", help: "Free bytes on the file system of the data folder, for this user.",
      unit: .bytes, absent: true)
    let size = registry.gauge(
      "frame_storage_size_bytes", help: "Size of the file system of the data folder.", unit: .bytes, absent: true)
    let path = directory.path
    registry.onCollect("storage") { _ in
      var found = statvfs()
      guard statvfs(path, &found) == 0 else {
        free.clear()
        size.clear()
        return
      }
      free.set(Int64(clamping: UInt64(found.f_bavail) * UInt64(found.f_frsize)))
      size.set(Int64(clamping: UInt64(found.f_blocks) * UInt64(found.f_frsize)))
    }
  }
}
