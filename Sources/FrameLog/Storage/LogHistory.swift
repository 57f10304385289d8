internal import FrameEvents
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

/// Who asks about the past, for the share that is its own.
package enum PastAsker: Sendable, Hashable {
  /// The frame itself: its authority, its own parts.
  case frame
  /// Somebody who is answered beside others.
  case tenant(String)
}

/// The state as it was, by replay from the nearest snapshot before it: one question at a time, on a queue of its own, with a
/// connection of its own. The writer is not involved.
///
/// The frame has a queue to itself; of the other, nobody takes more than its share.
final class LogHistory<State: FrameState>: Sendable {
  private final class Lane: Sendable {
    let reader: LogReader
    let queue: DispatchQueue
    let waiting = Mutex<[PastAsker: Int]>([:])

    init(directory: URL, label: String) throws {
      reader = try LogReader(directory: directory)
      queue = DispatchQueue(label: label, qos: .utility)
    }
  }

  private let loader: SnapshotLoader<State>
  private let metrics: LogMetrics
  private let own: Lane
  private let tenants: Lane

  /// - Throws: `LogError.storage`.
  init(loader: SnapshotLoader<State>, directory: URL, metrics: LogMetrics) throws {
    self.loader = loader
    self.metrics = metrics
    own = try Lane(directory: directory, label: "frame.log.history")
    tenants = try Lane(directory: directory, label: "frame.log.history.tenants")
  }

  func close() { for lane in [own, tenants] { lane.reader.close() } }

  /// Asked and not answered.
  var questions: Int { [own, tenants].map { $0.waiting.withLock { $0.values.reduce(0, +) } }.reduce(0, +) }

  /// - Parameter durable: the number of durable events.
  /// - Throws: `LogError.noSuchPosition`, `.historyBusy`, `.storage`, `.damagedLog`, `.damagedEvent`; what `body` throws.
  func past<Value: Sendable>(
    _ point: PastPoint, for asker: PastAsker, durable: UInt64, _ body: @escaping @Sendable (State) throws -> Value
  ) async throws -> PastValue<Value> {
    if case .position(let position) = point, position >= durable {
      throw LogError.noSuchPosition(position, size: durable)
    }
    let lane = asker == .frame ? own : tenants
    let share = asker == .frame ? LogLimits.maximumPastQuestions : LogLimits.maximumPastQuestionsOfOne
    try lane.waiting.withLock { waiting in
      let mine = waiting[asker] ?? 0
      guard mine < share else { throw LogError.historyBusy(waiting: mine) }
      let all = waiting.values.reduce(0, +)
      guard all < LogLimits.maximumPastQuestions else { throw LogError.historyBusy(waiting: all) }
      waiting[asker] = mine + 1
    }
    return try await withCheckedThrowingContinuation { continuation in
      lane.queue.async { [self] in
        let result = Result { try replay(point, durable, lane.reader, body) }
        lane.waiting.withLock { waiting in
          let left = (waiting[asker] ?? 1) - 1
          waiting[asker] = left > 0 ? left : nil
        }
        continuation.resume(with: result)
      }
    }
  }

  private func replay<Value: Sendable>(
    _ point: PastPoint, _ durable: UInt64, _ reader: LogReader, _ body: (State) throws -> Value
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
  /// - Parameter asker: whose share of the few it is.
  /// - Throws: `LogError.noSuchPosition`, `.historyBusy`, `.storage`, `.damagedLog`, `.damagedEvent`; what `body` throws.
  package func past<Value: Sendable>(
    _ point: PastPoint, for asker: PastAsker = .frame, _ body: @escaping @Sendable (State) throws -> Value
  ) async throws -> PastValue<Value> {
    try await history.past(point, for: asker, durable: durableSize(), body)
  }

  /// Makes a snapshot of everything that is durable now, whether one is due or not.
  /// - Returns: the events it covers; 0 when the log is empty and none was made.
  /// - Throws: `LogError.storage`, `.stopped`, `.damagedLog`, `.damagedEvent`.
  package func makeSnapshot() async throws -> UInt64 { try await snapshots.makeNow() }
}
