import FrameCore
import Synchronization

/// Token buckets per source and one over all, in bounded memory.
final class RateLimiter: Sendable {
  private struct Bucket {
    var tokens: Double
    var filled: FrameTime
  }

  private struct Held {
    var total: Bucket?
    var sources: [String: Bucket] = [:]
  }

  private let held = Mutex(Held())
  private let perSource: Double
  private let overall: Double
  private let sourcesMax: Int

  /// - Parameters:
  ///   - perSource: how many a minute from one source, and at once.
  ///   - overall: how many a minute from all.
  init(perSource: Int, overall: Int, sourcesMax: Int = 4096) {
    self.perSource = Double(perSource)
    self.overall = Double(overall)
    self.sourcesMax = sourcesMax
  }

  /// - Returns: false when the source, or all together, have used up what they may.
  func allow(_ source: String, at now: FrameTime) -> Bool {
    held.withLock { held in
      if held.sources.count >= sourcesMax, held.sources[source] == nil {
        // Whoever has been quiet for a minute has a full bucket again: forgetting it changes nothing.
        held.sources = held.sources.filter { $0.value.filled.isWithin(.seconds(60), of: now) }
        guard held.sources.count < sourcesMax else { return false }
      }
      guard Self.take(&held.sources[source, default: Bucket(tokens: perSource, filled: now)], perSource, now) else {
        return false
      }
      var total = held.total ?? Bucket(tokens: overall, filled: now)
      defer { held.total = total }
      return Self.take(&total, overall, now)
    }
  }

  private static func take(_ bucket: inout Bucket, _ perMinute: Double, _ now: FrameTime) -> Bool {
    let elapsed = max(0, (now - bucket.filled).inSeconds)
    bucket.tokens = min(perMinute, bucket.tokens + elapsed * perMinute / 60)
    bucket.filled = now
    guard bucket.tokens >= 1 else { return false }
    bucket.tokens -= 1
    return true
  }
}
