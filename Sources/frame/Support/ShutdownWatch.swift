import Foundation
import FrameCore
import Synchronization

/// Ends the process, with a reason and an exit code, when its stop takes longer than it may. It waits on a thread of its own:
/// what stands still may be Swift's pool.
final class ShutdownWatch: Sendable {
  private struct State {
    var begun = false
    var finished = false
  }

  private let state = Mutex(State())
  private let done = DispatchSemaphore(value: 0)
  private let limit: Duration
  private let overdue: @Sendable (Duration) -> Void

  /// - Parameters:
  ///   - limit: from the beginning of the stop to its end.
  ///   - overdue: called once when the limit has passed; ends the process.
  init(limit: Duration, overdue: @escaping @Sendable (Duration) -> Void) {
    self.limit = limit
    self.overdue = overdue
  }

  /// The stop begins; only the first call counts.
  func begin() {
    let isFirst = state.withLock { state in
      defer { state.begun = true }
      return !state.begun && !state.finished
    }
    guard isFirst else { return }
    Thread.detachNewThread { [self] in
      let nanoseconds = Int(
        clamping: limit.components.seconds * 1_000_000_000 + limit.components.attoseconds / 1_000_000_000)
      guard done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .timedOut else { return }
      // The stop may have ended at this very moment.
      if state.withLock({ $0.finished }) { return }
      overdue(limit)
    }
  }

  /// The stop has ended: nothing happens any more.
  func finish() {
    state.withLock { $0.finished = true }
    done.signal()
  }
}
