import Synchronization

/// Lets one child of a task group be cancelled alone.
final class Cancellation: Sendable {
  private enum State {
    case idle
    case running(Task<Void, Never>)
    case cancelled
  }

  private let state = Mutex<State>(.idle)

  /// Runs `body` until it ends; returns at once when cancelled before.
  func run(_ body: @escaping @Sendable () async -> Void) async {
    let task = state.withLock { state -> Task<Void, Never>? in
      if case .cancelled = state { return nil }
      let task = Task { await body() }
      state = .running(task)
      return task
    }
    guard let task else { return }
    await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
  }

  func cancel() {
    state.withLock { state in
      if case .running(let task) = state { task.cancel() }
      state = .cancelled
    }
  }
}
