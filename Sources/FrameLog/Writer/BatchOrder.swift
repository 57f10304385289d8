internal import FrameEvents
internal import FrameCore
internal import Synchronization

/// What is under way: batches go to the disk one at a time, in the order of their numbers, and none after a failed one.
final class BatchOrder: Sendable {
  typealias Answer = @Sendable (LogError?) -> Void

  private struct State {
    /// Batches that were begun; the number of the next one.
    var begun: UInt64 = 0
    /// Batches that have ended, durably or not; the number of the one whose turn it is.
    var ended: UInt64 = 0
    var failure: LogError?
    /// When the batches that have not ended were begun, oldest first.
    var since: [FrameTime] = []
    /// Answers that rest on batches up to this number.
    var deferred: [(begun: UInt64, answer: Answer)] = []
  }

  private let state = Mutex(State())

  /// Why a write failed, or nil. Once set it stays.
  var failure: LogError? { state.withLock(\.failure) }

  /// A batch is begun: it will wait for its turn and end. - Returns: its number.
  func begin(at time: FrameTime, _ metrics: LogMetrics) -> UInt64 {
    state.withLock { state in
      if state.since.isEmpty { metrics.busySince.set(time.seconds) }
      state.since.append(time)
      defer { state.begun += 1 }
      return state.begun
    }
  }

  /// The batch whose turn it is has ended: it is durable, or `failure` says why it is not known to be.
  func end(_ number: UInt64, _ failure: LogError?, _ metrics: LogMetrics) {
    let (due, reason) = state.withLock { state -> ([Answer], LogError?) in
      precondition(state.ended == number, "batch \(number) ends out of turn")
      state.ended += 1
      if state.failure == nil { state.failure = failure }
      state.since.removeFirst()
      metrics.busySince.set(state.since.first?.seconds ?? 0)
      let ended = state.ended
      let due = state.deferred.prefix { $0.begun <= ended }.map(\.answer)
      state.deferred.removeFirst(due.count)
      return (due, state.failure)
    }
    for answer in due { answer(reason) }
  }

  /// Gives the answers when every batch begun so far has ended: now, or by the thread that ends the last of them.
  func deliver(_ answers: [Answer]) {
    let (now, failure) = state.withLock { state -> (Bool, LogError?) in
      guard state.ended < state.begun else { return (true, state.failure) }
      for answer in answers { state.deferred.append((state.begun, answer)) }
      return (false, nil)
    }
    if now { for answer in answers { answer(failure) } }
  }
}
