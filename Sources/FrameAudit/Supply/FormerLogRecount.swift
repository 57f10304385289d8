internal import FrameLedger
internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// Which logs each peer has had, and what was decided about those that it has no more (decision 0034), by the stored events alone.
///
/// Wrapped tokens are by asset, and the asset is the same whatever log its frame has: which of them belong to which log follows from when
/// they were issued, because they cannot change hands.
struct FormerLogRecount: Sendable {
  /// The name of each peer's present log.
  private var present: [String: String] = [:]
  /// That were put aside at any time, also where one is the present one again.
  private var former: Set<String> = []
  /// Of those towards which something stood.
  private(set) var states: [String: SupplyStatement.FormerLogState] = [:]
  /// The log that stands for what was being redeemed with one that is recognised.
  private var heirs: [String: String] = [:]

  /// - Returns: by which names wrapped tokens stand from this event on, in order: all that stood by `from` stands by `to`.
  mutating func add(_ event: PBEvent) -> [(from: String, to: String)] {
    switch event.payload {
    case .frameFederationEstablished(let e):
      guard let peer = try? FrameID(e.peer) else { return [] }
      let new = PeerLog(peer, key: e.theirs.logVerifierKey).name
      let old = present.updateValue(new, forKey: peer.name)
      guard let old, old != new else { return [] }
      former.insert(old)
      states[old] = .undecided
      states[new] = nil
      return [(peer.name, old), (new, peer.name)]
    case .peerLogReplaced(let e):
      // Nothing stood towards it, not even by number.
      if e.figures == PBFormerLogFigures() { states[e.log] = nil }
      return []
    case .formerLogDecided(let e):
      guard states[e.log] == .undecided else { return [] }
      states[e.log] = e.outcome == .recognised ? .recognised : .writtenOff
      if e.outcome == .recognised, e.figures.redeeming > 0 { heirs[e.log] = present[e.peer] }
      return e.outcome == .recognised ? [(e.log, e.peer)] : []
    default: return []
    }
  }

  func isFormer(_ name: String) -> Bool { former.contains(name) }

  /// By which name wrapped tokens of a frame's money stand that this event moves: tokens that come back to their holder after a decision
  /// are of the log that was decided about, unless another one stands for it, which may be lost itself.
  func row(of origin: String, _ event: PBEvent) -> String {
    guard case .formerLogItemReturned(let e) = event.payload, e.peer == origin, states[e.log] != nil else {
      return origin
    }
    var log = e.log
    // No log is recognised twice: the way ends.
    while states[log] == .recognised, let heir = heirs[log] { log = heir }
    return log == present[origin] ? origin : log
  }
}
