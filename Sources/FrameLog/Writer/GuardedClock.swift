internal import FrameCore
internal import Logging
internal import Synchronization

/// The time that a log counts by: the wall clock under a ``ClockGuard``, which says aloud when it was set.
final class GuardedClock: FrameClock {
  private let clock: any FrameClock
  private let clockGuard = Mutex(ClockGuard())
  /// Of the log's last event.
  private let last = Atomic<Int64>(.min)
  private let metrics: ClockFigures
  private let logger: Logger

  init(_ clock: any FrameClock, metrics: ClockFigures, logger: Logger) {
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    metrics.look { [weak self] in _ = self?.now() }
  }

  func now() -> FrameTime {
    // Both are read under the lock: a thread that was put aside between its two readings would look like a step.
    let reading = clockGuard.withLock { $0.read(wall: clock.now(), steady: clock.steady()) }
    publish(reading)
    return reading.time
  }

  func steady() -> Duration { clock.steady() }
  func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }

  /// The log's last event has this time.
  func recorded(_ time: FrameTime) { last.store(time.unixNanoseconds, ordering: .relaxed) }

  /// Says it when the log that was opened is ahead of the clock.
  func checkStart() {
    let now = now()
    let ahead = ahead(of: now)
    guard ahead > ClockGuard.tolerance else { return }
    logger.error(
      "the log is ahead of the clock: is the clock right?",
      metadata: [
        "last_event": "\(FrameTime(unixNanoseconds: last.load(ordering: .relaxed)))", "clock": "\(now)",
        "ahead_seconds": "\(Int(ahead.inSeconds))",
        "meaning": "new events keep the last event's time; holds, licences and rates go by the clock",
      ])
  }

  private func ahead(of now: FrameTime) -> Duration {
    let last = last.load(ordering: .relaxed)
    return last == .min ? .zero : FrameTime(unixNanoseconds: last) - now
  }

  private func publish(_ reading: ClockGuard.Reading) {
    metrics.set(logAhead: ahead(of: reading.time), held: reading.held)
    if let step = reading.step {
      metrics.stepped(step.direction)
      logger.error(
        "the clock was set",
        metadata: [
          "direction": "\(step.direction.rawValue)", "by_seconds": "\(step.by.inSeconds)",
          "counted_by": "\(reading.time)",
        ])
    }
    if let direction = reading.returned {
      metrics.returned(direction)
      logger.notice(
        "the clock is back where it was before it was set",
        metadata: ["direction": "\(direction.rawValue)", "now": "\(reading.time)"])
    }
    if reading.follows {
      logger.error(
        "the clock was set forward and has stood since: it is followed", metadata: ["now": "\(reading.time)"])
    }
  }
}
