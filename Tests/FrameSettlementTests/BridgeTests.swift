import FrameBridge
import FrameCore
import FrameLedger
import FrameEvents
@testable import FrameProjection
import FrameProtos
import Testing

/// Two frames with a treaty and the bridge between them, by hand.
struct BridgePair {
  var a: SimFrame
  var b: SimFrame
  var now = SimFixture.start
  let alice = SimFixture.agent("alice")
  let bob = SimFixture.agent("bob")

  init(_ limits: SimFixture.Limits = .init(), ofB: SimFixture.Limits? = nil, scaleOfB: Int = 2) throws {
    (a, b) = try SimFixture.pair(limits, ofB: ofB, scaleOfB: scaleOfB)
  }

  mutating func lock(_ id: String, _ amount: Int64 = 1_000, to recipient: String = "bob") throws {
    try a.bridge(
      .lock(
        id: id, destination: b.id, from: alice, recipient: SimFixture.agent(recipient),
        amount: Amount(minorUnits: amount)), actor: .agent(alice, of: a.id), key: id, now: now)
  }

  mutating func redeem(_ id: String, _ amount: Int64 = 1_000) throws {
    try b.bridge(
      .redeem(id: id, origin: a.id, from: bob, recipient: alice, amount: Amount(minorUnits: amount)),
      actor: .agent(bob, of: b.id), key: id, now: now)
  }

  mutating func deliver() throws {
    try Self.deliver(a, &b, now)
    try Self.deliver(b, &a, now)
  }

  static func deliver(_ from: SimFrame, _ to: inout SimFrame, _ now: FrameTime) throws {
    let held = to.state.projection.cursor(of: from.id).sequence
    for (offset, position) in from.state.projection.positions(for: to.id, after: held, limit: .max).enumerated() {
      try to.receive(held + UInt64(offset) + 1, from.attested(position), now: now)
    }
  }

  /// The last event of a type in a frame's log, proved.
  static func proof(_ frame: SimFrame, _ type: EventType) throws -> AttestedEvent {
    frame.attested(try #require(frame.log.last { $0.event.eventType == type }).position)
  }

  var wrapped: Int64 { b.balance(.wrapped(bob, a.native)) }
  var outbound: OutboundBridge { a.state.bridge.peer(b.id).outbound }
  var inbound: InboundBridge { b.state.bridge.peer(a.id).inbound }
}

@Suite("SF-3 bridge")
struct BridgeTests {
  @Test("what the sender writes to a lock or a redemption is in the logs of both frames, and in the command's digest")
  func memo() throws {
    var pair = try BridgePair()
    func lock(_ memo: String) -> BridgeCommand {
      .lock(
        id: "l", destination: pair.b.id, from: pair.alice, recipient: pair.bob, amount: Amount(minorUnits: 1_000),
        memo: memo)
    }
    #expect(lock("rent").digest != lock("").digest && lock("rent").digest != lock("food").digest)
    // As it was before there were memos, so that a retry that spans the upgrade finds its command.
    #expect(
      lock("").digest
        == CommandDigest.of(
          "bridge.lock", pair.b.id.name, pair.alice.text, pair.bob.text, Amount(minorUnits: 1_000).description))
    let long = String(repeating: "m", count: TextLimit.memo.most + 1)
    #expect(throws: BridgeError.memoTooLong(characters: 513)) {
      try pair.a.bridge(lock(long), actor: .agent(pair.alice, of: pair.a.id), key: "long", now: pair.now)
    }
    try pair.a.bridge(lock("rent"), actor: .agent(pair.alice, of: pair.a.id), key: "l", now: pair.now)
    try pair.deliver()
    #expect(pair.outbound.locks["l"]?.memo == "rent" && pair.inbound.issues["l"]?.memo == "rent")
    try pair.b.bridge(
      .redeem(
        id: "r", origin: pair.a.id, from: pair.bob, recipient: pair.alice, amount: Amount(minorUnits: 1_000),
        memo: "back"), actor: .agent(pair.bob, of: pair.b.id), key: "r", now: pair.now)
    try pair.deliver()
    #expect(pair.inbound.redeems["r"]?.memo == "back" && pair.outbound.unlocks["r"]?.memo == "back")
  }

  @Test("lock, issue, redeem, unlock: the reserve equals what is outstanding plus what is in flight, at every step")
  func cycle() throws {
    var pair = try BridgePair()
    try pair.lock("l")
    #expect(pair.outbound.reserve == 1_000)
    #expect(pair.outbound.inFlight == 1_000)
    #expect(pair.outbound.unissued == ["l": 1_000], "what is in flight has a name")
    try pair.deliver()
    #expect(pair.wrapped == 1_000)
    #expect(pair.outbound.inFlight == 0)
    #expect(pair.outbound.outstanding == 1_000)
    try pair.redeem("r", 400)
    #expect(pair.inbound.notUnlocked == ["r": 400])
    try pair.deliver()
    try pair.deliver()
    #expect(pair.outbound.reserve == 600)
    #expect(pair.a.balance(.bridgeReserve(pair.b.id)) == 600)
    #expect(pair.a.balance(.liquid(pair.alice)) == SimFixture.startBalance - 600)
    #expect([pair.outbound.imbalance, pair.inbound.imbalance, pair.inbound.inFlight] == [0, 0, 0])
    #expect(pair.a.balance(.issuance) == -SimFixture.startBalance * 10, "a lock does not change what was issued")
  }

  @Test("each leg has one effect however often and in whatever order its proof is brought")
  func idempotent() throws {
    var pair = try BridgePair()
    try pair.lock("l0", 50)
    try pair.deliver()
    try pair.lock("l1", 100)
    try pair.lock("l2", 200)
    let proofs = pair.a.log.filter { $0.event.eventType == .tokensBridgeLocked }.dropFirst().map {
      pair.a.attested($0.position)
    }
    let carol = SPIFFEID.agent(SimFixture.agent("carol"), of: pair.b.id)
    try pair.b.bridge(.issue(proofs[1]), actor: carol, now: pair.now)
    try pair.b.bridge(.issue(proofs[1]), actor: carol, now: pair.now)
    try pair.b.bridge(.issue(proofs[1]), actor: carol, key: "another key", now: pair.now)
    #expect(pair.wrapped == 250)
    #expect(pair.inbound.issuedAhead == ["l2": 200])
    #expect(pair.inbound.imbalance == 0)
    try pair.deliver()
    #expect(pair.wrapped == 350)
    #expect(pair.inbound.issuedAhead.isEmpty)
    try pair.b.bridge(.issue(proofs[0]), actor: carol, key: "late", now: pair.now)
    #expect(pair.wrapped == 350)
    try pair.redeem("r", 350)
    let back = try BridgePair.proof(pair.b, .wrappedTokensRedeemed)
    for key in ["x", "y"] { try pair.a.bridge(.unlock(back), actor: .node(of: pair.a.id), key: key, now: pair.now) }
    try pair.deliver()
    #expect(pair.a.balance(.liquid(pair.alice)) == SimFixture.startBalance)
    #expect(pair.outbound.imbalance == 0)
  }

  @Test(
    "a proof alone does not say which log of ours an event was told: what the peer's stream has passed, or not begun, is refused"
  )
  func notOurs() throws {
    var pair = try BridgePair()
    try pair.lock("l1", 100)
    let (first, carol) = (
      try BridgePair.proof(pair.a, .tokensBridgeLocked), SPIFFEID.agent(SimFixture.agent("carol"), of: pair.b.id)
    )
    #expect(throws: ProjectionError.streamNotBegun(peer: pair.a.id)) {
      try pair.b.bridge(.issue(first), actor: carol, now: pair.now)
    }
    #expect(pair.wrapped == 0)
    try pair.deliver()
    try pair.lock("l2", 100)
    #expect(throws: ProjectionError.notOfThisStream(peer: pair.a.id, position: first.event.position)) {
      try pair.b.state.projection.requireStillToCome(first)
    }
    let second = pair.a.attested(try #require(pair.a.log.last { $0.event.eventType == .tokensBridgeLocked }).position)
    try pair.b.state.projection.requireStillToCome(second)
    try pair.b.bridge(.issue(second), actor: carol, now: pair.now)
    #expect(pair.wrapped == 200)
  }

  @Test(
    "B16, B18: what comes home is let through at the treaty's rate, so many units a minute, whatever the scales",
    arguments: [(0, 6), (2, 600), (6, 6_000_000)])
  func homeRate(scale: Int, rate: Int64) throws {
    // 6 BVT a minute, as A's treaty has it in B's currency; B lets more through.
    var pair = try BridgePair(.init(bridgeRatePerMinute: rate), ofB: .init(), scaleOfB: scale)
    try pair.lock("l", 1_500)
    try pair.deliver()
    #expect(pair.wrapped == 1_500)
    #expect(throws: BridgeError.overRate(peer: pair.a.id, rate: 600, amount: 601, of: pair.a.native)) {
      try pair.redeem("r1", 601)
    }
    try pair.redeem("r2", 600)
    try pair.redeem("r3", 1)
    try pair.deliver()
    #expect(pair.outbound.pendingUnlocks.keys.sorted() == ["r3"])
    #expect(pair.a.balance(.liquid(pair.alice)) == SimFixture.startBalance - 900)
  }

  @Test("B16: what is over the cap or the rate waits by name and is done when there is room")
  func waits() throws {
    var pair = try BridgePair(.init(bridgeCap: 1_000, bridgeRatePerMinute: 600))
    try pair.lock("l1", 600)
    try pair.lock("l2", 400)
    let money = pair.a.native
    #expect(throws: BridgeError.bridgeCap(peer: pair.b.id, cap: 1_000, wouldBe: 1_001, of: money)) {
      try pair.lock("l3", 1)
    }
    #expect(throws: BridgeError.overRate(peer: pair.b.id, rate: 600, amount: 601, of: money)) {
      try pair.lock("l4", 601)
    }
    try pair.deliver()
    #expect(pair.wrapped == 600)
    #expect(pair.inbound.pendingIssues.keys.sorted() == ["l2"])
    func pending() -> [BridgeState.Pending] {
      let state = pair.b.state
      return state.bridge.pending(with: pair.a.id, ledger: state.ledger, federation: state.federation, now: pair.now)
        .issues
    }
    #expect(pending().map(\.reason) == ["bridge_rate"])
    let node = SPIFFEID.node(of: pair.b.id)
    #expect(throws: BridgeError.notNow(check: "rate", code: "bridge_rate")) {
      try pair.b.bridge(.issuePending(peer: pair.a.id, lockID: "l2"), actor: node, now: pair.now)
    }
    pair.now = pair.now + .seconds(62)
    #expect(pending().map(\.reason) == [""])
    try pair.b.bridge(.issuePending(peer: pair.a.id, lockID: "l2"), actor: node, now: pair.now)
    #expect(pair.wrapped == 1_000)
    try pair.deliver()
    #expect(pair.outbound.inFlight == 0)
  }

  @Test("an open breaker stops all four legs, keeps what arrives, and only the authority closes it")
  func breaker() throws {
    var pair = try BridgePair()
    try pair.lock("l1")
    try pair.deliver()
    let authority = SPIFFEID.authority(of: pair.b.id)
    try pair.b.bridge(
      .openBreaker(peer: pair.a.id, reason: "manual", detail: ""), actor: authority, key: "o", now: pair.now)
    #expect(throws: BridgeError.breakerOpen(peer: pair.a.id, reason: "manual")) { try pair.redeem("r") }
    try pair.lock("l2")
    try pair.deliver()
    #expect(pair.inbound.pendingIssues.keys.sorted() == ["l2"])
    for actor in [SPIFFEID.node(of: pair.b.id), .agent(pair.bob, of: pair.b.id), .node(of: pair.a.id)] {
      #expect(throws: BridgeError.notAllowed(actor)) {
        try pair.b.bridge(.closeBreaker(peer: pair.a.id, note: ""), actor: actor, key: "\(actor)", now: pair.now)
      }
    }
    try pair.b.bridge(.closeBreaker(peer: pair.a.id, note: "explained"), actor: authority, key: "c", now: pair.now)
    try pair.b.bridge(
      .issuePending(peer: pair.a.id, lockID: "l2"), actor: .node(of: pair.b.id), now: pair.now)
    #expect(pair.wrapped == 2_000)
  }

  @Test("a replay of the log gives the same bridge, and each event's totals state the reserve after it")
  func totals() throws {
    var pair = try BridgePair()
    try pair.lock("l1", 100)
    try pair.deliver()
    try pair.redeem("r1", 60)
    try pair.deliver()
    try pair.deliver()
    #expect(pair.a.replayed().bridge.peers == pair.a.state.bridge.peers)
    #expect(pair.b.replayed().bridge.peers == pair.b.state.bridge.peers)
    let unlocked = try BridgePair.proof(pair.a, .tokensBridgeUnlocked).event.event.message.tokensBridgeUnlocked.totals
    #expect([unlocked.locked, unlocked.unlocked, unlocked.issued, unlocked.redeemed] == [100, 60, 100, 60])
  }
}
