internal import FrameEvents
internal import Dispatch
internal import Synchronization

/// Decided batches on their way from the thread that decides to the one that commits, in order.
final class BatchPipe<State: FrameState>: Sendable {
  private let waiting = Mutex<[WriterBatch<State>]>([])
  private let count = DispatchSemaphore(value: 0)

  func give(_ batch: WriterBatch<State>) {
    waiting.withLock { $0.append(batch) }
    count.signal()
  }

  /// No more will be given.
  func close() { count.signal() }

  /// Blocks until there is one.
  /// - Parameter limit: events that those taken have together, at most; the first is taken whatever it has.
  /// - Returns: all that wait, in order; none when none will come.
  func take(limit: Int) -> [WriterBatch<State>] {
    count.wait()
    let taken = waiting.withLock { waiting in
      var events = 0
      let taken = waiting.prefix { batch in
        defer { events += batch.events.count }
        return events == 0 || events + batch.events.count <= limit
      }
      waiting.removeFirst(taken.count)
      return Array(taken)
    }
    // One was counted above.
    for _ in taken.dropFirst() { count.wait() }
    return taken
  }
}
