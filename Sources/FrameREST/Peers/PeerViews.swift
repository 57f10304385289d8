import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameProtos

extension PeerView {
  init(
    _ treaty: Treaty, native: Asset, sight: ReachabilityView.Sight?, now: FrameTime, trouble: String?,
    isStopped: Bool = false, servedLogKey: String? = nil
  ) {
    let foreign = (try? Asset(treaty.theirs.native)) ?? native
    func decimal(_ units: Int64, _ asset: Asset) -> String { Amount(minorUnits: units).decimal(scale: asset.scale) }
    let isStopped = isStopped && treaty.state == .established
    self.init(
      frameId: treaty.peer.name,
      state: isStopped ? Self.stopped : treaty.state.rawValue,
      next: isStopped ? Self.twoHistories(treaty.peer) : Self.next(treaty, trouble: trouble, now: now),
      invitationId: treaty.invitationID,
      direction: treaty.direction.rawValue,
      fingerprint: treaty.fingerprint,
      observedFingerprint: sight?.bundle.fingerprint,
      logVerifierKey: treaty.peerLogKey,
      servedLogVerifierKey: servedLogKey,
      federationAddress: treaty.theirs.federationAddress,
      bundleEndpoint: treaty.theirs.bundleEndpoint,
      bundleProfile: treaty.theirs.bundleEndpointProfile,
      currency: treaty.theirs.native.code,
      since: treaty.since.description,
      expiresAt: treaty.state == .requested ? treaty.expires.description : nil,
      lastRefresh: sight?.bundle.lastRefresh?.description,
      reason: treaty.reason.isEmpty ? nil : treaty.reason,
      trouble: trouble,
      revision: treaty.revision,
      terms: Terms(
        subscriptions: treaty.terms.subscriptions, netDebitCap: decimal(treaty.terms.netDebitCap, native),
        bridgeCap: decimal(treaty.terms.bridgeCap, foreign),
        bridgeRatePerMinute: decimal(treaty.terms.bridgeRatePerMinute, foreign)),
      amendments: AmendmentView.all(of: treaty, native: native),
      reachability: treaty.state == .established ? sight.map { ReachabilityView($0, now: now) } : nil)
  }
}

extension PeerView {
  static let stopped = "stopped"

  private static func twoHistories(_ peer: FrameID) -> String {
    "both operators: \(peer)'s log has two histories (frame log equivocation show \(peer)); nothing is exchanged with it"
  }

  private static func next(_ treaty: Treaty, trouble: String?, now: FrameTime) -> String? {
    let peer = treaty.peer
    switch (treaty.state, treaty.direction) {
    case (.requested, _) where treaty.isExpired(at: now): return "a new invitation: this one has lapsed"
    case (.requested, .incoming):
      return "this frame's operator: frame peer approve \(peer) --fingerprint …, as learned by other means"
    case (.requested, .outgoing) where trouble == "already_federated":
      return
        "\(peer)'s operator: a treaty of before still stands there; once that is revoked, our invitation is brought again, within six minutes"
    case (.requested, .outgoing): return "\(peer)'s operator, who approves it there"
    case (.approved, _): return "\(peer), which has to hear of the approval"
    case (.established, _), (.rejected, _), (.revoked, _): return nil
    }
  }
}
