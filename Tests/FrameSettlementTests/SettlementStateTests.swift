import FrameCore
import FrameTreaty
import FrameLedger
import FrameProtos
import FrameSettlement
import Foundation
import Testing

@Suite("Cross-registry transfer, decided")
struct SettlementStateTests {
  let now = SimFixture.start

  private func credit(_ frame: inout SimFrame, _ terms: PBTransferTerms, from peer: FrameID) throws
    -> PBTransferDecision?
  {
    try frame.settlement(.credit(terms, peer: peer), actor: .node(of: peer), now: now)
    return frame.decision(terms.transferID, from: peer)
  }

  @Test("B1: a credit that arrives twice credits once and gives the same answer")
  func creditTwice() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    let terms = try SimFixture.terms("t", a, b).message
    let first = try credit(&b, terms, from: a.id)
    let size = b.log.count
    #expect(try credit(&b, terms, from: a.id) == first)
    #expect(b.log.count == size)
    #expect(b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance + 100)
    b.restart()
    #expect(try credit(&b, terms, from: a.id) == first)
  }

  @Test("B1: the same id with other terms is a conflict, never a second effect")
  func creditConflict() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    _ = try credit(&b, try SimFixture.terms("t", a, b).message, from: a.id)
    let size = b.log.count
    let other = try SimFixture.terms("t", a, b, amount: 101).message
    #expect(throws: (any Error).self) { try credit(&b, other, from: a.id) }
    #expect(throws: SettlementError.transferConflict("t")) {
      try b.submit(
        .settlement(.credit(other, peer: a.id)), actor: .node(of: a.id), key: "another", digest: .init(), now: now)
    }
    #expect(b.log.count == size)
  }

  @Test("presumed abort: asked about a transfer it never saw, the destination refuses, and a late credit cannot pass")
  func presumedAbort() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    try b.settlement(.refuseUnknown(transferID: "t", peer: a.id), actor: .node(of: a.id), now: now)
    #expect(b.decision("t", from: a.id)?.outcome == .refused)
    let decision = try credit(&b, try SimFixture.terms("t", a, b).message, from: a.id)
    #expect(decision?.outcome == .refused)
    #expect(decision?.reason == SettlementState.neverSeen)
    #expect(b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance)
  }

  @Test("B5: a refusal is durable: the same credit is refused when it could be made")
  func durableRefusal() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    let terms = try SimFixture.terms("t", a, b, to: "nobody").message
    #expect(try credit(&b, terms, from: a.id)?.reason == "unknown_agent")
    let register = LedgerCommand.registerAgent(SimFixture.agent("nobody"), purpose: "")
    try b.submit(.ledger(register), actor: .authority(of: b.id), key: "r", digest: register.digest, now: now)
    #expect(try credit(&b, terms, from: a.id)?.outcome == .refused)
  }

  @Test("B2, B6: a lock ends in exactly one of committed and aborted")
  func oneOutcome() throws {
    let (given, b) = try SimFixture.pair()
    var a = given
    let terms = try SimFixture.terms("t", a, b)
    let node = SPIFFEID.node(of: a.id)
    try a.settlement(.lock(terms, deadline: now), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    #expect(a.balance(.held(terms.from)) == 100)
    try a.settlement(.abort(transferID: "t", peer: b.id, reason: "net_debit_cap"), actor: node, now: now)
    #expect(a.balance(.liquid(terms.from)) == SimFixture.startBalance)
    #expect(throws: SettlementError.self) {
      try a.settlement(
        .commit(transferID: "t", peer: b.id, creditedAmount: 100, peerPosition: 1), actor: node, now: now)
    }
    let size = a.log.count
    try a.submit(
      .settlement(.abort(transferID: "t", peer: b.id, reason: "x")), actor: node, key: "again", digest: .init(),
      now: now)
    #expect(a.log.count == size, "a second abort changes nothing")
  }

  @Test("B9, B11: a peer can neither speak for another frame nor address another frame, nor use another's identity")
  func identity() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    var c = try SimFixture.frame("frame-c.example", code: "CVT")
    try SimFixture.federate(&b, &c)
    let size = b.log.count
    let fromA = try SimFixture.terms("t", a, b).message
    #expect(throws: SettlementError.wrongOrigin(named: a.id.name, caller: c.id)) {
      try credit(&b, fromA, from: c.id)
    }
    let toC = try SimFixture.terms("t", a, c).message
    #expect(throws: SettlementError.notAddressedHere(named: c.id.name)) { try credit(&b, toC, from: a.id) }
    #expect(throws: SettlementError.notAllowed(.node(of: c.id))) {
      try b.settlement(.credit(fromA, peer: a.id), actor: .node(of: c.id), now: now)
    }
    #expect(throws: SettlementError.notAllowed(.node(of: a.id))) {
      try b.settlement(
        .commit(transferID: "t", peer: a.id, creditedAmount: 1, peerPosition: 1), actor: .node(of: a.id), now: now)
    }
    #expect(b.log.count == size)
  }

  @Test("a peer's transfer ids are its own: the same id from two frames are two transfers")
  func idsPerOrigin() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    var c = try SimFixture.frame("frame-c.example", code: "CVT")
    try SimFixture.federate(&b, &c)
    #expect(try credit(&b, try SimFixture.terms("t", a, b).message, from: a.id)?.outcome == .credited)
    #expect(try credit(&b, try SimFixture.terms("t", c, b).message, from: c.id)?.outcome == .credited)
  }

  @Test("B7, B16: the net debit cap holds at the credit itself, in one piece and in many")
  func netDebitCap() throws {
    let (a, given) = try SimFixture.pair(.init(netDebitCap: 250))
    var b = given
    #expect(
      try credit(&b, try SimFixture.terms("t0", a, b, amount: 251).message, from: a.id)?.reason == "net_debit_cap")
    #expect(try credit(&b, try SimFixture.terms("t1", a, b, amount: 200).message, from: a.id)?.outcome == .credited)
    #expect(try credit(&b, try SimFixture.terms("t2", a, b, amount: 51).message, from: a.id)?.reason == "net_debit_cap")
    #expect(try credit(&b, try SimFixture.terms("t3", a, b, amount: 50).message, from: a.id)?.outcome == .credited)
    #expect(b.balance(.clearing(a.id)) == -250)
  }

  @Test("a sender that met a cap is told who can raise it, and any other to correct what was wrong")
  func remedyOfRefusal() throws {
    let peer = try FrameID("frame-b.example")
    let cap = SettlementError.remedy(ofRefusal: "net_debit_cap", by: peer)
    #expect(cap.contains("frame peer amend frame-b.example --peer-net-debit-cap") && !cap.contains("Correct"))
    #expect(SettlementError.remedy(ofRefusal: "unknown_agent", by: peer).hasPrefix("Correct what the reason names"))
  }

  @Test("B16: what we sent and the peer has not settled is no room for its credits")
  func unsettledIsNoRoom() throws {
    let (a, given) = try SimFixture.pair(.init(netDebitCap: 100))
    var b = given
    let terms = try SimFixture.terms("out", b, a, amount: 500)
    try b.settlement(.initiate(terms), actor: .agent(terms.from, of: b.id), key: "k", now: now)
    #expect(b.balance(.clearing(a.id)) == 500)
    #expect(try credit(&b, try SimFixture.terms("t", a, b, amount: 101).message, from: a.id)?.reason == "net_debit_cap")
  }

  @Test(
    "B17, B18: only the origin's own money at its own scale is credited",
    arguments: [("CVT", "frame-c.example", 2), ("AVT", "frame-a.example", 3), ("BVT", "frame-b.example", 2)]
      as [(String, String, UInt32)])
  func foreignAsset(code: String, origin: String, scale: UInt32) throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    var terms = try SimFixture.terms("t", a, b).message
    terms.asset.code = code
    terms.asset.origin = origin
    terms.asset.scale = scale
    #expect(try credit(&b, terms, from: a.id)?.outcome == .refused)
    #expect(b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance)
  }

  @Test("B18: an amount that does not fit the destination's scale is refused before anything is locked")
  func scale() throws {
    var (a, b) = try SimFixture.pair(scaleOfB: 0)
    let terms = try SimFixture.terms("t", a, b, amount: 150)
    let unfit = SettlementError.amountNotRepresentable(150, of: a.native, in: b.native)
    #expect(unfit.message == "1.50 AVT has no exact value in BVT@frame-b.example, which has 0 decimal places.")
    #expect(throws: unfit) {
      try a.settlement(.lock(terms, deadline: now), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    }
    #expect(try credit(&b, try SimFixture.terms("u", a, b, amount: 300).message, from: a.id)?.creditedAmount == 3)
  }

  @Test(
    "B10: amounts of nothing, below nothing or beyond the limit are never credited",
    arguments: [0, -1, .min, SettlementLimits.amountMax + 1, .max] as [Int64])
  func amounts(amount: Int64) throws {
    let (a, given) = try SimFixture.pair(.init(netDebitCap: .max))
    var b = given
    var terms = try SimFixture.terms("t", a, b).message
    terms.amount = amount
    #expect(try credit(&b, terms, from: a.id)?.outcome == .refused)
    #expect(b.balance(.clearing(a.id)) == 0)
  }

  @Test("only the paying agent itself can send its money, and no more than it has")
  func sender() throws {
    let (given, b) = try SimFixture.pair()
    var a = given
    let terms = try SimFixture.terms("t", a, b, amount: SimFixture.startBalance + 1)
    for actor in [
      SPIFFEID.agent(SimFixture.agent("bob"), of: a.id), .authority(of: a.id), .node(of: a.id), .node(of: b.id),
    ] {
      #expect(throws: SettlementError.notAllowed(actor)) {
        try a.settlement(.lock(terms, deadline: now), actor: actor, key: "\(actor)", now: now)
      }
    }
    #expect(throws: SettlementError.self) {
      try a.settlement(.initiate(terms), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    }
  }

  @Test(
    "DESIGN 12.7: after a revoke nothing of the peer is credited or received; a question is answered with a refusal")
  func revoked() throws {
    var (a, b) = try SimFixture.pair()
    let terms = try SimFixture.terms("t", a, b)
    try SimFixture.revoke(&b, a.id)
    let size = b.log.count
    #expect(throws: FederationError.self) { try credit(&b, terms.message, from: a.id) }
    try b.settlement(.refuseUnknown(transferID: "u", peer: a.id), actor: .node(of: a.id), now: now)
    #expect(b.decision("u", from: a.id)?.outcome == .refused)
    try a.settlement(.initiate(terms), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    #expect(throws: FederationError.self) { try b.receive(1, a.attested(position), now: now) }
    #expect(b.log.count == size + 1)
  }

  @Test("B21: refusals that a peer brings about are limited, since each is written down")
  func questionFlood() throws {
    let (a, given) = try SimFixture.pair()
    var b = given
    var refused = 0
    for index in 0...SettlementLimits.neverSeenPerMinuteMax {
      do {
        try b.settlement(.refuseUnknown(transferID: "u\(index)", peer: a.id), actor: .node(of: a.id), now: now)
      } catch { refused += 1 }
    }
    #expect(refused == 1)
    try b.settlement(.refuseUnknown(transferID: "v", peer: a.id), actor: .node(of: a.id), now: now + .seconds(62))
  }
}
