package import FrameCore
package import FrameEvents

/// What is open towards each peer, for the gauges and for the resolver.
package struct SettlementSummary: Sendable {
  package struct Peer: Sendable, Equatable {
    package var twoPhase = 0
    package var async = 0
    /// 2pc, past the deadline.
    package var inDoubt = 0
    package var oldest: FrameTime?
    /// Minor units of our native asset held or sent without an outcome.
    package var amount: Int128 = 0
  }

  package let peers: [FrameID: Peer]
  /// Peers whose treaty has ended while something was open.
  package let ended: [FrameID]
  /// What is with former logs and to be given back now.
  package let toGiveBack: [(log: PeerLog, id: String)]

  package init(_ state: SettlementState, now: FrameTime) {
    var peers: [FrameID: Peer] = [:]
    // Every peer we have a treaty with, so that a gauge goes back to 0 when its last transfer is closed.
    for peer in state.natives.keys { peers[peer] = Peer() }
    for peer in state.openPeers {
      for transfer in (state.open[peer] ?? []).lazy.compactMap({ state.outgoing[$0] }) {
        var entry = peers[peer] ?? Peer()
        if transfer.backend == .twoPhase { entry.twoPhase += 1 } else { entry.async += 1 }
        if let deadline = transfer.deadline, deadline <= now { entry.inDoubt += 1 }
        entry.oldest = min(entry.oldest ?? transfer.openedAt, transfer.openedAt)
        entry.amount += Int128(transfer.terms?.amount.minorUnits ?? 0)
        peers[peer] = entry
      }
    }
    self.peers = peers
    ended = state.ended.sorted()
    toGiveBack = state.toGiveBack
  }

  /// Peers with transfers whose outcome is to be asked for: 2pc always, async when no stream will bring it any more.
  package var unresolved: [FrameID] {
    peers.filter { $0.value.twoPhase > 0 || ($0.value.async > 0 && ended.contains($0.key)) }.keys.sorted()
  }

  func publish(_ metrics: SettlementMetrics) {
    for (peer, open) in peers {
      metrics.inFlight.with(TransferBackend.twoPhase.rawValue, peer.name).set(open.twoPhase)
      metrics.inFlight.with(TransferBackend.async.rawValue, peer.name).set(open.async)
      metrics.inDoubt.with(peer.name).set(open.inDoubt)
      metrics.oldest.with(peer.name).set(open.oldest?.seconds ?? 0)
    }
  }
}
