import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameProjection
import FrameProtos
import Testing

@testable import FrameSettlement

/// A frame that comes back under its name with another log (decision 0034).
@Suite("A peer that was rebuilt")
struct RebuiltPeerTests {
  let now = SimFixture.start + .seconds(1)
  let alice = SimFixture.agent("alice")
  let bob = SimFixture.agent("bob")

  // MARK: Scenes

  func send(_ id: String, _ from: inout SimFrame, to: SimFrame, _ amount: Int64) throws {
    let terms = try SimFixture.terms(id, from, to, amount: amount)
    try from.settlement(.initiate(terms), actor: .agent(alice, of: from.id), key: "send/\(id)", now: now)
  }

  func hold(_ id: String, _ from: inout SimFrame, to: SimFrame, _ amount: Int64) throws {
    let terms = try SimFixture.terms(id, from, to, amount: amount)
    try from.settlement(
      .lock(terms, deadline: now + .seconds(3)), actor: .agent(alice, of: from.id), key: "hold/\(id)", now: now)
  }

  func lock(_ id: String, _ from: inout SimFrame, to: SimFrame, _ amount: Int64) throws {
    try from.bridge(
      .lock(id: id, destination: to.id, from: alice, recipient: bob, amount: Amount(minorUnits: amount)),
      actor: .agent(alice, of: from.id), key: "lock/\(id)", now: now)
  }

  func redeem(_ id: String, _ from: inout SimFrame, of origin: FrameID, _ amount: Int64) throws {
    try from.bridge(
      .redeem(id: id, origin: origin, from: bob, recipient: alice, amount: Amount(minorUnits: amount)),
      actor: .agent(bob, of: from.id), key: "redeem/\(id)", now: now)
  }

  /// All that `from` has for `to` and `to` does not hold yet.
  func stream(_ from: SimFrame, to: inout SimFrame) throws {
    let held = to.state.projection.cursor(of: from.id).sequence
    let positions = from.state.projection.positions(for: to.id, after: held, limit: .max)
    for (offset, position) in positions.enumerated() {
      try to.receive(held + UInt64(offset) + 1, from.attested(position), now: now)
    }
  }

  func exchange(_ a: inout SimFrame, _ b: inout SimFrame) throws {
    for _ in 0..<4 {
      try stream(a, to: &b)
      try stream(b, to: &a)
    }
  }

  /// A has paid B and locked for it, and the other way round; then something of each kind is under way from B. A loses its log.
  /// - Parameter redeeming: what B's bob redeems last: it is burned there, and A never hears of it.
  func lost(redeeming: [Int64] = [30]) throws -> (old: SimFrame, new: SimFrame, b: SimFrame) {
    var (a, b) = try SimFixture.pair()
    try send("a1", &a, to: b, 300)
    try send("b1", &b, to: a, 1_000)
    try lock("la", &a, to: b, 500)
    try lock("lb", &b, to: a, 800)
    try exchange(&a, &b)
    try redeem("rb", &b, of: a.id, 100)
    try exchange(&a, &b)
    // Under way, from here on unheard by A.
    try send("b2", &b, to: a, 70)
    try hold("b3", &b, to: a, 40)
    try lock("lb2", &b, to: a, 60)
    for (index, amount) in redeeming.enumerated() { try redeem("rb\(index + 2)", &b, of: a.id, amount) }
    var new = try SimFixture.frame("frame-a.example", code: "AVT")
    try SimFixture.revoke(&b, a.id, now: now)
    try SimFixture.federate(&new, &b)
    return (a, new, b)
  }

  func former(_ b: SimFrame) throws -> FormerLog {
    let all = b.state.federation.logs.former(of: try FrameID("frame-a.example"))
    return try #require(all.first)
  }

  func giveBackAll(_ frame: inout SimFrame) throws {
    for item in frame.state.settlement.toGiveBack {
      try frame.settlement(.giveBack(transferID: item.id, log: item.log), actor: .node(of: frame.id), now: now)
    }
    for (log, item) in frame.state.bridge.toReturn {
      try frame.bridge(.returnItem(log: log, kind: item.kind, id: item.id), actor: .node(of: frame.id), now: now)
    }
  }

  func operate(_ frame: inout SimFrame, _ peer: FrameID, _ command: FormerLogCommand) throws {
    try frame.submit(
      .formerLog(peer, command), actor: .authority(of: frame.id), key: "op/\(frame.log.count)", digest: .init(),
      now: now)
  }

  /// Supply, mirrors and backing of the two present logs.
  func checkBooks(_ a: SimFrame, _ b: SimFrame, _ comment: Comment) {
    for frame in [a, b] {
      #expect(frame.findings.isEmpty, comment)
      var sums: [Asset?: Int64] = [:]
      for (account, balance) in frame.state.ledger.accounts { sums[account.asset, default: 0] += balance }
      for sum in sums.values { #expect(sum == 0, comment) }
      let restarted = frame.replayed()
      #expect(StateMirror.text(restarted.settlement) == StateMirror.text(frame.state.settlement), comment)
      #expect(StateMirror.text(restarted.bridge) == StateMirror.text(frame.state.bridge), comment)
      #expect(StateMirror.text(restarted.projection) == StateMirror.text(frame.state.projection), comment)
    }
    for (x, y) in [(a, b), (b, a)] {
      #expect(x.balance(.clearing(y.id)) == x.state.settlement.clearing[y.id] ?? 0, comment)
      let bridge = x.state.bridge.peer(y.id)
      #expect(x.balance(.bridgeReserve(y.id)) == bridge.outbound.reserve, comment)
      #expect(bridge.outbound.imbalance == 0, comment)
      #expect(bridge.inbound.imbalance == 0, comment)
      #expect(bridge.breaker == nil, comment)
    }
  }

  // MARK: Nothing old is acted on

  @Test("both streams begin at the treaty, work in both directions, and nothing old is acted on again")
  func beginsAnew() throws {
    var (_, a, b) = try lost()
    #expect(b.state.projection.head(for: a.id) == 0)
    #expect(b.state.projection.cursor(of: a.id).sequence == 0)
    let before = a.log.count
    try exchange(&a, &b)
    #expect(a.log.count == before, "the new log was given something old")
    try send("n1", &a, to: b, 25)
    try send("n2", &b, to: a, 15)
    try lock("ln", &a, to: b, 35)
    try exchange(&a, &b)
    #expect(a.state.settlement.outgoing("n1")?.phase == .completed)
    #expect(b.state.settlement.outgoing("n2")?.phase == .completed)
    #expect(b.state.bridge.peer(a.id).inbound.issues["ln"]?.amount == 35)
    #expect(a.balance(.clearing(b.id)) == 10)
    #expect(b.balance(.clearing(a.id)) == -10)
    checkBooks(a, b, "after new business")
  }

  @Test("what stood is named with its amounts, on accounts of its own, and the new treaty's caps begin at nothing")
  func figures() throws {
    let (old, a, b) = try lost()
    let former = try former(b)
    let log = PeerLog(a.id, key: old.key.text)
    #expect(former.log == log)
    #expect(former.state == .undecided)
    let figures = former.figures
    #expect(figures.clearing == 700)
    #expect(figures.sent == 70)
    #expect(figures.held == 40)
    #expect(figures.transfers == 2)
    #expect(figures.reserve == 800)
    #expect(figures.returnable == 60)
    #expect(figures.items == 2)
    #expect(figures.wrapped == 400)
    #expect(figures.redeeming == 30)
    #expect(b.balance(.clearing(a.id)) == 0)
    #expect(b.balance(.clearing(of: log)) == 770)
    #expect(b.balance(.bridgeReserve(a.id)) == 0)
    #expect(b.balance(.bridgeReserve(of: log)) == 860)
    #expect(b.state.settlement.openPeers.isEmpty)
    #expect(SettlementSummary(b.state.settlement, now: now).unresolved.isEmpty)
    #expect(b.state.settlement.openTransfers(of: log).map(\.id).sorted() == ["b2", "b3"])
  }

  @Test("the new log's word about an old transfer is not believed, and its ids are its own")
  func newWord() throws {
    var (_, a, b) = try lost()
    for command in [
      SettlementCommand.commit(transferID: "b3", peer: a.id, creditedAmount: 40, peerPosition: 9),
      .abort(transferID: "b3", peer: a.id, reason: "never_seen"),
    ] {
      #expect(throws: SettlementError.ofFormerLog("b3")) {
        try b.settlement(command, actor: .node(of: b.id), now: now)
      }
    }
    // An outcome that the new log claims in its stream.
    let old = try #require(b.state.settlement.outgoing("b2")?.terms)
    var settled = PBCrossFrameTransferSettled()
    settled.terms = old.message
    settled.creditedAmount = 70
    try a.append(
      EventDraft(
        .crossFrameTransferSettled(settled), postings: Postings.move(70, from: .clearing(b.id), to: .liquid(bob))),
      actor: .node(of: a.id), now: now)
    try exchange(&a, &b)
    #expect(b.state.settlement.outgoing("b2")?.phase == .initiated)
    // The id of a transfer that the old log made is free in the new one, and is credited once more: it is another transfer.
    let before = b.balance(.liquid(bob))
    try send("a1", &a, to: b, 300)
    try exchange(&a, &b)
    #expect(b.balance(.liquid(bob)) == before + 300)
    #expect(a.state.settlement.outgoing("a1")?.phase == .completed)
    checkBooks(a, b, "after a reused id")
  }

  @Test("wrapped tokens of the lost log cannot be redeemed at the new one, those of the new one can")
  func unbacked() throws {
    var (_, a, b) = try lost()
    try lock("ln", &a, to: b, 50)
    try exchange(&a, &b)
    #expect(b.balance(.wrapped(bob, a.native)) == 420)
    #expect(throws: BridgeError.wrappedUnbacked(bob, has: 50, needs: 51, unbacked: 370, of: a.native)) {
      try redeem("too-much", &b, of: a.id, 51)
    }
    try redeem("r", &b, of: a.id, 50)
    try exchange(&a, &b)
    #expect(b.balance(.wrapped(bob, a.native)) == 370)
    checkBooks(a, b, "after a redemption")
  }

  @Test("the survivor's old lock, proved by hand to the frame that has lost its log, is not issued once more")
  func oldProof() throws {
    var (a, b) = try SimFixture.pair()
    try lock("lb", &b, to: a, 800)
    try exchange(&a, &b)
    let position = try #require(
      b.log.first { if case .tokensBridgeLocked = $0.event.payload { true } else { false } }?.position)
    var new = try SimFixture.frame("frame-a.example", code: "AVT")
    try SimFixture.revoke(&b, a.id, now: now)
    try SimFixture.establish(&new, with: b, now: now + .seconds(60))
    try SimFixture.establish(&b, with: new, now: now + .seconds(60))
    #expect(throws: BridgeError.proofRefused(check: "log", code: "before_this_log")) {
      try new.bridge(.issue(b.attested(position)), actor: .agent(alice, of: new.id), now: now + .seconds(61))
    }
  }

  // MARK: Decisions

  @Test("recognised by both, the books mirror each other again and every sender has back what was in flight")
  func recognised() throws {
    var (_, a, b) = try lost()
    let log = try former(b).log
    let senders = b.balance(.liquid(alice))
    try operate(&b, a.id, .propose(log: log, id: "p1", note: "as agreed"))
    try exchange(&a, &b)
    let claim = try #require(a.state.federation.logs.claims(of: b.id).first)
    #expect(claim.state == .pending)
    let early = #expect(throws: FederationError.self) {
      try operate(&b, a.id, .writeOff(log: log, note: "impatient"))
    }
    #expect(early?.remedy.contains("frame peer former-log withdraw") == true)
    #expect(b.state.federation.logs.former[log]?.note == "as agreed")
    let treasury = a.balance(.treasury)
    try operate(&a, b.id, .accept(proposalID: "p1"))
    // B owed 700 and held 800 of its own for what was outstanding there; B's agents hold 370 of A's and were redeeming 30.
    #expect(a.balance(.clearing(b.id)) == -1_500)
    #expect(a.balance(.treasury) == treasury + 1_500 - 400)
    try exchange(&a, &b)
    #expect(try former(b).state == .recognised)
    try giveBackAll(&b)
    try exchange(&a, &b)
    #expect(b.balance(.clearing(a.id)) == 1_500)
    #expect(b.balance(.clearing(of: log)) == 0)
    #expect(b.balance(.bridgeReserve(of: log)) == 0)
    #expect(b.balance(.held(alice)) == 0)
    #expect(b.balance(.liquid(alice)) == senders + 70 + 40 + 60)
    #expect(a.state.bridge.peer(b.id).outbound.outstanding == 400)
    #expect(b.balance(.wrapped(bob, a.native)) == 400, "what was being redeemed is back")
    checkBooks(a, b, "after the recognition")
    // What the holders have is backed now, and more business goes on.
    try redeem("r", &b, of: a.id, 400)
    try lock("ln", &a, to: b, 20)
    try exchange(&a, &b)
    #expect(b.balance(.wrapped(bob, a.native)) == 20)
    checkBooks(a, b, "after redeeming it")
  }

  @Test("written off by one, the senders have back what was in flight and the rest is in the treasury")
  func writtenOff() throws {
    let (_, a, survivor) = try lost()
    var b = survivor
    let log = try former(b).log
    let (senders, treasury) = (b.balance(.liquid(alice)), b.balance(.treasury))
    try operate(&b, a.id, .writeOff(log: log, note: "no records"))
    try giveBackAll(&b)
    #expect(b.balance(.treasury) == treasury + 700 + 800)
    #expect(b.balance(.liquid(alice)) == senders + 70 + 40 + 60)
    #expect(b.balance(.clearing(of: log)) == 0)
    #expect(b.balance(.bridgeReserve(of: log)) == 0)
    #expect(b.balance(.wrapped(bob, a.native)) == 400, "they stay with their holder, or are back")
    #expect(throws: BridgeError.self) { try redeem("r", &b, of: a.id, 1) }
    checkBooks(a, b, "after the write-off")
    // Given back once.
    let count = b.log.count
    try giveBackAll(&b)
    #expect(b.log.count == count)
    #expect(throws: FederationError.self) { try operate(&b, a.id, .propose(log: log, id: "late", note: "")) }
  }

  @Test("what nobody answers can be withdrawn: the other side refuses by itself, or time passes")
  func withdrawn() throws {
    var (_, a, b) = try lost()
    let log = try former(b).log
    try operate(&b, a.id, .propose(log: log, id: "p1", note: ""))
    try operate(&b, a.id, .withdraw(log: log, reason: "figures differ"))
    #expect(throws: FederationError.self) { try operate(&b, a.id, .writeOff(log: log, note: "")) }
    try exchange(&a, &b)
    #expect(a.state.federation.logs.claims(of: b.id).first?.state == .rejected)
    #expect(try former(b).state == .undecided)
    #expect(throws: FederationError.self) { try operate(&a, b.id, .accept(proposalID: "p1")) }
    // A peer that never answers.
    try operate(&b, a.id, .propose(log: log, id: "p2", note: ""))
    try operate(&b, a.id, .withdraw(log: log, reason: ""))
    try b.submit(
      .formerLog(a.id, .writeOff(log: log, note: "gone")), actor: .authority(of: b.id), key: "late", digest: .init(),
      now: now + PeerLogs.withdrawalLifetime + .seconds(1))
    #expect(try former(b).state == .writtenOff)
    // Its answer, late: refused, on record, and nothing moves.
    let clearing = b.balance(.clearing(a.id))
    var late = PBFormerLogAnswered()
    late.peer = b.id.name
    late.log = log.name
    late.proposalID = "p2"
    late.accepted = true
    try a.append(EventDraft(.formerLogAnswered(late)), actor: .authority(of: a.id), now: now)
    try stream(a, to: &b)
    #expect(b.balance(.clearing(a.id)) == clearing)
    guard case .peerEventProjected(let projected)? = b.log.last?.event.payload else {
      Issue.record("the late answer is not on record")
      return
    }
    #expect(projected.rejected == "former_log_decided")
  }

  @Test("only the authority decides, and only about what it is asked")
  func mayDecide() throws {
    var (_, a, b) = try lost()
    let log = try former(b).log
    for actor in [SPIFFEID.agent(alice, of: b.id), .node(of: b.id), .node(of: a.id)] {
      #expect(throws: (any Error).self) {
        try b.submit(
          .formerLog(a.id, .writeOff(log: log, note: "")), actor: actor, key: "x/\(actor)", digest: .init(), now: now)
      }
    }
    // The rebuilt frame's own invention about a log that is not lost.
    try operate(&b, a.id, .propose(log: log, id: "p", note: ""))
    var forged = PBFormerLogProposed()
    forged.peer = b.id.name
    forged.log = PeerLog(b.id, key: b.key.text).name
    forged.logVerifierKey = b.key.text
    forged.newLogVerifierKey = b.key.text
    forged.proposalID = "forged"
    try a.append(EventDraft(.formerLogProposed(forged)), actor: .authority(of: a.id), now: now)
    try exchange(&a, &b)
    #expect(b.state.federation.logs.claims(of: a.id).isEmpty)
  }

  // MARK: Other ways to come back

  @Test("the old log, found again before anybody decided, goes on where it stood")
  func found() throws {
    var (old, a, b) = try lost()
    try send("n1", &a, to: b, 25)
    try exchange(&a, &b)
    let oldLog = try former(b).log
    try SimFixture.revoke(&b, a.id, now: now)
    try SimFixture.establish(&b, with: old)
    #expect(b.balance(.clearing(of: oldLog)) == 0)
    #expect(b.balance(.clearing(old.id)) == 770)
    try exchange(&old, &b)
    #expect(b.state.settlement.outgoing("b2")?.phase == .completed)
    #expect(b.state.bridge.peer(a.id).inbound.redeems["rb2"]?.doneAt != nil, "the old log has unlocked it")
    #expect(b.balance(.wrapped(bob, a.native)) == 370)
    checkBooks(old, b, "with the old log")
    // The log of the time between is the former one now.
    let between = try #require(b.state.federation.logs.former(of: a.id).first)
    #expect(between.log == PeerLog(a.id, key: a.key.text))
    #expect(between.figures.clearing == -25)
  }

  @Test("a log that was decided about does not come back")
  func decidedStaysDecided() throws {
    let (old, a, survivor) = try lost()
    var b = survivor
    try operate(&b, a.id, .writeOff(log: try former(b).log, note: ""))
    try SimFixture.revoke(&b, a.id, now: now)
    let pin = PinnedBundle(document: .init([1]), fingerprint: "f", sequence: 1)
    var theirs = SimFixture.description(of: old, .init())
    theirs.bundleFingerprint = "f"
    theirs.bundleEndpoint = "https://a.example:9444"
    theirs.bundleEndpointProfile = "https_spiffe"
    theirs.federationAddress = "a.example:9443"
    #expect(throws: FederationError.formerLogDecided(try former(b).log, state: "written_off")) {
      try b.state.federation.decide(
        .receiveIncoming(
          invitationID: "again", theirs: theirs, pin: pin, expires: now + .seconds(60),
          ours: SimFixture.description(of: b, .init())),
        DecisionContext(now: now, actor: .node(of: old.id)))
    }
  }

  @Test("an older copy of the same log finds its stream refused on both sides, and nothing is acted on")
  func olderCopy() throws {
    var (a, b) = try SimFixture.pair()
    try send("a1", &a, to: b, 300)
    let backup = a
    try send("a2", &a, to: b, 50)
    try send("b1", &b, to: a, 20)
    try exchange(&a, &b)
    var restored = backup
    try SimFixture.establish(&restored, with: b)
    try SimFixture.establish(&b, with: restored)
    // Its treaty is with the same key: everything is as it was, so that its other event number two is not taken.
    try send("a3", &restored, to: b, 999)
    let before = b.log.count
    let positions = restored.state.projection.positions(for: b.id, after: 0, limit: .max)
    let cursor = b.state.projection.cursor(of: a.id)
    #expect(cursor.sequence > UInt64(positions.count))
    for (offset, position) in positions.enumerated() {
      try b.receive(UInt64(offset) + 1, restored.attested(position), now: now)
    }
    #expect(b.log.count == before)
  }
}
