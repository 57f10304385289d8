import Synchronization

/// Callers that wait for a transfer's outcome.
final class OutcomeWaiters: Sendable {
  private struct State: Sendable {
    var next = 0
    var waiters: [String: [Int: AsyncStream<Void>.Continuation]] = [:]
  }

  private let state = Mutex(State())

  /// A stream that ends when the outcome of `id` is told. Registered when this returns, so that nothing told after is
  /// missed.
  func register(_ id: String) -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    let number = state.withLock { state in
      state.next += 1
      state.waiters[id, default: [:]][state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { state in
        state.waiters[id]?[number] = nil
        if state.waiters[id]?.isEmpty == true { state.waiters[id] = nil }
      }
    }
    return stream
  }

  /// The outcome of `id` is durable.
  func tell(_ id: String) {
    let waiting = state.withLock { $0.waiters.removeValue(forKey: id) } ?? [:]
    for continuation in waiting.values { continuation.finish() }
  }
}
