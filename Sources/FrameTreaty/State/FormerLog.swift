import FrameCore
import FrameEvents
import FrameProtos

/// What stands here towards a log that a peer has lost or left (decision 0034). Nothing of it is acted on before both operators, or this
/// one for its own books, have decided.
package struct FormerLog: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    /// The treaty with the new log is there, and what stood is still on the peer's accounts: an earlier version recorded it.
    case unbooked
    /// Nothing stood.
    case empty
    case undecided
    /// We have asked the peer's new log to take it over.
    case proposed
    case recognised
    case writtenOff = "written_off"

    package var isOpen: Bool { self == .unbooked || self == .undecided || self == .proposed }
  }

  package let log: PeerLog
  package let key: String
  /// Of the log that came after it.
  package let newKey: String
  package internal(set) var state: State
  package internal(set) var figures = PBFormerLogFigures()
  /// When the treaty with the new log was established.
  package let since: FrameTime
  /// Of the open or accepted proposal.
  package internal(set) var proposalID = ""
  package internal(set) var withdrawnAt: FrameTime?
  package internal(set) var decidedAt: FrameTime?
  /// Why the last proposal came to nothing, or the operator's words on the decision.
  package internal(set) var note = ""
}

/// What a peer asks of us: to take over what stood there towards a log that we have lost.
package struct FormerLogClaim: Sendable, Equatable {
  package enum State: String, Sendable { case pending, accepted, rejected }

  package let peer: FrameID
  package let log: PeerLog
  package let proposalID: String
  package let figures: PBFormerLogFigures
  package let note: String
  package let since: FrameTime
  package internal(set) var state = State.pending
  package internal(set) var reason = ""
  package internal(set) var answeredAt: FrameTime?
}

/// Each peer's present log, and what came before it.
package struct PeerLogs: Sendable, Equatable {
  /// The key of each peer's log, as of the last treaty that was established.
  private(set) var current: [FrameID: String] = [:]
  package internal(set) var former: [PeerLog: FormerLog] = [:]
  package internal(set) var claims: [FrameID: [FormerLogClaim]] = [:]

  /// Proposals of one peer that may wait, and that are remembered at all (CONFORMANCE B21).
  static let claimsPendingMax = 8
  static let claimsMax = 64
  static let noteBytesMax = 500
  /// A withdrawal that is not answered for so long: the rebuilt frame is gone, or does not know of any of this.
  package static let withdrawalLifetime: Duration = .seconds(7 * 86_400)

  /// The log that a treaty with this key would put aside, and the former one that it would take up again.
  package func change(of peer: FrameID, to key: String) -> (former: PeerLog, key: String, resumed: PeerLog?)? {
    guard let old = current[peer], old != key else { return nil }
    let new = PeerLog(peer, key: key)
    return (PeerLog(peer, key: old), old, former[new] == nil ? nil : new)
  }

  package func former(of peer: FrameID) -> [FormerLog] {
    former.values.filter { $0.log.frame == peer }.sorted { ($0.since, $0.log) < ($1.since, $1.log) }
  }

  package func claims(of peer: FrameID) -> [FormerLogClaim] { claims[peer] ?? [] }

  mutating func establish(_ peer: FrameID, _ key: String, _ time: FrameTime) {
    guard let change = change(of: peer, to: key) else {
      current[peer] = key
      return
    }
    // What was proposed was proposed to a log that is not there any more.
    for (log, entry) in former where log.frame == peer && entry.state == .proposed {
      former[log]?.state = .undecided
      former[log]?.proposalID = ""
      former[log]?.withdrawnAt = nil
    }
    if let resumed = change.resumed { former[resumed] = nil }
    former[change.former] = FormerLog(
      log: change.former, key: change.key, newKey: key, state: .unbooked, since: time)
    current[peer] = key
  }

  mutating func book(_ p: PBPeerLogReplaced) {
    guard let log = PeerLog(name: p.log) else { return }
    former[log]?.figures = p.figures
    former[log]?.state = p.figures.isNothing ? .empty : .undecided
  }
}

extension PBFormerLogFigures {
  /// Nothing stands, not even by number.
  package var isNothing: Bool {
    clearing == 0 && sent == 0 && held == 0 && transfers == 0 && reserve == 0 && returnable == 0 && items == 0
      && wrapped == 0
  }

  /// By kind, for the gauges and for people.
  package var amounts: [(kind: String, amount: Int64)] {
    [
      ("clearing", clearing), ("sent", sent), ("held", held), ("reserve", reserve), ("returnable", returnable),
      ("wrapped", wrapped), ("redeeming", redeeming),
    ]
  }

  /// Those of transfers, with those of the bridge.
  package func joined(with bridge: Self) -> Self {
    var joined = self
    joined.reserve = bridge.reserve
    joined.returnable = bridge.returnable
    joined.items = bridge.items
    joined.wrapped = bridge.wrapped
    joined.redeeming = bridge.redeeming
    if bridge.hasWrappedAsset { joined.wrappedAsset = bridge.wrappedAsset }
    return joined
  }
}

extension FormerLog.State: SnapshotValue {}
extension FormerLogClaim.State: SnapshotValue {}

extension FormerLog: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(log)
    output.write(key)
    output.write(newKey)
    output.write(state)
    output.write(figures)
    output.write(since)
    output.write(proposalID)
    output.write(withdrawnAt)
    output.write(decidedAt)
    output.write(note)
  }

  package init(from input: inout SnapshotInput) throws {
    log = try input.read()
    key = try input.read()
    newKey = try input.read()
    state = try input.read()
    figures = try input.read()
    since = try input.read()
    proposalID = try input.read()
    withdrawnAt = try input.read()
    decidedAt = try input.read()
    note = try input.read()
  }
}

extension FormerLogClaim: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(peer)
    output.write(log)
    output.write(proposalID)
    output.write(figures)
    output.write(note)
    output.write(since)
    output.write(state)
    output.write(reason)
    output.write(answeredAt)
  }

  package init(from input: inout SnapshotInput) throws {
    peer = try input.read()
    log = try input.read()
    proposalID = try input.read()
    figures = try input.read()
    note = try input.read()
    since = try input.read()
    state = try input.read()
    reason = try input.read()
    answeredAt = try input.read()
  }
}

extension PeerLogs: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(current)
    output.write(former)
    output.write(claims)
  }

  package init(from input: inout SnapshotInput) throws {
    current = try input.read()
    former = try input.read()
    claims = try input.read()
  }
}
