import FrameCore
import Synchronization

/// A clock that moves only when a test says so.
final class ManualClock: FrameClock {
  private struct Sleeper {
    var until: FrameTime
    var continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var now: FrameTime
    var next: UInt64 = 0
    var sleepers: [UInt64: Sleeper] = [:]
    var cancelled: Set<UInt64> = []
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state: Mutex<State>

  /// 2026-01-01T00:00:00Z by default: tests do not depend on the day they run.
  init(_ now: FrameTime = FrameTime(unixNanoseconds: 1_767_225_600_000_000_000)) {
    state = Mutex(State(now: now))
  }

  func now() -> FrameTime { state.withLock { $0.now } }

  func sleep(for duration: Duration) async throws {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
          if state.cancelled.remove(id) != nil {
            continuation.resume(throwing: CancellationError())
            return []
          }
          state.sleepers[id] = Sleeper(until: state.now + duration, continuation: continuation)
          return Self.satisfied(&state)
        }
        ready.forEach { $0.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        if let sleeper = state.sleepers.removeValue(forKey: id) { return sleeper }
        state.cancelled.insert(id)
        return nil
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Moves time and wakes whoever is due.
  func advance(by duration: Duration) {
    let due = state.withLock { state -> [Sleeper] in
      state.now = state.now + duration
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys { state.sleepers.removeValue(forKey: id) }
      return Array(due.values)
    }
    due.forEach { $0.continuation.resume() }
  }

  /// Returns once that many tasks are asleep on this clock.
  func sleepers(_ count: Int) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let ready = state.withLock { state in
        state.watchers.append((count, continuation))
        return Self.satisfied(&state)
      }
      ready.forEach { $0.resume() }
    }
  }

  private static func satisfied(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
    let count = state.sleepers.count
    let ready = state.watchers.filter { $0.count <= count }.map(\.continuation)
    state.watchers.removeAll { $0.count <= count }
    return ready
  }
}
