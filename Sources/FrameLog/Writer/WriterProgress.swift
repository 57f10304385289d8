internal import FrameEvents
internal import Dispatch
internal import Synchronization

/// How far the writer has come, for everyone who is not on its thread.
final class WriterProgress: Sendable {
  private struct State {
    var size: UInt64 = 0
    var end: End?
    var observers: [Int: AsyncStream<UInt64>.Continuation] = [:]
    var nextObserver = 0
    var waiting: [CheckedContinuation<LogError?, Never>] = []
  }

  private struct End { let failure: LogError? }

  private let state = Mutex(State())
  private let finished = DispatchSemaphore(value: 0)

  var size: UInt64 { state.withLock(\.size) }

  func advance(to size: UInt64) {
    let observers = state.withLock { state in
      state.size = size
      return state.observers
    }
    for observer in observers.values { observer.yield(size) }
  }

  func changes() -> AsyncStream<UInt64> {
    let (stream, continuation) = AsyncStream.makeStream(of: UInt64.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state -> Int? in
      guard state.end == nil else { return nil }
      let id = state.nextObserver
      state.nextObserver += 1
      state.observers[id] = continuation
      continuation.yield(state.size)
      return id
    }
    guard let id else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.observers.removeValue(forKey: id) }
    }
    return stream
  }

  /// The writer's thread has ended.
  func end(_ failure: LogError?) {
    let (observers, waiting) = state.withLock { state in
      state.end = End(failure: failure)
      defer {
        state.observers = [:]
        state.waiting = []
      }
      return (state.observers, state.waiting)
    }
    for observer in observers.values { observer.finish() }
    for waiter in waiting { waiter.resume(returning: failure) }
    finished.signal()
  }

  /// Waits for the end. - Returns: the failure that ended it, or nil.
  func ended() async -> LogError? {
    await withCheckedContinuation { waiter in
      let end = state.withLock { state in
        if state.end == nil { state.waiting.append(waiter) }
        return state.end
      }
      if let end { waiter.resume(returning: end.failure) }
    }
  }

  /// Blocks until the end.
  func wait() {
    finished.wait()
    finished.signal()
  }
}

/// One value from one thread to another, once.
final class Handover<Value: Sendable>: Sendable {
  private let value = Mutex<Result<Value, any Error>?>(nil)
  private let given = DispatchSemaphore(value: 0)

  /// Only the first value counts.
  func give(_ result: Result<Value, any Error>) {
    value.withLock { if $0 == nil { $0 = result } }
    given.signal()
  }

  /// Blocks until it is given.
  func take() throws -> Value {
    given.wait()
    defer { given.signal() }
    guard let result = value.withLock({ $0 }) else { throw LogError.stopped("nothing was handed over") }
    return try result.get()
  }
}
