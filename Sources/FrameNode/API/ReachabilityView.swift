import FrameCore
import FrameFederation

/// Whether a peer answers, and how old each thing is that is shown of it: a value without an age passes for what is so now.
struct ReachabilityView: Encodable, Sendable {
  struct Failure: Encodable, Sendable {
    let code: String
    let message: String
    let at: String
    let ageSeconds: Int64

    init(_ failure: PeerReachability.Failure, now: FrameTime) {
      code = failure.code
      message = failure.message
      at = failure.at.description
      ageSeconds = ReachabilityView.age(of: failure.at, now)
    }
  }

  /// What is seen of the peer outside of its treaty.
  struct Sight: Sendable {
    let calls: PeerReachability.View
    let bundle: BundleRefresher.Observation
    let stream: (isOpen: Bool, headAt: FrameTime?)
  }

  /// `reachable`, `unreachable`, or `unknown` before the first call of this process has ended.
  let state: String
  /// When it became so.
  let since: String?
  let lastSuccessAt: String?
  let lastSuccessAgeSeconds: Int64?
  /// What a call failed with last; also when calls succeed again.
  let lastError: Failure?
  let observedAt: String?
  let observedAgeSeconds: Int64?
  let lastRefreshAgeSeconds: Int64?
  /// Why the newest refresh of the bundle failed; absent when it did not.
  let refreshError: Failure?
  let streamOpen: Bool
  let streamHeadAt: String?
  let streamHeadAgeSeconds: Int64?

  init(_ sight: Sight, now: FrameTime) {
    func age(_ time: FrameTime?) -> Int64? { time.map { Self.age(of: $0, now) } }
    state = sight.calls.isReachable.map { $0 ? "reachable" : "unreachable" } ?? "unknown"
    since = sight.calls.since?.description
    lastSuccessAt = sight.calls.lastSuccess?.description
    lastSuccessAgeSeconds = age(sight.calls.lastSuccess)
    lastError = sight.calls.lastFailure.map { Failure($0, now: now) }
    observedAt = sight.bundle.at?.description
    observedAgeSeconds = age(sight.bundle.at)
    lastRefreshAgeSeconds = age(sight.bundle.lastRefresh)
    refreshError = sight.bundle.failure.map { Failure($0, now: now) }
    streamOpen = sight.stream.isOpen
    streamHeadAt = sight.stream.headAt?.description
    streamHeadAgeSeconds = age(sight.stream.headAt)
  }

  private static func age(of time: FrameTime, _ now: FrameTime) -> Int64 {
    max(0, (now - time).components.seconds)
  }
}
