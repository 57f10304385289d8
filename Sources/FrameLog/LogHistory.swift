internal import Dispatch
internal import Foundation
package import FrameCore
internal import FrameProtos
internal import Synchronization

/// A point in a log's past.
package enum PastPoint: Sendable, Equatable {
  /// Right after the event at this position.
  case position(UInt64)
  /// After all events recorded up to this time.
  case time(FrameTime)
}

/// What was asked of a state of the past.
package struct PastValue<Value: Sendable>: Sendable {
  /// The number of events it is after.
  package let size: UInt64
  /// When the last of them was recorded; nil before the first event.
  package let time: FrameTime?
  package let value: Value
}

/// The state as it was, by replay from the nearest snapshot before it: one question at a time, on a queue of its own, with a
/// connection of its own. The writer is not involved.
final class LogHistory<State: FrameState>: Sendable {
  private let loader: SnapshotLoader<State>
  private let reader: LogReader
  private let metrics: LogMetrics
  private let queue = DispatchQueue(label: "frame.log.history", qos: .utility)
  private let waiting = Atomic<Int>(0)

  /// - Throws: `LogError.storage`.
  init(loader: SnapshotLoader<State>, directory: URL, metrics: LogMetrics) throws {
    self.loader = loader
    self.metrics = metrics
    reader = try LogReader(directory: directory)
  }

  func close() { reader.close() }

  /// Asked and not answered.
  var questions: Int { waiting.load(ordering: .relaxed) }

  /// - Parameter durable: the number of durable events.
  /// - Throws: `LogError.noSuchPosition`, `.historyBusy`, `.storage`, `.damagedLog`, `.damagedEvent`; what `body` throws.
  func past<Value: Sendable>(
    _ point: PastPoint, durable: UInt64, _ body: @escaping @Sendable (State) throws -> Value
  ) async throws -> PastValue<Value> {
    if case .position(let position) = point, position >= durable {
      throw LogError.noSuchPosition(position, size: durable)
    }
    guard waiting.wrappingAdd(1, ordering: .relaxed).oldValue < LogLimits.maximumPastQuestions else {
      waiting.wrappingSubtract(1, ordering: .relaxed)
      throw LogError.historyBusy(waiting: LogLimits.maximumPastQuestions)
    }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in
        let result = Result { try replay(point, durable, body) }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        continuation.resume(with: result)
      }
    }
  }

  private func replay<Value: Sendable>(
    _ point: PastPoint, _ durable: UInt64, _ body: (State) throws -> Value
  ) throws -> PastValue<Value> {
    let start = ContinuousClock.now
    let size = try reader.size(at: point, upTo: durable)
    let restored = size > 0 ? loader.newest(upTo: size, reader, check: .lastEvent) : nil
    var state = restored?.state ?? loader.initial
    var time = restored?.time
    let base = restored?.size ?? 0
    try reader.scan(from: base, to: size) { _, bytes in
      let recorded = try RecordedEvent(bytes: bytes)
      time = recorded.time
      state.evolve(recorded)
    }
    defer {
      metrics.history.duration.observe(ContinuousClock.now - start)
      metrics.history.events.increment(by: size - base)
    }
    return PastValue(size: size, time: time, value: try body(state))
  }
}

extension LogReader {
  /// The log as it was at `point`.
  /// - Parameter durable: the number of durable events.
  /// - Throws: `LogError.noSuchPosition`, `.storage`, `.damagedLog`, `.damagedEvent`.
  package func past(_ point: PastPoint, durable: UInt64) throws -> PastValue<Void> {
    let size = try size(at: point, upTo: durable)
    var time: FrameTime?
    if size > 0 { try scan(from: size - 1, to: size) { time = try RecordedEvent(bytes: $1).time } }
    return PastValue(size: size, time: time, value: ())
  }

  /// The number of events that `point` is after.
  /// - Throws: `LogError.noSuchPosition`, `.storage`, `.damagedLog`, `.damagedEvent`.
  fileprivate func size(at point: PastPoint, upTo durable: UInt64) throws -> UInt64 {
    switch point {
    case .position(let position) where position >= durable: throw LogError.noSuchPosition(position, size: durable)
    case .position(let position): position + 1
    case .time(let time): try size(at: time, upTo: durable)
    }
  }

  /// The number of events recorded up to `time`. Times never run back in a log, so it is found by halving.
  private func size(at time: FrameTime, upTo durable: UInt64) throws -> UInt64 {
    var (low, high) = (UInt64(0), durable)
    while low < high {
      let middle = low + (high - low) / 2
      var isAfter = false
      try scan(from: middle, to: middle + 1) { isAfter = try RecordedEvent(bytes: $1).time > time }
      if isAfter { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension Writer {
  /// Looks at the state as it was at `point`, by replay from the nearest snapshot. Takes as long as the replay does; one at
  /// a time, and few may wait.
  /// - Throws: `LogError.noSuchPosition`, `.historyBusy`, `.storage`, `.damagedLog`, `.damagedEvent`; what `body` throws.
  package func past<Value: Sendable>(
    _ point: PastPoint, _ body: @escaping @Sendable (State) throws -> Value
  ) async throws -> PastValue<Value> {
    try await history.past(point, durable: durableSize(), body)
  }

  /// Makes a snapshot of everything that is durable now, whether one is due or not.
  /// - Returns: the events it covers; 0 when the log is empty and none was made.
  /// - Throws: `LogError.storage`, `.stopped`, `.damagedLog`, `.damagedEvent`.
  package func makeSnapshot() async throws -> UInt64 { try await snapshots.makeNow() }
}
