package import FrameCore
package import FrameEvents
package import FrameProjection
package import FrameProtos

/// One lock or redemption.
package struct BridgeItem: Sendable, Equatable {
  package let id: String
  package let peer: FrameID
  /// Whose tokens leave (an agent of the frame where the event was written).
  package let from: String
  /// Who gets them at the other end.
  package let recipient: String
  /// Minor units of the origin's asset.
  package let amount: Int64
  /// What its sender wrote to it; shown at both ends.
  package let memo: String
  /// Of the event in the log it was written to.
  package let position: UInt64
  package let time: FrameTime
  /// When the other leg was seen done: issued for a lock, unlocked for a redemption.
  package internal(set) var doneAt: FrameTime?
}

/// Our asset at a peer: we are the origin, the reserve is here.
package struct OutboundBridge: Sendable, Equatable {
  /// Ever locked here for the peer's log, and ever unlocked again.
  package internal(set) var locked: Int64 = 0
  package internal(set) var unlocked: Int64 = 0
  /// Ever issued and redeemed there, as the peer's stream attests it, in its order.
  package internal(set) var attestedIssued: Int64 = 0
  package internal(set) var attestedRedeemed: Int64 = 0
  /// The greatest total of redemptions any proof has shown, in the stream or ahead of it.
  package internal(set) var provenRedeemed: Int64 = 0
  package internal(set) var locks: [String: BridgeItem] = [:]
  /// In flight: locked here, not attested as issued there.
  package internal(set) var unissued: [String: Int64] = [:]
  /// In flight: attested as redeemed there, not unlocked here yet.
  package internal(set) var pendingUnlocks: [String: BridgeItem] = [:]
  /// Unlocked on a proof that was shown before the stream delivered it.
  package internal(set) var unlockedAhead: [String: Int64] = [:]
  package internal(set) var unlocks: [String: BridgeItem] = [:]
  package internal(set) var unlockRate = SlidingWindow()

  /// What the reserve account must hold.
  package var reserve: Int64 { locked - unlocked }
  /// Wrapped tokens outstanding at the peer, as attested.
  package var outstanding: Int64 { attestedIssued - attestedRedeemed }
  /// `reserve = outstanding + in flight`.
  package var inFlight: Int64 {
    Int64(clamping: unissued.values.sum + pendingUnlocks.values.lazy.map(\.amount).sum - unlockedAhead.values.sum)
  }
  /// Zero, or money is unbacked or lost.
  package var imbalance: Int64 { Int64(clamping: Int128(reserve) - Int128(outstanding) - Int128(inFlight)) }

  package var totals: PBBridgeTotals {
    .init(locked: locked, unlocked: unlocked, issued: attestedIssued, redeemed: attestedRedeemed)
  }
}

/// A peer's asset here: the peer is the origin, wrapped tokens are here.
package struct InboundBridge: Sendable, Equatable {
  package internal(set) var issued: Int64 = 0
  package internal(set) var redeemed: Int64 = 0
  package internal(set) var attestedLocked: Int64 = 0
  package internal(set) var attestedUnlocked: Int64 = 0
  /// The greatest total of locks any proof has shown.
  package internal(set) var provenLocked: Int64 = 0
  /// In flight: attested as locked there, not issued here yet.
  package internal(set) var pendingIssues: [String: BridgeItem] = [:]
  /// Issued on a proof that was shown before the stream delivered it.
  package internal(set) var issuedAhead: [String: Int64] = [:]
  package internal(set) var issues: [String: BridgeItem] = [:]
  package internal(set) var redeems: [String: BridgeItem] = [:]
  /// In flight: redeemed here, not attested as unlocked there.
  package internal(set) var notUnlocked: [String: Int64] = [:]
  package internal(set) var issueRate = SlidingWindow()
  /// What agents hold of former logs that were recognised, and is backed like the rest; in `issued`.
  package internal(set) var takenOver: [String: Int64] = [:]

  package var outstanding: Int64 { issued - redeemed }
  /// What is locked at the origin for us, as attested.
  package var attestedReserve: Int64 { attestedLocked - attestedUnlocked }
  package var inFlight: Int64 {
    Int64(clamping: pendingIssues.values.lazy.map(\.amount).sum + notUnlocked.values.sum - issuedAhead.values.sum)
  }
  package var imbalance: Int64 {
    Int64(clamping: Int128(attestedReserve) - Int128(outstanding) - Int128(inFlight))
  }

  /// As the peer's stream attests the origin's side.
  var attestedTotals: PBBridgeTotals {
    .init(locked: attestedLocked, unlocked: attestedUnlocked, issued: issued, redeemed: redeemed)
  }

  package var totals: PBBridgeTotals {
    .init(
      locked: max(attestedLocked, provenLocked), unlocked: attestedUnlocked, issued: issued, redeemed: redeemed)
  }
}

/// The bridge with one peer, both directions.
package struct BridgePeer: Sendable, Equatable {
  package struct Breaker: Sendable, Equatable {
    package let reason: String
    package let detail: String
    package let openedAt: FrameTime
  }

  package internal(set) var outbound = OutboundBridge()
  package internal(set) var inbound = InboundBridge()
  /// Set while the bridge with this peer is stopped.
  package internal(set) var breaker: Breaker?
  /// Last sequence of the peer's stream that is held.
  package internal(set) var sequence: UInt64 = 0
  /// The log that all this is with.
  package internal(set) var log: PeerLog?
  /// When the first treaty with it was made.
  package internal(set) var since: FrameTime?
  /// Its frame's currency.
  package internal(set) var native: Asset?

  package init() {}
}

extension PBBridgeTotals {
  init(locked: Int64, unlocked: Int64, issued: Int64, redeemed: Int64) {
    self.init()
    self.locked = locked
    self.unlocked = unlocked
    self.issued = issued
    self.redeemed = redeemed
  }
}

extension Sequence<Int64> {
  /// In 128 bits: what a peer says is part of it, and no number of its may end the process.
  fileprivate var sum: Int128 { reduce(0) { $0 + Int128($1) } }
}
