import FrameCore
import Synchronization

/// Token buckets per source and one over all, in bounded memory.
final class RateLimiter: Sendable {
  private struct Source {
    var bucket: TokenBucket
    var asked: FrameTime
  }

  private struct State: Sendable {
    var total: TokenBucket
    var sources: [String: Source] = [:]
  }

  private let held: Mutex<State>
  private let perSource: Int
  private let sourcesMax: Int

  /// - Parameters:
  ///   - perSource: how many a minute from one source, and at once.
  ///   - overall: how many a minute from all.
  init(perSource: Int, overall: Int, sourcesMax: Int = 4096) {
    self.perSource = perSource
    held = Mutex(State(total: TokenBucket(perMinute: overall)))
    self.sourcesMax = sourcesMax
  }

  /// - Returns: false when the source, or all together, have used up what they may.
  func allow(_ source: String, at now: FrameTime) -> Bool {
    held.withLock { held in
      if held.sources.count >= sourcesMax, held.sources[source] == nil {
        // Whoever has been quiet for a minute has a full bucket again: forgetting it changes nothing.
        held.sources = held.sources.filter { $0.value.asked.isWithin(.seconds(60), of: now) }
        guard held.sources.count < sourcesMax else { return false }
      }
      var known = held.sources[source] ?? Source(bucket: TokenBucket(perMinute: perSource), asked: now)
      known.asked = now
      defer { held.sources[source] = known }
      return known.bucket.take(at: now) && held.total.take(at: now)
    }
  }
}
