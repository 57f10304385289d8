import Crypto
import FrameAudit
import FrameBridge
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos
import FrameSettlement
import Testing

extension SimFrame {
  /// What this frame's log says of its dealings.
  func dealings() -> DealingsRecount {
    var fold = DealingsRecount(frame: id.name)
    for event in log { fold.add(event.event.message) }
    return fold
  }

  /// What it got from event `first` on, after `read`.
  func dealings(after read: DealingsRecount, from first: Int) -> DealingsRecount {
    var fold = DealingsRecount(after: read)
    for event in log[first...] { fold.add(event.event.message) }
    return fold
  }
}

@Suite("Two logs held against each other")
struct DealingsTests {
  private let now = SimFixture.start
  private let alice = SimFixture.agent("alice")
  private let bob = SimFixture.agent("bob")

  private func problems(_ a: SimFrame, _ b: SimFrame) -> [String] {
    DealingsMatch(a.dealings(), b.dealings(), tail: DealingsRecount(frame: a.id.name)).problems
      .map { "\($0.code) \($0.frame.prefix(7)) \($0.id)" }
  }

  private func initiate(_ a: inout SimFrame, _ b: SimFrame, _ id: String, _ amount: Int64 = 100) throws {
    try a.settlement(
      .initiate(SimFixture.terms(id, a, b, amount: amount)), actor: .agent(alice, of: a.id), key: id, now: now)
  }

  private func deliver(_ a: inout SimFrame, _ b: inout SimFrame) throws {
    try BridgePair.deliver(a, &b, now)
    try BridgePair.deliver(b, &a, now)
  }

  /// An event that B's rooms would never have made.
  private func forge(_ b: inout SimFrame, _ payload: PBEvent.OneOf_Payload, _ postings: [PBPosting] = []) throws {
    try b.append(EventDraft(payload, postings: postings), actor: .node(of: b.id), now: now)
  }

  private func credited(_ terms: PBTransferTerms, _ amount: Int64) -> PBEvent.OneOf_Payload {
    .crossRegistryTransferCredited(
      .with {
        $0.terms = terms
        $0.creditedAmount = amount
      })
  }

  @Test("what is settled, refused, in flight or locked is no problem, in either order of reading")
  func sound() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b, "t1")
    try deliver(&a, &b)
    try initiate(&a, b, "t2")
    try a.settlement(
      .lock(SimFixture.terms("t3", a, b, amount: 50), deadline: now + .seconds(3)), actor: .agent(alice, of: a.id),
      key: "t3", now: now)
    let nobody = try SimFixture.terms("t4", a, b, to: "nobody", amount: 50)
    try a.settlement(.initiate(nobody), actor: .agent(alice, of: a.id), key: "t4", now: now)
    #expect(problems(a, b).isEmpty && problems(b, a).isEmpty)
    let match = DealingsMatch(a.dealings(), b.dealings(), tail: DealingsRecount(frame: a.id.name))
    #expect(match.transfersInFlight == 3 && match.bridgeInFlight == 0)
    try BridgePair.deliver(a, &b, now)
    #expect(problems(a, b).isEmpty, "credited and refused there, not known here yet")
    try BridgePair.deliver(b, &a, now)
    #expect(problems(a, b).isEmpty && problems(b, a).isEmpty)
  }

  @Test("a credit for a transfer that the other log does not have is named")
  func creditWithoutDebit() throws {
    var (a, b) = try SimFixture.pair()
    let terms = try SimFixture.terms("ghost", a, b, amount: 41_372).message
    try forge(&b, credited(terms, 41_372), Postings.move(41_372, from: .clearing(a.id), to: .liquid(bob)))
    #expect(problems(a, b) == ["credit_without_debit frame-b ghost"])
    #expect(problems(b, a) == ["credit_without_debit frame-b ghost"])
  }

  @Test("a debit that the first log got while the second was read is not missing")
  func tail() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b, "t1")
    let read = a.log.count
    let first = a.dealings()
    try initiate(&a, b, "t2")
    try deliver(&a, &b)
    let match = DealingsMatch(first, b.dealings(), tail: a.dealings(after: first, from: read))
    #expect(match.problems.isEmpty)
    let blind = DealingsMatch(first, b.dealings(), tail: DealingsRecount(frame: a.id.name))
    #expect(blind.problems.map(\.code) == ["credit_without_debit"])
  }

  @Test("a refund of what was credited, and a settlement of what was not, are named")
  func contradictions() throws {
    var (a, b) = try SimFixture.pair()
    for id in ["paid", "lost"] {
      try a.settlement(
        .lock(SimFixture.terms(id, a, b, amount: 101), deadline: now + .seconds(3)), actor: .agent(alice, of: a.id),
        key: id, now: now)
    }
    try b.settlement(
      .credit(SimFixture.terms("paid", a, b, amount: 101).message, peer: a.id), actor: .node(of: a.id), key: "c",
      now: now)
    // The peer lies about both.
    try a.settlement(.abort(transferID: "paid", peer: b.id, reason: "never_seen"), actor: .node(of: a.id), now: now)
    try a.settlement(
      .commit(transferID: "lost", peer: b.id, creditedAmount: 101, peerPosition: 7), actor: .node(of: a.id), now: now)
    #expect(problems(a, b) == ["refunded_and_credited frame-a paid", "settled_without_credit frame-a lost"])
    #expect(Set(problems(b, a)) == Set(problems(a, b)))
  }

  @Test("an async refund that the peer never refused is named")
  func refundWithoutRefusal() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b, "t")
    try SimFixture.revoke(&a, b.id, now: now)
    var refused = PBTransferDecision()
    refused.transferID = "t"
    refused.outcome = .refused
    refused.reason = "never_seen"
    try a.settlement(.conclude(transferID: "t", peer: b.id, refused), actor: .node(of: a.id), now: now)
    #expect(problems(a, b) == ["refunded_without_refusal frame-a t"])
    // What the answer hid: the peer had credited it.
    let terms = try SimFixture.terms("t", a, b, amount: 100).message
    try forge(
      &b,
      .crossFrameTransferSettled(
        .with {
          $0.terms = terms
          $0.creditedAmount = 100
        }), Postings.move(100, from: .clearing(a.id), to: .liquid(bob)))
    #expect(problems(a, b) == ["refunded_and_credited frame-a t"])
  }

  @Test("other amounts, other terms, a second credit, and postings that move something else are named")
  func differences() throws {
    var (a, b) = try SimFixture.pair()
    for id in ["amount", "terms", "twice", "postings"] { try initiate(&a, b, id) }
    func terms(_ id: String, _ change: (inout PBTransferTerms) -> Void = { _ in }) throws -> PBTransferTerms {
      var terms = try SimFixture.terms(id, a, b, amount: 100).message
      change(&terms)
      return terms
    }
    func move(_ units: Int64) -> [PBPosting] { Postings.move(units, from: .clearing(a.id), to: .liquid(bob)) }
    try forge(&b, credited(terms("amount"), 900), move(900))
    try forge(&b, credited(terms("terms") { $0.to = "carol" }, 100), move(100))
    try forge(&b, credited(terms("twice"), 100), move(100))
    try forge(&b, credited(terms("twice"), 100), move(100))
    try forge(&b, credited(terms("postings"), 100), move(5_000))
    let found = Set(problems(a, b))
    #expect(
      found == [
        "amount_differs frame-b amount", "terms_differ frame-b terms", "credited_twice frame-b twice",
        "amount_differs frame-b twice", "postings_differ frame-b postings",
      ], "\(found)")
  }

  @Test("an issue without a lock, an unlock without a redemption, and legs that differ are named")
  func bridge() throws {
    var pair = try BridgePair()
    try pair.lock("l1")
    try pair.deliver()
    try pair.redeem("r1", 400)
    #expect(problems(pair.a, pair.b).isEmpty)
    #expect(
      DealingsMatch(pair.a.dealings(), pair.b.dealings(), tail: DealingsRecount(frame: pair.a.id.name)).bridgeInFlight
        == 1
    )
    try pair.deliver()
    #expect(problems(pair.a, pair.b).isEmpty && problems(pair.b, pair.a).isEmpty)
    try pair.lock("l2", 250)
    let (asset, bob, peer) = (PBAsset(pair.a.native), pair.bob, pair.a.id)
    func issued(_ id: String, _ amount: Int64) -> (PBEvent.OneOf_Payload, [PBPosting]) {
      let native = pair.a.native
      let payload = PBWrappedTokensIssued.with {
        $0.lockID = id
        $0.origin = peer.name
        $0.recipient = "bob"
        $0.asset = asset
        $0.amount = amount
      }
      return (
        .wrappedTokensIssued(payload), Postings.move(amount, from: .issuance(of: native), to: .wrapped(bob, native))
      )
    }
    for (id, amount) in [("ghost", Int64(777)), ("l2", 999)] {
      let (payload, postings) = issued(id, amount)
      try forge(&pair.b, payload, postings)
    }
    try pair.a.append(
      EventDraft(
        .tokensBridgeUnlocked(
          .with {
            $0.redeemID = "r9"
            $0.destination = pair.b.id.name
            $0.recipient = "alice"
            $0.asset = asset
            $0.amount = 5
          }), postings: Postings.move(5, from: .bridgeReserve(pair.b.id), to: .liquid(pair.alice))),
      actor: .node(of: pair.a.id), now: now)
    let found = Set(problems(pair.a, pair.b))
    #expect(
      found == [
        "issue_without_lock frame-b ghost", "bridge_terms_differ frame-b l2", "unlock_without_redemption frame-a r9",
        "unbacked frame-b ",
      ], "\(found)")
  }

  @Test("items with a log that the peer had before it was rebuilt are counted, not held against the new one")
  func formerLog() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b, "old")
    try deliver(&a, &b)
    // The same name comes back with an empty log and another key.
    var rebuilt = try SimFixture.frame("frame-b.example", code: "BVT")
    try SimFixture.revoke(&a, b.id, now: now)
    try SimFixture.federate(&a, &rebuilt)
    try initiate(&a, rebuilt, "new")
    try deliver(&a, &rebuilt)
    let match = DealingsMatch(a.dealings(), rebuilt.dealings(), tail: DealingsRecount(frame: a.id.name))
    #expect(match.problems.isEmpty, "\(match.problems)")
    #expect(match.withOtherLogs == 1)
    let line = try #require(match.otherLogs.first)
    #expect(match.otherLogs.count == 1 && line.frame == a.id.name && line.state == "undecided" && line.items == 1)
    #expect(line.log == PeerLog(b.id, key: b.key.text).name && line.clearing == 100)
  }
}
