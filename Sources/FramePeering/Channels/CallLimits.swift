import FrameCore
import Synchronization

/// How often a peer may call each verb (CONFORMANCE B21). Far above what a frame of this kind does; a peer that is refused may
/// ask again later, and no outcome is guessed meanwhile.
final class CallLimits: Sendable {
  private struct Key: Hashable {
    let peer: FrameID
    let method: PeerMethod
  }

  /// Callers are authenticated: there are no more keys than treaties, times verbs.
  private let buckets = Mutex<[Key: TokenBucket]>([:])

  /// - Returns: false when the peer has used up what it may.
  func allow(_ peer: FrameID, _ method: PeerMethod, at now: FrameTime) -> Bool {
    buckets.withLock { buckets in
      buckets[Key(peer: peer, method: method), default: TokenBucket(perMinute: Self.perMinute(method))].take(at: now)
    }
  }

  static func perMinute(_ method: PeerMethod) -> Int {
    switch method {
    case .notifyApproval, .notifyRejection, .notifyRevocation: 60
    case .proposeAmendment, .notifyAmendment, .withdrawAmendment: 120
    case .subscribe: 120
    // Every transfer is one.
    case .credit: 240_000
    case .resolve: 12_000
    case .reserveStatement: 120
    case .addCheckpoint: 240
    // One for what is recorded together.
    case .consistencyProof: 30_000
    }
  }
}
