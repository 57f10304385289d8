import FrameCore
import Synchronization

/// What of the API one caller may use at once, so that no agent's or operator's flood of requests makes the node tell all others to
/// come again. The authority, the frame itself, has no such limit.
final class CallerShares: Sendable {
  private let used = Mutex<[SPIFFEID: Int]>([:])
  private let max: Int

  /// - Parameter max: the sum of the costs of a caller's requests in progress.
  init(max: Int) { self.max = Swift.max(1, max) }

  /// Runs `body` as one of the caller's requests.
  /// - Parameter cost: what it counts for; one that costs more than all there is may still be alone.
  /// - Throws: a `Refusal` `too_many_requests` when the caller has used up its share.
  func run<Result>(
    _ caller: Caller, cost: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async throws -> Result {
    guard !caller.isAuthority, let id = caller.id else { return try await body() }
    try used.withLock { used in
      let mine = used[id] ?? 0
      guard mine == 0 || mine + cost <= max else {
        throw Refusal(
          "too_many_requests", .limited, "'\(id)' has as many requests in progress as one caller may have.",
          remedy: "Wait for some of them to be answered; send less at once.")
      }
      used[id] = mine + cost
    }
    defer {
      used.withLock { used in
        let left = (used[id] ?? cost) - cost
        used[id] = left > 0 ? left : nil
      }
    }
    return try await body()
  }
}
