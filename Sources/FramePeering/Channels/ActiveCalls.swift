import FrameTreaty
import FrameCore
import GRPCCore
import Synchronization

/// The calls in progress per peer: bounded, and ended together when the peer's treaty ends.
final class ActiveCalls: Sendable {
  private struct State {
    var nextID: UInt64 = 0
    var calls: [FrameID: [UInt64: @Sendable () -> Void]] = [:]
  }

  private let held = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Runs `body` in a task that ends when the caller's task, the RPC being served (of which gRPC tells through its own
  /// handle, not through the task) or the peer's treaty ends. The call is registered before `body` starts, so that a check of the treaty at its beginning cannot miss
  /// a revoke.
  /// - Throws: ``FederationError/busy(_:limit:)`` or what `body` throws.
  func run<T: Sendable>(
    _ peer: FrameID, _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    let entered = held.withLock { held -> (id: UInt64, task: Task<T, any Error>)? in
      guard (held.calls[peer]?.count ?? 0) < limit else { return nil }
      held.nextID += 1
      let task = Task { try await body() }
      held.calls[peer, default: [:]][held.nextID] = { task.cancel() }
      return (held.nextID, task)
    }
    guard let (id, task) = entered else { throw FederationError.busy(peer, limit: limit) }
    defer { leave(peer, id) }
    return try await withTaskCancellationHandler {
      try await withRPCCancellationHandler {
        try await task.value
      } onCancelRPC: {
        task.cancel()
      }
    } onCancel: {
      task.cancel()
    }
  }

  /// Ends all calls of one peer.
  func cancelAll(of peer: FrameID) {
    let calls = held.withLock { $0.calls[peer] ?? [:] }
    for cancel in calls.values { cancel() }
  }

  /// Ends all calls.
  func cancelAll() {
    let calls = held.withLock { $0.calls }
    for peer in calls.values { for cancel in peer.values { cancel() } }
  }

  func count(of peer: FrameID) -> Int { held.withLock { $0.calls[peer]?.count ?? 0 } }

  private func leave(_ peer: FrameID, _ id: UInt64) {
    held.withLock { held in
      held.calls[peer]?[id] = nil
      if held.calls[peer]?.isEmpty == true { held.calls[peer] = nil }
    }
  }
}
