@testable import FrameAudit
import FrameBridge
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger
@testable import FrameSettlement

/// The audit of two logs of which one is not the only log that its frame has had (decision 0034).
@Suite("Two logs held against each other, when a peer has had more than one")
struct FormerDealingsTests {
  private let now = SimFixture.start + .seconds(1)

  private func match(_ first: SimFrame, _ second: SimFrame) -> DealingsMatch {
    DealingsMatch(first.dealings(), second.dealings(), tail: DealingsRecount(frame: first.id.name))
  }

  /// In both orders of reading, which must find the same.
  private func codes(_ a: SimFrame, _ b: SimFrame) -> [String] {
    let (one, two) = (match(a, b), match(b, a))
    #expect(Set(one.problems.map(\.code)) == Set(two.problems.map(\.code)))
    return one.problems.map(\.code).sorted()
  }

  private func direction(_ match: DealingsMatch, from origin: SimFrame) -> DealingsMatch.Direction? {
    match.directions.first { $0.origin == origin.id.name }
  }

  // MARK: Nothing is wrong

  @Test("what stands towards a lost log is a line of its own against the new one, and matched with the lost one itself")
  func undecided() throws {
    let scene = try LostLog()
    #expect(codes(scene.new, scene.b).isEmpty, "\(match(scene.new, scene.b).problems)")
    let new = match(scene.new, scene.b)
    #expect(new.directions.allSatisfy { $0.locked == 0 && $0.wrapped == 0 })
    let line = try #require(new.otherLogs.first)
    #expect(new.otherLogs.count == 1 && new.withOtherLogs == line.items)
    #expect(line.frame == scene.b.id.name && line.log == scene.lost.name && line.state == "undecided")
    #expect(line.clearing == 770 && line.locked == 860 && line.wrapped == 370)
    #expect(line.asset == "AVT@frame-a.example/2")

    #expect(codes(scene.old, scene.b).isEmpty, "\(match(scene.old, scene.b).problems)")
    let old = match(scene.old, scene.b)
    #expect(direction(old, from: scene.old) == .init(scene.old, scene.b, locked: 400, wrapped: 370))
    #expect(direction(old, from: scene.b) == .init(scene.b, scene.old, locked: 860, wrapped: 800))
    #expect(old.transfersInFlight == 2 && old.bridgeInFlight == 2)
    #expect(old.agreed.credited == 2 && old.agreed.issued == 2 && old.agreed.unlocked == 1)
    #expect(old.missing.isEmpty)
  }

  @Test("an id that the lost log had used is another transfer and another bridge item at the new one")
  func reusedIDs() throws {
    var scene = try LostLog()
    try scene.new.pay("a1", to: scene.b, 300)
    try scene.new.lockFor("la", scene.b, 50)
    try scene.exchange()
    #expect(codes(scene.new, scene.b).isEmpty, "\(match(scene.new, scene.b).problems)")
    #expect(codes(scene.old, scene.b).isEmpty, "\(match(scene.old, scene.b).problems)")
    let new = match(scene.new, scene.b)
    #expect(direction(new, from: scene.new) == .init(scene.new, scene.b, locked: 50, wrapped: 50))
    #expect(new.agreed.credited == 1 && new.agreed.issued == 1)
    let old = match(scene.old, scene.b)
    #expect(old.otherLogs.map(\.state) == ["present"] && old.otherLogs[0].wrapped == 50)
  }

  @Test("a refusal of before the new log is one for it too: its transfers by that id stay refused")
  func oldRefusal() throws {
    var (a, b) = try SimFixture.pair()
    let nobody = try SimFixture.terms("t", a, b, to: "nobody", amount: 50)
    try a.settlement(
      .initiate(nobody), actor: .agent(SimFixture.agent("alice"), of: a.id), key: "t", now: now)
    try BridgePair.deliver(a, &b, now)
    var new = try SimFixture.frame("frame-a.example", code: "AVT")
    try SimFixture.revoke(&b, a.id, now: now)
    try SimFixture.federate(&new, &b)
    let again = try SimFixture.terms("t", new, b, amount: 50)
    try new.settlement(
      .lock(again, deadline: now + .seconds(3)), actor: .agent(SimFixture.agent("alice"), of: new.id), key: "t",
      now: now)
    #expect(b.decision("t", from: new.id)?.outcome == .refused, "what its log says of the id is the answer")
    try new.settlement(
      .abort(transferID: "t", peer: b.id, reason: "unknown_recipient"), actor: .node(of: new.id), now: now)
    #expect(match(new, b).agreed.refunded == 1)
    #expect(codes(new, b).isEmpty, "\(match(new, b).problems)")
  }

  @Test("written off and given back: no contradiction with either log, whatever the lost one had done meanwhile")
  func writtenOff() throws {
    for hasHeard in [false, true] {
      var scene = try LostLog(hasHeard: hasHeard)
      try scene.b.decideOn(scene.new.id, .writeOff(log: scene.lost, note: "no records"))
      try scene.giveBackAll()
      let (new, old) = (match(scene.new, scene.b), match(scene.old, scene.b))
      #expect(codes(scene.new, scene.b).isEmpty, "\(new.problems)")
      #expect(codes(scene.old, scene.b).isEmpty, "\(old.problems)")
      let line = try #require(new.otherLogs.first)
      #expect(line.state == "written_off" && line.wrapped >= 370)
      #expect(line.clearing == 0 && line.locked == 0)
      // What it did unheard: it credited the async transfer and issued the lock that went back to their senders.
      #expect(old.returnedThough >= (hasHeard ? 2 : 0) && (hasHeard || old.returnedThough == 0))
      #expect(old.transfersInFlight == 0)
    }
  }

  @Test("recognised by both: each step is in flight or agreed, and the new log backs what the lost one had issued")
  func recognised() throws {
    var scene = try LostLog()
    try scene.b.decideOn(scene.new.id, .propose(log: scene.lost, id: "p1", note: ""))
    try scene.exchange()
    #expect(codes(scene.new, scene.b).isEmpty)
    try scene.new.decideOn(scene.b.id, .accept(proposalID: "p1"))
    #expect(codes(scene.new, scene.b).isEmpty)
    #expect(match(scene.new, scene.b).recognitionsInFlight == 1)
    try scene.exchange()
    try scene.giveBackAll()
    try scene.exchange()
    let new = match(scene.new, scene.b)
    #expect(codes(scene.new, scene.b).isEmpty, "\(new.problems)")
    #expect(new.agreed.recognised == 1 && new.recognitionsInFlight == 0)
    let backed = try #require(direction(new, from: scene.new))
    #expect(backed.locked == backed.wrapped && backed.wrapped >= 370)
    #expect(new.clearing.first + new.clearing.second == 0 && new.clearing.second == 1_500)
    #expect(new.otherLogs.map(\.state) == ["recognised"] && new.otherLogs[0].wrapped == 0)
    #expect(codes(scene.old, scene.b).isEmpty, "\(match(scene.old, scene.b).problems)")
  }

  @Test("an answer that came while the other log was read is not missing")
  func answerInTail() throws {
    var scene = try LostLog()
    try scene.b.decideOn(scene.new.id, .propose(log: scene.lost, id: "p1", note: ""))
    try scene.exchange()
    let read = scene.new.log.count
    let first = scene.new.dealings()
    try scene.new.decideOn(scene.b.id, .accept(proposalID: "p1"))
    try scene.exchange()
    let tail = scene.new.dealings(after: first, from: read)
    let found = DealingsMatch(first, scene.b.dealings(), tail: tail)
    #expect(found.problems.isEmpty, "\(found.problems)")
    let blind = DealingsMatch(first, scene.b.dealings(), tail: DealingsRecount(after: first))
    #expect(Set(blind.problems.map(\.code)) == ["recognised_without_answer", "unbacked"])
  }

  // MARK: Something is

  @Test("what was printed in the lost log's name is named against the lost log, and never called proven by the new one")
  func printedThen() throws {
    let scene = try LostLog { scene in
      let (payload, postings) = scene.issued("ghost", 777)
      try scene.b.forge(payload, postings)
    }
    #expect(codes(scene.old, scene.b) == ["issue_without_lock", "unbacked"])
    #expect(codes(scene.new, scene.b).isEmpty)
    #expect(match(scene.new, scene.b).otherLogs.map(\.wrapped) == [370 + 777])
  }

  @Test("what is printed in the new log's name is named against it, however much the lost one had locked")
  func printedNow() throws {
    var scene = try LostLog()
    let (payload, postings) = scene.issued("ghost", 30)
    try scene.b.forge(payload, postings)
    #expect(codes(scene.new, scene.b) == ["issue_without_lock", "unbacked"])
    #expect(codes(scene.old, scene.b).isEmpty)
  }

  @Test("a former log that one side books as taken over, with nothing or something else accepted there, is named")
  func recognisedAlone() throws {
    var scene = try LostLog()
    try scene.b.decideOn(scene.new.id, .propose(log: scene.lost, id: "p1", note: ""))
    try scene.exchange()
    let figures = try #require(scene.b.state.federation.logs.former(of: scene.new.id).first).figures
    let decided = PBFormerLogDecided.with {
      $0.peer = scene.new.id.name
      $0.log = scene.lost.name
      $0.outcome = .recognised
      $0.proposalID = "p1"
      $0.figures = figures
    }
    var alone = scene
    try alone.b.forge(.formerLogDecided(decided), FormerLogMoney.postings(.formerLogDecided(decided)))
    #expect(codes(alone.new, alone.b) == ["recognised_without_answer", "unbacked"])

    let answered = PBFormerLogAnswered.with {
      $0.peer = scene.b.id.name
      $0.log = scene.lost.name
      $0.proposalID = "p1"
      $0.accepted = true
      $0.clearing = -1
      $0.reserve = figures.wrapped
    }
    try alone.new.forge(.formerLogAnswered(answered), FormerLogMoney.postings(.formerLogAnswered(answered)))
    #expect(codes(alone.new, alone.b) == ["recognition_differs"])

    try scene.new.forge(.formerLogAnswered(answered), FormerLogMoney.postings(.formerLogAnswered(answered)))
    var off = decided
    off.outcome = .writtenOff
    off.proposalID = ""
    try scene.b.forge(.formerLogDecided(off), FormerLogMoney.postings(.formerLogDecided(off)))
    #expect(codes(scene.new, scene.b) == ["accepted_and_written_off"])
  }

  @Test(
    "figures that are not what the items come to, and what goes back before a decision or without an item, are named")
  func former() throws {
    var scene = try LostLog()
    func item(_ id: String, _ amount: Int64, _ kind: PBFormerLogItemReturned.Kind = .lock) throws
      -> (PBEvent.OneOf_Payload, [PBPosting])
    {
      let payload = PBEvent.OneOf_Payload.formerLogItemReturned(
        .with {
          $0.peer = scene.new.id.name
          $0.log = scene.lost.name
          $0.kind = kind
          $0.itemID = id
          $0.to = "alice"
          $0.amount = amount
        })
      return (payload, try FormerLogMoney.postings(payload))
    }
    var early = scene
    let lock = try item("lb2", 60)
    try early.b.forge(lock.0, lock.1)
    #expect(codes(early.new, early.b) == ["returned_undecided"])

    try scene.b.decideOn(scene.new.id, .writeOff(log: scene.lost, note: ""))
    for (id, amount) in [("lb2", Int64(61)), ("ghost", 5)] {
      let forged = try item(id, amount)
      try scene.b.forge(forged.0, forged.1)
    }
    try scene.b.forge(lock.0, lock.1)
    try scene.b.forge(lock.0, lock.1)
    let paid = try item("ghost", 7, .redemption)
    try scene.b.forge(paid.0, paid.1)
    #expect(codes(scene.new, scene.b) == ["return_without_item", "return_without_item", "returned_twice"])
    #expect(codes(scene.old, scene.b).contains("unlock_without_redemption"))

    var lie = try LostLog()
    let between = try SimFixture.frame("frame-a.example", code: "AVT")
    let treaty = SimFixture.treaty(
      SimFixture.description(of: lie.b, .init()), SimFixture.description(of: between, .init()))
    let replaced = PBEvent.OneOf_Payload.peerLogReplaced(
      .with {
        $0.peer = between.id.name
        $0.log = PeerLog(between.id, key: lie.new.key.text).name
        $0.logVerifierKey = lie.new.key.text
        $0.newLogVerifierKey = between.key.text
        $0.figures.wrapped = 12
      })
    for draft in treaty { try lie.b.forge(draft.payload) }
    try lie.b.forge(replaced)
    #expect(codes(between, lie.b) == ["former_figures_differ"])
  }

  @Test(
    "money towards the other frame that no transfer, bridge item or decision moves is named, and so is a debit alone")
  func outOfSight() throws {
    var scene = try LostLog()
    let (alice, bob) = (SimFixture.agent("alice"), SimFixture.agent("bob"))
    let issued = PBEvent.OneOf_Payload.tokensIssued(.with { $0.amount = 5 })
    for postings in [
      Postings.move(5, from: .clearing(scene.new.id), to: .liquid(alice)),
      Postings.move(5, from: .bridgeReserve(of: scene.lost), to: .liquid(alice)),
      Postings.move(5, from: .issuance(of: scene.new.native), to: .wrapped(bob, scene.new.native)),
    ] {
      try scene.b.forge(issued, postings)
    }
    #expect(codes(scene.new, scene.b) == Array(repeating: "money_without_dealing", count: 3))

    var alone = try LostLog()
    let debit = PBEvent.OneOf_Payload.tokensTransferred(
      .with {
        $0.from = "alice"
        $0.to = "bob@frame-a.example"
        $0.amount = 5
        $0.transferID = "nowhere"
      })
    try alone.b.forge(debit, Postings.move(5, from: .liquid(alice), to: .clearing(alone.new.id)))
    try alone.b.forge(issued)
    #expect(codes(alone.new, alone.b) == ["postings_differ"])
    // To another peer's account than the terms say.
    var astray = try LostLog()
    let terms = try SimFixture.terms("astray", astray.new, astray.b, amount: 5).message
    try astray.b.forge(
      .crossRegistryTransferCredited(
        .with {
          $0.terms = terms
          $0.creditedAmount = 5
        }), Postings.move(5, from: .clearing(try FrameID("frame-c.example")), to: .liquid(alice)))
    #expect(codes(astray.new, astray.b) == ["credit_without_debit", "postings_differ"])
  }

  @Test("a log that the other one never had a treaty with is refused as the one to compare")
  func unknownLog() throws {
    let scene = try LostLog()
    let stranger = try SimFixture.frame("frame-a.example", code: "AVT")
    #expect(codes(stranger, scene.b) == ["log_unknown"])
  }

  @Test("an old copy that ends too early says so, and still calls nothing proven that it does not show")
  func earlyCopy() throws {
    let scene = try LostLog()
    let reach = try #require(
      scene.b.log.compactMap { event -> UInt64? in
        guard case .peerEventProjected(let p) = event.event.payload else { return nil }
        return p.peerPosition
      }.max())
    var copy = DealingsRecount(frame: scene.old.id.name)
    for event in scene.old.log where event.position < reach { copy.add(event.event.message) }
    let match = DealingsMatch(copy, scene.b.dealings(), tail: DealingsRecount(after: copy))
    #expect(match.missing.map(\.frame) == [scene.old.id.name])
    #expect(match.missing.first.map { $0.read == reach && $0.needed == reach + 1 } == true)
  }

  // MARK: The supply

  @Test("each wrapped token stands by the log it belongs to, and by one alone, through every decision")
  func supply() throws {
    func check(_ scene: LostLog, present: Int128, former: Int128, _ state: SupplyStatement.FormerLogState) {
      var fold = SupplyRecount(frame: scene.b.id.name, thorough: false)
      for event in scene.b.log { fold.add(event.position, event.bytes) }
      let statement = fold.statement
      #expect(fold.findingCount == 0 && statement.delta == 0, "\(fold.findings)")
      #expect(statement.wrapped[scene.new.id.name] == present)
      #expect(statement.wrapped[scene.lost.name] ?? 0 == former)
      #expect(statement.formerLogs == [scene.lost.name: state])
      let line = statement.formerLogLines[0]
      #expect(line.wrapped == former && line.clearing == Int128(scene.b.balance(.clearing(of: scene.lost))))
      #expect(line.lockedForBridge == Int128(scene.b.balance(.bridgeReserve(of: scene.lost))))
      let held = SimFixture.agents.reduce(Int128(0)) { sum, agent in
        sum + Int128(scene.b.balance(.wrapped(SimFixture.agent(agent), scene.new.native)))
      }
      #expect(statement.wrapped.values.reduce(0, +) == held, "all that is held stands somewhere, once")
    }
    var scene = try LostLog()
    check(scene, present: 0, former: 370, .undecided)
    try scene.new.lockFor("ln", scene.b, 50)
    try scene.exchange()
    check(scene, present: 50, former: 370, .undecided)
    var off = scene
    try off.b.decideOn(off.new.id, .writeOff(log: off.lost, note: ""))
    check(off, present: 50, former: 370, .writtenOff)
    try scene.b.decideOn(scene.new.id, .propose(log: scene.lost, id: "p1", note: ""))
    try scene.exchange()
    try scene.new.decideOn(scene.b.id, .accept(proposalID: "p1"))
    try scene.exchange()
    check(scene, present: 420, former: 0, .recognised)
    // Found again before anybody decided: nothing is a former log's any more.
    var found = try LostLog()
    try SimFixture.revoke(&found.b, found.new.id, now: now)
    try SimFixture.establish(&found.b, with: found.old)
    var fold = SupplyRecount(frame: found.b.id.name, thorough: false)
    for event in found.b.log { fold.add(event.position, event.bytes) }
    #expect(fold.statement.wrapped == [found.new.id.name: 370] && fold.statement.formerLogs.isEmpty)
  }
}

extension DealingsMatch.Direction {
  fileprivate init(_ origin: SimFrame, _ destination: SimFrame, locked: Int128, wrapped: Int128) {
    self.init(origin: origin.id.name, destination: destination.id.name, locked: locked, wrapped: wrapped)
  }
}
