@testable import FrameAudit
@testable import FrameBridge
import FrameCore
import FrameEvents
import FrameProtos
import FrameSettlement
import Testing

@testable import FrameLedger

extension SimFrame {
  /// What an audit that shares no code with the rooms finds in the log.
  var findings: [AuditFinding] {
    var fold = SupplyRecount(frame: id.name, thorough: false)
    for event in log { fold.add(event.position, event.bytes) }
    return fold.findings
  }

  /// Wrapped tokens that come home, as the log tells it.
  var comeHome: [Int64] {
    log.compactMap { event in
      if case .formerLogItemReturned(let p) = event.event.payload, p.kind == .wrapped { p.amount } else { nil }
    }
  }
}

/// Wrapped tokens that were on their way home when their frame lost its log: burned here, unlocked by nobody.
extension RebuiltPeerTests {
  enum Outcome: CaseIterable { case recognised, writtenOff }

  private func decide(_ outcome: Outcome, _ a: inout SimFrame, _ b: inout SimFrame) throws {
    let open = b.state.federation.logs.former(of: a.id).first { $0.state == .undecided }
    let log = try #require(open?.log)
    switch outcome {
    case .recognised:
      let id = "p-\(log.id)"
      try operate(&b, a.id, .propose(log: log, id: id, note: ""))
      try exchange(&a, &b)
      try operate(&a, b.id, .accept(proposalID: id))
      try exchange(&a, &b)
      #expect(b.state.federation.logs.former[log]?.state == .recognised)
    case .writtenOff: try operate(&b, a.id, .writeOff(log: log, note: ""))
    }
  }

  private func held(_ b: SimFrame, of a: SimFrame) -> Int64 { b.balance(.wrapped(bob, a.native)) }
  private func unbacked(_ b: SimFrame, of a: SimFrame) -> Int64 { b.state.bridge.unbacked(bob, of: a.id, a.native) }

  /// The frame is killed, and starts from its log or from a snapshot of what it knew.
  private func killed(_ frame: inout SimFrame) throws {
    var restored = SimState(native: frame.native)
    let bytes = SnapshotFields.encode(frame.state)
    try bytes.withUnsafeBytes { try SnapshotFields.decode($0, into: &restored) }
    frame.restart()
    #expect(StateMirror.text(restored.bridge) == StateMirror.text(frame.state.bridge))
  }

  @Test("what was being redeemed comes home once, wherever the node is killed in between", arguments: Outcome.allCases)
  func comesHomeOnce(outcome: Outcome) throws {
    var (_, a, b) = try lost(redeeming: [30, 20, 7])
    #expect(held(b, of: a) == 343)
    #expect(try former(b).figures.redeeming == 57)
    #expect(b.state.bridge.toReturn.isEmpty, "the old log may still be found, and tell of the unlock")
    try decide(outcome, &a, &b)
    #expect(held(b, of: a) == 343)
    let due = b.state.bridge.toReturn
    #expect(due.map(\.item.kind) == [.lock, .wrapped, .wrapped, .wrapped])
    for (log, item) in due {
      try killed(&b)
      for attempt in 1...2 {
        try b.bridge(
          .returnItem(log: log, kind: item.kind, id: item.id), actor: .node(of: b.id), key: "\(item.id)/\(attempt)",
          now: now)
      }
    }
    try killed(&b)
    #expect(b.comeHome == [30, 20, 7])
    #expect(b.state.bridge.toReturn.isEmpty)
    #expect(held(b, of: a) == 400)
    #expect(unbacked(b, of: a) == (outcome == .recognised ? 0 : 400))
    for item in due { #expect(b.state.bridge.former[item.log]?.isBack(item.item.kind, item.item.id) == true) }
    checkBooks(a, b, "\(outcome)")
  }

  @Test("recognised, both sides agree about the totals before anything is back, and what comes back is backed")
  func backedAtOnce() throws {
    var (_, a, b) = try lost()
    try decide(.recognised, &a, &b)
    #expect(a.state.federation.logs.claims(of: b.id).first?.figures.redeeming == 30)
    try redeem("r1", &b, of: a.id, 370)
    try exchange(&a, &b)
    for (x, y) in [(a, b), (b, a)] {
      let statement = ReserveStatements.make(
        for: y.id, frame: x.id, figures: BridgeFigures(x.state.bridge.peer(y.id)), logSize: UInt64(x.log.count),
        now: now)
      let known = BridgeFigures(y.state.bridge.peer(x.id))
      let found = ReserveStatements.contradiction(statement, before: known, after: known)
      #expect(found == nil, "\(String(describing: found))")
    }
    checkBooks(a, b, "before it is back")
    #expect(throws: BridgeError.insufficientFunds(bob, has: 0, needs: 30, of: a.native)) {
      try redeem("r2", &b, of: a.id, 30)
    }
    try giveBackAll(&b)
    try redeem("r2", &b, of: a.id, 30)
    try exchange(&a, &b)
    #expect(a.state.bridge.peer(b.id).outbound.outstanding == 0)
    #expect(b.state.bridge.peer(a.id).inbound.outstanding == 0)
    checkBooks(a, b, "after it was redeemed again")
  }

  @Test("written off, it comes home unbacked, and tokens of the new log can be redeemed all the time")
  func comesHomeUnbacked() throws {
    var (_, a, b) = try lost()
    try lock("ln", &a, to: b, 50)
    try exchange(&a, &b)
    try decide(.writtenOff, &a, &b)
    #expect(unbacked(b, of: a) == 370)
    try redeem("r1", &b, of: a.id, 20)
    try giveBackAll(&b)
    #expect(unbacked(b, of: a) == 400)
    try redeem("r2", &b, of: a.id, 30)
    try exchange(&a, &b)
    #expect(throws: BridgeError.wrappedUnbacked(bob, has: 0, needs: 1, unbacked: 400, of: a.native)) {
      try redeem("r3", &b, of: a.id, 1)
    }
    #expect(a.state.bridge.peer(b.id).outbound.outstanding == 0)
    checkBooks(a, b, "unbacked")
  }

  @Test(
    "the log that took it over is lost too: what is not back yet is counted with what it had",
    arguments: Outcome.allCases, [true, false])
  func lostAgain(outcome: Outcome, isBackBefore: Bool) throws {
    var (_, second, b) = try lost()
    try decide(.recognised, &second, &b)
    var third = try SimFixture.frame("frame-a.example", code: "AVT")
    try SimFixture.revoke(&b, second.id, now: now)
    try SimFixture.federate(&third, &b)
    let figures = try #require(b.state.federation.logs.former[PeerLog(second.id, key: second.key.text)]?.figures)
    #expect(figures.wrapped == 400)
    #expect(figures.redeeming == 0, "that log was not asked to unlock it")
    #expect(unbacked(b, of: third) == 370)
    if isBackBefore {
      try giveBackAll(&b)
      #expect(unbacked(b, of: third) == 400)
    }
    try decide(outcome, &third, &b)
    // It is nobody's before it is back, but the new log has locked for it.
    let inbound = b.state.bridge.peer(third.id).inbound
    #expect(inbound.outstanding == (outcome == .recognised ? 400 : 0))
    #expect(unbacked(b, of: third) == (outcome == .recognised ? 0 : isBackBefore ? 400 : 370))
    try killed(&b)
    try giveBackAll(&b)
    try exchange(&third, &b)
    #expect(b.comeHome == [30])
    #expect(held(b, of: third) == 400)
    #expect(unbacked(b, of: third) == (outcome == .recognised ? 0 : 400))
    if outcome == .recognised {
      try redeem("r", &b, of: third.id, 400)
      try exchange(&third, &b)
      #expect(third.state.bridge.peer(b.id).outbound.outstanding == 0)
    } else {
      #expect(throws: BridgeError.self) { try redeem("r", &b, of: third.id, 1) }
    }
    checkBooks(third, b, "\(outcome)")
  }

  @Test("nothing is issued while a finding of the audit stands: the rest goes back, and this waits")
  func frozen() throws {
    var (_, a, b) = try lost()
    try decide(.writtenOff, &a, &b)
    var drift = PBSupplyDriftDetected()
    drift.size = 1
    drift.findings = 1
    drift.code = "supply_delta"
    try b.append(EventDraft(.supplyDriftDetected(drift)), actor: .node(of: b.id), now: now)
    let due = b.state.bridge.toReturn
    #expect(b.state.bridge.toReturn(b.state.ledger).map(\.item.kind) == [.lock])
    #expect(b.state.bridge.toReturn(LedgerState(frame: b.id, native: b.native)).isEmpty, "nobody is registered there")
    let last = try #require(due.last)
    #expect(throws: LedgerError.supplyFrozen(code: "supply_delta", size: 1)) {
      try b.bridge(
        .returnItem(log: last.log, kind: last.item.kind, id: last.item.id), actor: .node(of: b.id), now: now)
    }
    var cleared = PBSupplyDriftCleared()
    cleared.size = 1
    cleared.accepted = 1
    try b.append(EventDraft(.supplyDriftCleared(cleared)), actor: .authority(of: b.id), now: now)
    #expect(b.state.bridge.toReturn(b.state.ledger).map(\.item.kind) == [.lock, .wrapped])
    try giveBackAll(&b)
    #expect(held(b, of: a) == 400)
  }

  @Test("what a version before this one decided without it comes home too, unbacked")
  func decidedBefore() throws {
    let (_, a, survivor) = try lost()
    var b = survivor
    var decided = PBFormerLogDecided()
    decided.peer = a.id.name
    decided.log = try former(b).log.name
    decided.outcome = .recognised
    decided.figures = try former(b).figures
    decided.figures.wrapped -= decided.figures.redeeming
    decided.figures.redeeming = 0
    try b.append(
      EventDraft(.formerLogDecided(decided), postings: FormerLogMoney.postings(.formerLogDecided(decided))),
      actor: .authority(of: b.id), now: now)
    try killed(&b)
    #expect(unbacked(b, of: a) == 0)
    try giveBackAll(&b)
    #expect(held(b, of: a) == 400)
    #expect(unbacked(b, of: a) == 30)
    #expect(b.state.bridge.peer(a.id).inbound.outstanding == 370)
    #expect(b.findings.isEmpty)
  }

  @Test("a proposal with more being redeemed than there is, or less than nothing, is refused", arguments: [401, -1])
  func malformed(redeeming: Int64) throws {
    let (old, rebuilt, survivor) = try lost()
    var (a, b) = (rebuilt, survivor)
    var proposed = PBFormerLogProposed()
    proposed.peer = a.id.name
    proposed.log = PeerLog(old.id, key: old.key.text).name
    proposed.proposalID = "p1"
    proposed.logVerifierKey = old.key.text
    proposed.newLogVerifierKey = a.key.text
    proposed.figures = try former(b).figures
    proposed.figures.redeeming = redeeming
    try b.append(EventDraft(.formerLogProposed(proposed)), actor: .authority(of: b.id), now: now)
    try stream(b, to: &a)
    guard case .peerEventProjected(let projected)? = a.log.last?.event.payload else {
      Issue.record("the proposal is not on record")
      return
    }
    #expect(projected.rejected == "malformed_proposal")
  }
}
