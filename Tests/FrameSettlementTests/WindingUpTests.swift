import FrameBridge
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos
import FrameSettlement
import Testing

/// What becomes of value in flight when the treaty is revoked: the books are closed by asking, never by guessing.
@Suite("Winding up a treaty")
struct WindingUpTests {
  let now = SimFixture.start + .seconds(1)

  private func revokeBoth(_ a: inout SimFrame, _ b: inout SimFrame) throws {
    try SimFixture.revoke(&a, b.id, now: now)
    try SimFixture.revoke(&b, a.id, now: now)
  }

  /// What B answers when A asks under the treaty that has ended.
  private func ask(_ b: inout SimFrame, _ id: String, from a: FrameID) throws -> PBTransferDecision {
    if let known = b.decision(id, from: a) { return known }
    try b.settlement(.refuseUnknown(transferID: id, peer: a), actor: .node(of: a), now: now)
    return try #require(b.decision(id, from: a))
  }

  private func conclude(_ a: inout SimFrame, _ id: String, _ b: FrameID, _ decision: PBTransferDecision) throws {
    try a.settlement(.conclude(transferID: id, peer: b, decision), actor: .node(of: a.id), now: now)
  }

  private let alice = SimFixture.agent("alice")
  private let bob = SimFixture.agent("bob")

  @Test(
    "B4 B8: a 2pc transfer locked before the revoke ends as the destination decided: credited once or paid back once")
  func twoPhase() throws {
    for isCredited in [true, false] {
      var (a, b) = try SimFixture.pair()
      let terms = try SimFixture.terms("t", a, b, amount: 700)
      try a.settlement(
        .lock(terms, deadline: now + .seconds(3)), actor: .agent(alice, of: a.id), key: "k", now: now)
      let credit = SettlementCommand.credit(terms.message, peer: a.id)
      if isCredited { try b.settlement(credit, actor: .node(of: a.id), now: now) }
      try revokeBoth(&a, &b)
      a.restart()
      b.restart()
      let decision = try ask(&b, "t", from: a.id)
      #expect(decision.outcome == (isCredited ? .credited : .refused))
      switch decision.outcome {
      case .credited:
        try a.settlement(
          .commit(
            transferID: "t", peer: b.id, creditedAmount: decision.creditedAmount, peerPosition: decision.position),
          actor: .node(of: a.id), now: now)
      default:
        try a.settlement(
          .abort(transferID: "t", peer: b.id, reason: decision.reason), actor: .node(of: a.id), now: now)
      }
      // A credit that was still on its way finds the decision, also after a new treaty.
      #expect(throws: (any Error).self) { try b.settlement(credit, actor: .node(of: a.id), key: "late", now: now) }
      try SimFixture.federate(&a, &b)
      try b.settlement(credit, actor: .node(of: a.id), key: "later", now: now)
      let moved: Int64 = isCredited ? 700 : 0
      #expect(a.balance(.liquid(alice)) == SimFixture.startBalance - moved)
      #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + moved)
      #expect(a.balance(.held(alice)) == 0)
      #expect(a.balance(.clearing(b.id)) == moved && b.balance(.clearing(a.id)) == -moved)
    }
  }

  @Test(
    "an async transfer that the stream did not deliver is paid back, and a later treaty's stream cannot credit it too")
  func asyncUndelivered() throws {
    var (a, b) = try SimFixture.pair()
    let terms = try SimFixture.terms("t", a, b, amount: 700)
    try a.settlement(.initiate(terms), actor: .agent(alice, of: a.id), key: "k", now: now)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    try revokeBoth(&a, &b)
    let decision = try ask(&b, "t", from: a.id)
    #expect(decision.outcome == .refused)
    try conclude(&a, "t", b.id, decision)
    #expect(a.balance(.liquid(alice)) == SimFixture.startBalance)
    #expect(a.balance(.clearing(b.id)) == 0)
    // Told twice, or the other way round: it stays as it is.
    var other = decision
    other.outcome = .credited
    try a.settlement(.conclude(transferID: "t", peer: b.id, other), actor: .node(of: a.id), key: "again", now: now)
    #expect(a.balance(.liquid(alice)) == SimFixture.startBalance)
    a.restart()
    b.restart()
    try SimFixture.federate(&a, &b)
    try b.receive(1, a.attested(position), now: now)
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance)
    #expect(b.balance(.clearing(a.id)) == 0)
  }

  @Test("an async transfer that was credited before the revoke is settled, not paid back")
  func asyncCredited() throws {
    var (a, b) = try SimFixture.pair()
    let terms = try SimFixture.terms("t", a, b, amount: 700)
    try a.settlement(.initiate(terms), actor: .agent(alice, of: a.id), key: "k", now: now)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    try b.receive(1, a.attested(position), now: now)
    try revokeBoth(&a, &b)
    let decision = try ask(&b, "t", from: a.id)
    #expect(decision.outcome == .credited)
    var wrong = decision
    wrong.creditedAmount += 1
    #expect(throws: SettlementError.self) { try conclude(&a, "t", b.id, wrong) }
    wrong.outcome = .unspecified
    #expect(throws: SettlementError.self) { try conclude(&a, "t", b.id, wrong) }
    try conclude(&a, "t", b.id, decision)
    #expect(a.state.settlement.outgoing("t")?.phase == .completed)
    #expect(a.balance(.clearing(b.id)) == 700 && b.balance(.clearing(a.id)) == -700)
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + 700)
  }

  @Test("only a treaty that has ended makes async transfers be asked for; the node alone concludes")
  func scope() throws {
    var (a, b) = try SimFixture.pair()
    let terms = try SimFixture.terms("t", a, b, amount: 700)
    try a.settlement(.initiate(terms), actor: .agent(alice, of: a.id), key: "k", now: now)
    #expect(SettlementSummary(a.state.settlement, now: now).unresolved.isEmpty)
    try revokeBoth(&a, &b)
    #expect(SettlementSummary(a.state.settlement, now: now).unresolved == [b.id])
    let decision = try ask(&b, "t", from: a.id)
    #expect(throws: SettlementError.self) {
      try a.settlement(.conclude(transferID: "t", peer: b.id, decision), actor: .node(of: b.id), now: now)
    }
    try SimFixture.federate(&a, &b)
    #expect(SettlementSummary(a.state.settlement, now: now).unresolved.isEmpty)
  }

  @Test("what a bridge has locked stays locked and named through a revoke, and goes on with the next treaty")
  func bridge() throws {
    var (a, b) = try SimFixture.pair()
    try a.bridge(
      .lock(id: "l", destination: b.id, from: alice, recipient: bob, amount: Amount(minorUnits: 500)),
      actor: .agent(alice, of: a.id), key: "l", now: now)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    try revokeBoth(&a, &b)
    #expect(throws: (any Error).self) { try b.receive(1, a.attested(position), now: now) }
    #expect(a.balance(.bridgeReserve(b.id)) == 500)
    a.restart()
    b.restart()
    try SimFixture.federate(&a, &b)
    try b.receive(1, a.attested(position), now: now)
    #expect(b.balance(.wrapped(bob, a.native)) == 500)
    #expect(a.balance(.bridgeReserve(b.id)) == 500)
  }

  @Test("a stranger's invitation in the name of a former peer does not take its place in closing the books")
  func impostor() throws {
    var (a, b) = try SimFixture.pair()
    try revokeBoth(&a, &b)
    var requested = PBFrameInvitationRequested()
    requested.invitationID = "evil"
    requested.peer = a.id.name
    requested.inviter = SimFixture.description(of: a, .init())
    try b.append(EventDraft(.frameInvitationRequested(requested)), actor: .node(of: a.id), now: now)
    #expect(b.state.federation.treaty(a.id)?.state == .requested)
    #expect(try b.state.federation.requireSettling(a.id).invitationID == "i")
  }
}
