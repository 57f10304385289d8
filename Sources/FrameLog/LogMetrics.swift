internal import FrameCore
package import FrameMetrics

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
    queueDepth = registry.gauge("frame_log_queue_depth", help: "Commands that wait for the writer.")
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
    for code in ["idempotency_conflict", "event_too_large", "log_overloaded"] { _ = rejections.with(code) }
    registry.info(
      "frame_log_storage_info", help: "The storage library that is linked at run time.",
      ["engine": StorageLibrary.name, "version": StorageLibrary.version])
  }

  /// Series of refusals that exist from the start, so that the first one of a reason counts as an increase.
  package func prepare(reasons: [String]) {
    for reason in reasons { _ = rejections.with(reason) }
  }

  func rejected(_ error: any Error) {
    rejections.with((error as? any FrameError)?.code ?? "internal").increment()
  }

  func signed(_ size: UInt64, at time: FrameTime) {
    checkpointSize.set(Int64(clamping: size))
    checkpointTime.set(time.seconds)
  }
}
