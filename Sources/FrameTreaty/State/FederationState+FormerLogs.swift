import Foundation
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos

/// What operators, and the node for them, may do about former logs of peers.
package enum FormerLogCommand: Sendable {
  // The authority, where something stands towards a log that a peer has lost
  case propose(log: PeerLog, id: String, note: String)
  case withdraw(log: PeerLog, reason: String)
  case writeOff(log: PeerLog, note: String)
  // The authority of the rebuilt frame
  case accept(proposalID: String)
  case reject(proposalID: String, reason: String)

  func digest(_ peer: FrameID) -> Data {
    switch self {
    case .propose(let log, _, let note): CommandDigest.of("former-log.propose", log.name, note)
    case .withdraw(let log, let reason): CommandDigest.of("former-log.withdraw", log.name, reason)
    case .writeOff(let log, let note): CommandDigest.of("former-log.write-off", log.name, note)
    case .accept(let id): CommandDigest.of("former-log.accept", peer.name, id)
    case .reject(let id, let reason): CommandDigest.of("former-log.reject", peer.name, id, reason)
    }
  }
}

extension FederationState {
  /// That a treaty was established with another log of the peer, and what stood towards the one before.
  /// - Parameters:
  ///   - figures: what stands towards `former`.
  ///   - resumed: what stood towards the new log when it was put aside itself, if it was.
  package static func logReplaced(
    _ former: PeerLog, key: String, by newKey: String, figures: PBFormerLogFigures, resumed: PBFormerLogFigures?
  ) throws -> EventDraft {
    var payload = PBPeerLogReplaced()
    payload.peer = former.frame.name
    payload.log = former.name
    payload.logVerifierKey = key
    payload.newLogVerifierKey = newKey
    payload.figures = figures
    if let resumed { payload.resumed = resumed }
    return try draft(.peerLogReplaced(payload))
  }

  private static func draft(_ payload: PBEvent.OneOf_Payload) throws -> EventDraft {
    EventDraft(payload, postings: try FormerLogMoney.postings(payload))
  }

  /// A log that both operators, or one of them, have done with does not come back.
  func requireUndecided(_ peer: FrameID, _ key: String) throws(FederationError) {
    let log = PeerLog(peer, key: key)
    guard let former = logs.former[log], former.state == .recognised || former.state == .writtenOff else { return }
    throw .formerLogDecided(log, state: former.state.rawValue)
  }

  // MARK: Deciding

  func decide(
    _ command: FormerLogCommand, with peer: FrameID, _ context: DecisionContext
  ) throws(FederationError) -> [EventDraft] {
    try requireAuthority(context)
    do {
      switch command {
      case .propose(let log, let id, let note): return try propose(log, id, note)
      case .withdraw(let log, let reason): return try withdraw(log, reason)
      case .writeOff(let log, let note): return try writeOff(log, note, context.now)
      case .accept(let id): return try accept(id, from: peer)
      case .reject(let id, let reason):
        let claim = try pending(id, from: peer)
        return [try Self.answered(claim, accepted: false, reason: reason)]
      }
    } catch let error as FederationError {
      throw error
    } catch {
      throw .formerLogInvalid(error.words)
    }
  }

  private func known(_ log: PeerLog) throws(FederationError) -> FormerLog {
    guard let former = logs.former[log] else { throw .formerLogUnknown(log.name) }
    return former
  }

  private func propose(_ log: PeerLog, _ id: String, _ note: String) throws -> [EventDraft] {
    let former = try known(log)
    guard former.state == .undecided else { throw FederationError.formerLogState(log, state: former.state.rawValue) }
    let treaty = try requireEstablished(log.frame)
    try Self.requireShort(note)
    if former.figures.wrapped != 0 {
      guard former.figures.hasWrappedAsset, former.figures.wrappedAsset == treaty.theirs.native else {
        throw FederationError.formerLogCurrencyChanged(log)
      }
    }
    // What the other books can say exactly, or nothing is proposed.
    _ = try Self.mirrored(former.figures, from: Asset(treaty.ours.native), to: Asset(treaty.theirs.native))
    var payload = PBFormerLogProposed()
    payload.peer = log.frame.name
    payload.log = log.name
    payload.proposalID = id
    payload.figures = former.figures
    payload.logVerifierKey = former.key
    payload.newLogVerifierKey = treaty.peerLogKey
    payload.note = note
    return [EventDraft(.formerLogProposed(payload))]
  }

  private func withdraw(_ log: PeerLog, _ reason: String) throws -> [EventDraft] {
    let former = try known(log)
    guard former.state == .proposed else { throw FederationError.formerLogState(log, state: former.state.rawValue) }
    if former.withdrawnAt != nil { return [] }
    try Self.requireShort(reason)
    var payload = PBFormerLogWithdrawn()
    payload.peer = log.frame.name
    payload.log = log.name
    payload.proposalID = former.proposalID
    payload.reason = reason
    return [EventDraft(.formerLogWithdrawn(payload))]
  }

  private func writeOff(_ log: PeerLog, _ note: String, _ now: FrameTime) throws -> [EventDraft] {
    let former = try known(log)
    if former.state == .writtenOff { return [] }
    // The rebuilt frame decides about a proposal; what it decided may be on its way.
    let isUnanswered = former.withdrawnAt.map { now - $0 >= PeerLogs.withdrawalLifetime } ?? false
    guard former.state == .undecided || former.state == .proposed && isUnanswered else {
      let isWithdrawn = former.state == .proposed && former.withdrawnAt != nil
      throw FederationError.formerLogState(log, state: isWithdrawn ? FederationError.withdrawn : former.state.rawValue)
    }
    try Self.requireShort(note)
    return [try Self.decided(former, .writtenOff, note: note)]
  }

  private func accept(_ id: String, from peer: FrameID) throws -> [EventDraft] {
    let claim = try pending(id, from: peer)
    let treaty = try requireEstablished(peer)
    let clearing = try Self.mirrored(claim.figures, from: Asset(treaty.theirs.native), to: Asset(treaty.ours.native))
    return [
      try Self.answered(claim, accepted: true, reason: "", clearing: clearing, reserve: claim.figures.wrapped)
    ]
  }

  private func pending(_ id: String, from peer: FrameID) throws(FederationError) -> FormerLogClaim {
    guard let claim = logs.claims(of: peer).first(where: { $0.proposalID == id }) else {
      throw .formerLogUnknown(id)
    }
    guard claim.state == .pending else { throw .formerLogState(claim.log, state: claim.state.rawValue) }
    return claim
  }

  /// What the rebuilt frame comes to owe the proposer (negative: the other way round), in its own minor units. The reserve of what was
  /// outstanding there is owed to it too: whom it belongs to is known there.
  private static func mirrored(_ figures: PBFormerLogFigures, from: Asset, to: Asset) throws -> Int64 {
    let owed = try Amount(minorUnits: figures.clearing).adding(Amount(minorUnits: figures.reserve))
    guard let amount = owed.rescaled(from: from.scale, to: to.scale) else {
      throw AmountError.overflow(owed.description)
    }
    return try Amount.zero.subtracting(amount).minorUnits
  }

  /// What we would come to owe the peer by accepting; nil when our currency cannot say it exactly.
  package func clearing(of claim: FormerLogClaim) -> Int64? {
    guard let treaty = treaties[claim.peer], let ours = try? Asset(treaty.ours.native),
      let theirs = try? Asset(treaty.theirs.native)
    else { return nil }
    return try? Self.mirrored(claim.figures, from: theirs, to: ours)
  }

  private static func answered(
    _ claim: FormerLogClaim, accepted: Bool, reason: String, clearing: Int64 = 0, reserve: Int64 = 0
  ) throws -> EventDraft {
    try requireShort(reason)
    var payload = PBFormerLogAnswered()
    payload.peer = claim.peer.name
    payload.log = claim.log.name
    payload.proposalID = claim.proposalID
    payload.accepted = accepted
    payload.reason = reason
    payload.clearing = clearing
    payload.reserve = reserve
    return try draft(.formerLogAnswered(payload))
  }

  private static func decided(
    _ former: FormerLog, _ outcome: PBFormerLogDecided.Outcome, note: String
  ) throws -> EventDraft {
    var payload = PBFormerLogDecided()
    payload.peer = former.log.frame.name
    payload.log = former.log.name
    payload.outcome = outcome
    payload.proposalID = outcome == .recognised ? former.proposalID : ""
    payload.figures = former.figures
    payload.note = note
    return try draft(.formerLogDecided(payload))
  }

  private static func requireShort(_ note: String) throws(FederationError) {
    guard note.utf8.count <= PeerLogs.noteBytesMax else {
      throw .formerLogInvalid("the note has \(note.utf8.count) bytes, more than \(PeerLogs.noteBytesMax)")
    }
  }

  // MARK: The stream

  /// What comes of an event about a former log in a peer's stream. Total: whatever is in it, the cursor moves on.
  package func react(
    toFormerLog recorded: RecordedEvent, from peer: FrameID
  ) -> (drafts: [EventDraft], rejected: String) {
    switch recorded.event.payload {
    case .formerLogProposed(let p): return ([], refusal(of: p, from: peer) ?? "")
    case .formerLogWithdrawn(let p):
      guard let claim = logs.claims(of: peer).first(where: { $0.proposalID == p.proposalID }) else {
        return ([], "unknown_proposal")
      }
      // What was accepted stands; the answer is in our stream.
      guard claim.state == .pending, let draft = try? Self.answered(claim, accepted: false, reason: "withdrawn") else {
        return ([], "")
      }
      return ([draft], "")
    case .formerLogAnswered(let p): return react(to: p, from: peer)
    default: return ([], "")
    }
  }

  private func react(to p: PBFormerLogAnswered, from peer: FrameID) -> (drafts: [EventDraft], rejected: String) {
    guard let log = PeerLog(name: p.log), log.frame == peer, let former = logs.former[log],
      former.proposalID == p.proposalID, !p.proposalID.isEmpty
    else { return ([], "unknown_proposal") }
    guard former.state == .proposed else { return ([], "former_log_decided") }
    guard p.accepted else { return ([], "") }
    guard let treaty = treaties[peer], let ours = try? Asset(treaty.ours.native),
      let theirs = try? Asset(treaty.theirs.native), p.reserve == former.figures.wrapped,
      let clearing = try? Self.mirrored(former.figures, from: ours, to: theirs), p.clearing == clearing,
      let draft = try? Self.decided(former, .recognised, note: "")
    else { return ([], "recognition_mismatch") }
    return ([draft], "")
  }

  private func refusal(of p: PBFormerLogProposed, from peer: FrameID) -> String? {
    guard let treaty = treaties[peer] else { return "not_established" }
    guard let log = PeerLog(name: p.log), log == PeerLog(frame, key: p.logVerifierKey),
      p.logVerifierKey != treaty.ours.logVerifierKey
    else { return "not_a_former_log" }
    guard p.newLogVerifierKey == treaty.ours.logVerifierKey else { return "stream_of_another_log" }
    let visible = p.proposalID.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    guard (1...64).contains(p.proposalID.utf8.count), visible, p.note.utf8.count <= PeerLogs.noteBytesMax,
      p.figures.reserve >= 0, p.figures.redeeming >= 0, p.figures.wrapped >= p.figures.redeeming
    else { return "malformed_proposal" }
    let claims = logs.claims(of: peer)
    guard !claims.contains(where: { $0.proposalID == p.proposalID }) else { return "unknown_proposal" }
    guard !claims.contains(where: { $0.log == log && $0.state == .accepted }) else { return "former_log_decided" }
    guard claims.count < PeerLogs.claimsMax, claims.count(where: { $0.state == .pending }) < PeerLogs.claimsPendingMax
    else { return "too_many_proposals" }
    return nil
  }

  // MARK: Evolving

  /// Applies what an event says of former logs; of any other it changes nothing.
  mutating func evolveLogs(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .frameFederationEstablished(let e):
      if let peer = try? FrameID(e.peer) { logs.establish(peer, e.theirs.logVerifierKey, recorded.time) }
    case .peerLogReplaced(let e): logs.book(e)
    case .formerLogProposed(let e):
      guard let log = PeerLog(name: e.log) else { return }
      logs.former[log]?.state = .proposed
      logs.former[log]?.proposalID = e.proposalID
      logs.former[log]?.withdrawnAt = nil
      // What was said when an earlier proposal was taken back or refused is not about this one.
      logs.former[log]?.note = e.note
    case .formerLogWithdrawn(let e):
      guard let log = PeerLog(name: e.log) else { return }
      logs.former[log]?.withdrawnAt = recorded.time
      logs.former[log]?.note = e.reason
    case .formerLogDecided(let e):
      guard let log = PeerLog(name: e.log) else { return }
      logs.former[log]?.state = e.outcome == .recognised ? .recognised : .writtenOff
      logs.former[log]?.decidedAt = recorded.time
      logs.former[log]?.note = e.note
    case .formerLogAnswered(let e):
      guard let peer = try? FrameID(e.peer),
        let index = logs.claims[peer]?.firstIndex(where: { $0.proposalID == e.proposalID })
      else { return }
      logs.claims[peer]?[index].state = e.accepted ? .accepted : .rejected
      logs.claims[peer]?[index].reason = e.reason
      logs.claims[peer]?[index].answeredAt = recorded.time
    case .peerEventProjected(let e):
      guard e.rejected.isEmpty, e.eventType.hasPrefix("FormerLog"), let peer = try? FrameID(e.originFrame),
        let theirs = try? RecordedEvent(bytes: e.event)
      else { return }
      evolve(theirs, from: peer, recorded.time)
    default: break
    }
  }

  private mutating func evolve(_ theirs: RecordedEvent, from peer: FrameID, _ time: FrameTime) {
    switch theirs.event.payload {
    case .formerLogProposed(let p):
      guard let log = PeerLog(name: p.log) else { return }
      logs.claims[peer, default: []].append(
        FormerLogClaim(
          peer: peer, log: log, proposalID: p.proposalID, figures: p.figures, note: p.note, since: time))
    case .formerLogAnswered(let p):
      guard !p.accepted, let log = PeerLog(name: p.log), logs.former[log]?.proposalID == p.proposalID else { return }
      logs.former[log]?.state = .undecided
      logs.former[log]?.proposalID = ""
      logs.former[log]?.withdrawnAt = nil
      logs.former[log]?.note = p.reason
    default: break
    }
  }
}
