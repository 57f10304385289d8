import FrameAPI
import FrameCore
import FramePeering

extension ReachabilityView.Failure {
  init(_ failure: PeerReachability.Failure, now: FrameTime) {
    self.init(
      code: failure.code, message: failure.message, at: failure.at.description,
      ageSeconds: ReachabilityView.age(of: failure.at, now))
  }
}

extension ReachabilityView {
  /// What is seen of the peer outside of its treaty.
  package struct Sight: Sendable {
    let calls: PeerReachability.View
    let bundle: BundleRefresher.Observation
    let stream: (isOpen: Bool, headAt: FrameTime?)

    package init(
      calls: PeerReachability.View, bundle: BundleRefresher.Observation, stream: (isOpen: Bool, headAt: FrameTime?)
    ) {
      self.calls = calls
      self.bundle = bundle
      self.stream = stream
    }
  }

  init(_ sight: Sight, now: FrameTime) {
    func age(_ time: FrameTime?) -> Int64? { time.map { Self.age(of: $0, now) } }
    self.init(
      state: sight.calls.isReachable.map { $0 ? "reachable" : "unreachable" } ?? "unknown",
      since: sight.calls.since?.description,
      lastSuccessAt: sight.calls.lastSuccess?.description,
      lastSuccessAgeSeconds: age(sight.calls.lastSuccess),
      lastError: sight.calls.lastFailure.map { Failure($0, now: now) },
      observedAt: sight.bundle.at?.description,
      observedAgeSeconds: age(sight.bundle.at),
      lastRefreshAgeSeconds: age(sight.bundle.lastRefresh),
      refreshError: sight.bundle.failure.map { Failure($0, now: now) },
      streamOpen: sight.stream.isOpen,
      streamHeadAt: sight.stream.headAt?.description,
      streamHeadAgeSeconds: age(sight.stream.headAt))
  }

  fileprivate static func age(of time: FrameTime, _ now: FrameTime) -> Int64 {
    max(0, (now - time).components.seconds)
  }
}
