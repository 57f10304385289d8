import Synchronization

/// Callers that wait for a transfer's outcome, which is given to them as it is on record.
final class OutcomeWaiters: Sendable {
  private struct State: Sendable {
    var next = 0
    var waiters: [String: [Int: AsyncStream<Transfer>.Continuation]] = [:]
  }

  private let state = Mutex(State())

  /// A stream that gives the transfer when the outcome of `id` is told, and ends. Registered when this returns, so that nothing told after is
  /// missed.
  func register(_ id: String) -> AsyncStream<Transfer> {
    let (stream, continuation) = AsyncStream.makeStream(of: Transfer.self)
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

  /// Whether a caller waits for the outcome of `id`.
  func isAwaited(_ id: String) -> Bool { state.withLock { $0.waiters[id] != nil } }

  /// The transfer's outcome is durable.
  func tell(_ transfer: Transfer) {
    let waiting = state.withLock { $0.waiters.removeValue(forKey: transfer.id) } ?? [:]
    for continuation in waiting.values {
      continuation.yield(transfer)
      continuation.finish()
    }
  }
}
