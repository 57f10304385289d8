import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
@testable import FrameProjection
import FrameProtos
import FrameSettlement
import Testing

@Suite("Dropped subscriptions and money that is under way")
struct SubscriptionTests {
  let now = SimFixture.start
  let alice = SimFixture.agent("alice")
  let bob = SimFixture.agent("bob")

  /// What both logs have once `b` asks `a` for these events only.
  private func amend(_ b: SimFrame, at frame: inout SimFrame, revision: UInt32, to names: Set<String>) throws {
    let peer = frame.id == b.id ? try FrameID("frame-a.example") : b.id
    let treaty = try #require(frame.state.federation.treaty(peer))
    var accepted = PBTreatyAmendmentAccepted()
    accepted.amendmentID = "m\(revision)"
    accepted.peer = peer.name
    accepted.byPeer = frame.id == b.id
    accepted.revision = revision
    accepted.ours = treaty.ours.terms
    accepted.theirs = treaty.theirs.terms
    if frame.id == b.id {
      accepted.ours.subscriptions = names.sorted()
    } else {
      accepted.theirs.subscriptions = names.sorted()
    }
    try frame.append(EventDraft(.treatyAmendmentAccepted(accepted)), actor: .authority(of: frame.id), now: now)
  }

  private func initiate(_ id: String, _ a: inout SimFrame, _ b: SimFrame) throws {
    let terms = try SimFixture.terms(id, a, b)
    try a.settlement(.initiate(terms), actor: .agent(terms.from, of: a.id), key: id, now: now)
  }

  private func lock(_ id: String, _ a: inout SimFrame, _ b: SimFrame) throws {
    try a.bridge(
      .lock(id: id, destination: b.id, from: alice, recipient: bob, amount: Amount(minorUnits: 1_000)),
      actor: .agent(alice, of: a.id), key: id, now: now)
  }

  @Test("what was begun before the drop arrives and ends; after it nothing is debited; taken up again it works again")
  func dropped() throws {
    var (a, b) = try SimFixture.pair()
    try initiate("t1", &a, b)
    try lock("l1", &a, b)
    // It is in force at B before A has heard of it, and the other way round: the events on their way are taken.
    try amend(b, at: &b, revision: 1, to: Subscriptions.outcomes)
    try initiate("t2", &a, b)
    try amend(b, at: &a, revision: 1, to: Subscriptions.outcomes)
    let before = a.balance(.liquid(alice))
    let size = a.log.count
    #expect(throws: SettlementError.notSubscribed(b.id)) { try initiate("t3", &a, b) }
    #expect(throws: BridgeError.notSubscribed(peer: b.id)) { try lock("l2", &a, b) }
    #expect(a.balance(.liquid(alice)) == before && a.log.count == size)
    // The other direction is another subscription.
    let back = try SimFixture.terms("t4", b, a)
    try b.settlement(.initiate(back), actor: .agent(back.from, of: b.id), key: "t4", now: now)

    try BridgePair.deliver(a, &b, now)
    try BridgePair.deliver(b, &a, now)
    try BridgePair.deliver(a, &b, now)
    #expect(a.state.settlement.openPeers.isEmpty && b.state.settlement.openPeers.isEmpty)
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + 200)
    #expect(b.balance(.wrapped(bob, a.native)) == 1_000)
    #expect(a.balance(.clearing(b.id)) == -b.balance(.clearing(a.id)))

    // 2pc needs no subscription, and what is outstanding can come home.
    let direct = try SimFixture.terms("t5", a, b)
    try a.settlement(
      .lock(direct, deadline: now + .seconds(60)), actor: .agent(direct.from, of: a.id), key: "t5", now: now)
    try b.bridge(
      .redeem(id: "r1", origin: a.id, from: bob, recipient: alice, amount: Amount(minorUnits: 1_000)),
      actor: .agent(bob, of: b.id), key: "r1", now: now)
    try BridgePair.deliver(b, &a, now)
    #expect(a.balance(.bridgeReserve(b.id)) == 0)

    try amend(b, at: &a, revision: 2, to: Subscriptions.carried)
    try amend(b, at: &b, revision: 2, to: Subscriptions.carried)
    try initiate("t6", &a, b)
    try BridgePair.deliver(a, &b, now)
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + 300)
    for frame in [a, b] {
      #expect(frame.replayed().federation == frame.state.federation)
      #expect(frame.replayed().ledger.balance(.liquid(bob)) == frame.balance(.liquid(bob)))
    }
  }

  @Test("an event of a dropped type is not put into the peer's stream")
  func notSent() throws {
    var (a, b) = try SimFixture.pair()
    try amend(b, at: &a, revision: 1, to: Subscriptions.outcomes)
    // As a version would that does not look at the treaty first.
    let head = a.state.projection.head(for: b.id)
    var locked = PBTokensBridgeLocked()
    locked.lockID = "l"
    locked.destination = b.id.name
    try a.append(EventDraft(.tokensBridgeLocked(locked)), actor: .agent(alice, of: a.id), now: now)
    #expect(a.state.projection.head(for: b.id) == head)
    try amend(b, at: &a, revision: 2, to: Subscriptions.carried)
    try lock("l2", &a, b)
    #expect(a.state.projection.head(for: b.id) == head + 1)
  }

  @Test("every type that travels is either a request or an outcome, and a node asks for all of them")
  func complete() throws {
    #expect(Subscriptions.requests.isDisjoint(with: Subscriptions.outcomes))
    let (a, b) = try SimFixture.pair()
    let treaty = try #require(a.state.federation.treaty(b.id))
    #expect(treaty.subscription == Subscriptions.carried)
  }
}
