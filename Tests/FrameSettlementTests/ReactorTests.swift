import Crypto
import FrameCore
import FrameLedger
import FrameEvents
@testable import FrameProjection
import FrameProtos
import FrameSettlement
import Foundation
import Testing

@Suite("SF-4: receiving and reacting")
struct ReactorTests {
  let now = SimFixture.start
  let alice = SimFixture.agent("alice")
  let bob = SimFixture.agent("bob")

  /// Delivers everything `from` has for `to`.
  private func deliver(_ from: SimFrame, _ to: inout SimFrame) throws {
    let held = to.state.projection.cursor(of: from.id).sequence
    for (offset, position) in from.state.projection.positions(for: to.id, after: held, limit: .max).enumerated() {
      try to.receive(held + UInt64(offset) + 1, from.attested(position), now: now)
    }
  }

  private func initiate(_ a: inout SimFrame, _ b: SimFrame, to: String = "bob", amount: Int64 = 100) throws {
    let terms = try SimFixture.terms("t\(a.log.count)", a, b, to: to, amount: amount)
    try a.settlement(.initiate(terms), actor: .agent(terms.from, of: a.id), key: "k\(a.log.count)", now: now)
  }

  @Test("async: debited, carried, credited once, settled, and the clearing accounts mirror")
  func settles() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b)
    try deliver(a, &b)
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + 100)
    try deliver(b, &a)
    #expect(a.state.settlement.openPeers.isEmpty)
    #expect(a.balance(.clearing(b.id)) == 100)
    #expect(b.balance(.clearing(a.id)) == -100)
  }

  @Test("B6: async refused there is paid back here, to the sender, once")
  func compensates() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b, to: "nobody")
    try deliver(a, &b)
    #expect(a.balance(.liquid(alice)) == SimFixture.startBalance - 100)
    try deliver(b, &a)
    #expect(a.balance(.liquid(alice)) == SimFixture.startBalance)
    // The peer refuses the same transfer once more, in a new event of its log.
    let refused = try #require(b.log.last { $0.event.eventType == .crossFrameTransferRefused })
    let payload = try #require(refused.event.payload)
    let again = try b.append(EventDraft(payload), actor: .node(of: b.id), now: now)
    try a.receive(2, b.attested(again.position), now: now)
    #expect(a.balance(.liquid(alice)) == SimFixture.startBalance)
    #expect(a.log.last?.event.message.peerEventProjected.rejected == "already_decided")
  }

  @Test("a peer that settles a transfer of another, or one never sent, changes nothing; its stream goes on")
  func falseSettlement() throws {
    var (a, b) = try SimFixture.pair()
    var settled = PBCrossFrameTransferSettled()
    settled.terms = try SimFixture.terms("never", a, b).message
    settled.creditedAmount = 100
    let event = try b.append(EventDraft(.crossFrameTransferSettled(settled)), actor: .node(of: b.id), now: now)
    try a.receive(1, b.attested(event.position), now: now)
    #expect(a.log.last?.event.message.peerEventProjected.rejected == "unknown_transfer")
    #expect(a.state.projection.cursor(of: b.id).sequence == 1)
  }

  @Test("DESIGN 12.5: a projected event has no postings, and what is credited is in our own event")
  func projectionMovesNothing() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b)
    try deliver(a, &b)
    for event in b.log where event.event.eventType == .peerEventProjected { #expect(event.event.postings.isEmpty) }
    #expect(b.log.suffix(2).map(\.event.eventType) == [.peerEventProjected, .crossFrameTransferSettled])
    #expect(b.log.suffix(2).map(\.event.commandIndex) == [0, 1], "cursor and effect are one append")
  }

  @Test("an item again changes nothing, a gap is refused, and the cursor is exact")
  func sequences() throws {
    var (a, b) = try SimFixture.pair()
    for _ in 0..<3 { try initiate(&a, b) }
    let positions = Array(a.state.projection.positions(for: b.id, after: 0, limit: .max))
    try b.receive(1, a.attested(positions[0]), now: now)
    let size = b.log.count
    try b.receive(1, a.attested(positions[0]), now: now)
    #expect(b.log.count == size)
    #expect(throws: ProjectionError.sequenceGap(peer: a.id, expected: 2, got: 3)) {
      try b.receive(3, a.attested(positions[2]), now: now)
    }
    try b.receive(2, a.attested(positions[1]), now: now)
    #expect(b.state.projection.cursor(of: a.id).sequence == 2)
  }

  @Test("one event under two sequences is refused: positions only grow (B20)")
  func sameEventTwice() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    try b.receive(1, a.attested(position), now: now)
    #expect(throws: ProjectionError.positionWentBack(peer: a.id, last: position, got: position)) {
      try b.receive(2, a.attested(position), now: now)
    }
    #expect(b.balance(.liquid(bob)) == SimFixture.startBalance + 100)
  }

  @Test("B9: a proof checked with another key than the treaty pins now is refused")
  func otherKey() throws {
    var (a, b) = try SimFixture.pair()
    try initiate(&a, b)
    let position = try #require(a.state.projection.positions(for: b.id, after: 0, limit: 1).first)
    let stranger = try SimFrame("frame-a.example", code: "AVT", scale: 2)
    let event = AttestedEvent(origin: a.id, event: a.log[Int(position)], key: stranger.key)
    #expect(throws: ProjectionError.notPinnedKey(peer: a.id)) { try b.receive(1, event, now: now) }
  }

  @Test("what is not addressed to us, not asked for, or too large is recorded, not acted on, and never blocks")
  func unwanted() throws {
    var (a, b) = try SimFixture.pair()
    var c = try SimFixture.frame("frame-c.example", code: "CVT")
    try SimFixture.federate(&a, &c)
    let terms = try SimFixture.terms("forC", a, c)
    try a.settlement(.initiate(terms), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    let forC = try #require(a.state.projection.positions(for: c.id, after: 0, limit: 1).first)
    #expect(a.state.projection.head(for: b.id) == 0, "an event for one peer is not in another's stream")
    try b.receive(1, a.attested(forC), now: now)
    #expect(b.log.last?.event.message.peerEventProjected.rejected == "not_addressed_here")

    var large = PBCrossFrameTransferInitiated()
    large.terms = try SimFixture.terms("large", a, b).message
    large.terms.memo = String(repeating: "m", count: 64_000)
    let event = try a.append(EventDraft(.crossFrameTransferInitiated(large)), actor: .node(of: a.id), now: now)
    try b.receive(2, a.attested(event.position), now: now)
    let kept = try #require(b.log.last?.event.message.peerEventProjected)
    #expect(kept.rejected == "event_too_large")
    #expect(kept.event.isEmpty)
    #expect(kept.eventHash == MerkleHash.leaf(event.bytes).data)

    let minted = try a.append(EventDraft(.tokensIssued(PBTokensIssued())), actor: .authority(of: a.id), now: now)
    try b.receive(3, a.attested(minted.position), now: now)
    #expect(b.log.last?.event.message.peerEventProjected.rejected == "not_addressed_here")
    #expect(b.state.projection.cursor(of: a.id).sequence == 3)
    #expect(b.state.settlement.incoming("large", from: a.id) == nil)
  }

  @Test("only what happens after the treaty is sent, and only types the peer asked for")
  func outbox() throws {
    var a = try SimFixture.frame("frame-a.example", code: "AVT")
    var b = try SimFixture.frame("frame-b.example", code: "BVT")
    try SimFixture.federate(&a, &b)
    #expect(a.state.projection.head(for: b.id) == 0)
    let terms = try SimFixture.terms("t", a, b)
    try a.settlement(.lock(terms, deadline: now), actor: .agent(alice, of: a.id), key: "k", now: now)
    #expect(a.state.projection.head(for: b.id) == 0, "a lock is nobody else's business")
    try initiate(&a, b)
    #expect(a.state.projection.head(for: b.id) == 1)
  }

  @Test("P6: what a peer once claimed to have is not held against its next head")
  func claims() throws {
    let heads = PeerHeads()
    let peer = try FrameID("frame-a.example")
    heads.start(peer, held: 2, now: now)
    heads.connected(peer, true)
    heads.head(1_000_000, of: peer, now: now + .seconds(1))
    #expect(heads.view(peer)?.lagEvents == 999_998)
    heads.head(2, of: peer, now: now + .seconds(6))
    #expect(heads.view(peer)?.lagEvents == 0)
    #expect(heads.view(peer)?.caughtUpAt == now + .seconds(6))
  }

  @Test("lag grows while the peer is silent and is zero once its head is reached")
  func lag() throws {
    let heads = PeerHeads()
    let peer = try FrameID("frame-a.example")
    heads.start(peer, held: 0, now: now)
    heads.connected(peer, true)
    heads.head(3, of: peer, now: now + .seconds(10))
    #expect(heads.view(peer)?.lagEvents == 3)
    #expect(heads.view(peer)?.caughtUpAt == now)
    heads.held(3, of: peer, now: now + .seconds(12))
    #expect(heads.view(peer)?.lagEvents == 0)
    #expect(heads.view(peer)?.caughtUpAt == now + .seconds(12))
  }
}
