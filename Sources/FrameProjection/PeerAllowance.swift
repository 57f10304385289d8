internal import FrameCore

/// How much of one peer's stream is recorded in a minute. What is beyond waits: our reader stops, flow control stops the peer,
/// and nothing is lost but time.
struct PeerAllowance: Sendable {
  /// What there may be too much of.
  enum Kind: String, Sendable, CaseIterable {
    case events, bytes
    /// Events that we did nothing about but write that we did nothing: they cost a peer nothing.
    case idle
  }

  private var buckets: [Kind: TokenBucket] = [
    .events: TokenBucket(perMinute: ProjectionLimits.eventsPerMinute, burst: ProjectionLimits.eventBurst),
    .bytes: TokenBucket(perMinute: ProjectionLimits.bytesPerMinute, burst: ProjectionLimits.byteBurst),
    .idle: TokenBucket(perMinute: ProjectionLimits.idleEventsPerMinute),
  ]

  /// What has been recorded.
  mutating func charge(events: Int, bytes: Int, idle: Int, at now: FrameTime) {
    for (kind, count) in [(Kind.events, events), (.bytes, bytes), (.idle, idle)] {
      buckets[kind]?.charge(count, at: now)
    }
  }

  /// How long to wait before anything more is recorded, and for what; nil when nothing stands in the way.
  mutating func pause(at now: FrameTime) -> (kind: Kind, wait: Duration)? {
    var longest: (kind: Kind, wait: Duration)?
    for kind in Kind.allCases {
      guard let wait = buckets[kind]?.debt(at: now), wait > (longest?.wait ?? .zero) else { continue }
      longest = (kind, wait)
    }
    return longest
  }
}
