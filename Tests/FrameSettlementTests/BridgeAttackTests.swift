import Foundation
@testable import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
@testable import FrameProjection
import FrameProtos
import Testing

/// What real bridges lost money to, tried against this one. The attacker is a peer with valid keys: whatever it signs is in
/// its log and provable.
@Suite("Attacks on the bridge")
struct BridgeAttackTests {
  /// The peer's log says whatever the attacker likes.
  private func forge(
    _ frame: inout SimFrame, _ payload: PBEvent.OneOf_Payload, _ postings: [PBPosting], _ now: FrameTime
  ) throws -> AttestedEvent {
    let event = try frame.append(EventDraft(payload, postings: postings), actor: .authority(of: frame.id), now: now)
    return frame.attested(event.position)
  }

  private func lockPayload(_ pair: BridgePair, id: String = "forged", amount: Int64 = 1_000) -> PBTokensBridgeLocked {
    var lock = PBTokensBridgeLocked()
    lock.lockID = id
    lock.destination = pair.b.id.name
    lock.from = "alice"
    lock.recipient = "bob"
    lock.asset = PBAsset(pair.a.native)
    lock.amount = amount
    lock.totals.locked = pair.outbound.locked + amount
    lock.totals.unlocked = pair.outbound.unlocked
    lock.totals.issued = pair.outbound.attestedIssued
    lock.totals.redeemed = pair.outbound.attestedRedeemed
    return lock
  }

  private func move(_ pair: BridgePair, _ amount: Int64) -> [PBPosting] {
    Postings.move(amount, from: .liquid(pair.alice), to: .bridgeReserve(pair.b.id))
  }

  /// By hand the proof is refused; by the stream the breaker opens or the event is rejected; nothing is issued either way.
  private func expectNothingIssued(
    _ pair: inout BridgePair, _ proof: AttestedEvent, rejected: String, opens: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(throws: BridgeError.self, sourceLocation: sourceLocation) {
      try pair.b.bridge(.issue(proof), actor: .agent(pair.bob, of: pair.b.id), now: pair.now)
    }
    let sequence = pair.b.state.projection.cursor(of: pair.a.id).sequence + 1
    try pair.b.receive(sequence, proof, now: pair.now)
    let projected = try #require(pair.b.log.last { $0.event.eventType == .peerEventProjected })
    #expect(projected.event.message.peerEventProjected.rejected == rejected, sourceLocation: sourceLocation)
    #expect((pair.b.state.bridge.peer(pair.a.id).breaker != nil) == opens, sourceLocation: sourceLocation)
    #expect(pair.wrapped == 0, sourceLocation: sourceLocation)
    #expect(pair.b.balance(.issuance(of: pair.a.native)) == 0, sourceLocation: sourceLocation)
    if opens { #expect(pair.b.log.suffix(2).map(\.event.eventType) == [.peerEventProjected, .bridgeBreakerOpened]) }
  }

  @Test("B14: a lock whose own postings do not show the value is worth nothing and stops the bridge")
  func depositOfNothing() throws {
    var empty = try BridgePair()
    let proof = try forge(&empty.a, .tokensBridgeLocked(lockPayload(empty)), [], empty.now)
    try expectNothingIssued(&empty, proof, rejected: "not_backed_by_postings", opens: true)
    #expect(empty.inbound.imbalance == 1_000, "claimed, not in flight, not outstanding")

    var less = try BridgePair()
    let small = try forge(&less.a, .tokensBridgeLocked(lockPayload(less)), move(less, 1), less.now)
    try expectNothingIssued(&less, small, rejected: "not_backed_by_postings", opens: true)

    var elsewhere = try BridgePair()
    let other = try forge(
      &elsewhere.a, .tokensBridgeLocked(lockPayload(elsewhere)),
      Postings.move(1_000, from: .liquid(elsewhere.alice), to: .liquid(elsewhere.bob)), elsewhere.now)
    try expectNothingIssued(&elsewhere, other, rejected: "not_backed_by_postings", opens: true)
  }

  @Test(
    "B10: an empty lock, a zero amount or a negative one proves nothing", arguments: [0, -1_000, .min, .max] as [Int64])
  func zeroProof(amount: Int64) throws {
    var pair = try BridgePair()
    var lock = lockPayload(pair, amount: 1)
    lock.amount = amount
    let proof = try forge(&pair.a, .tokensBridgeLocked(lock), [], pair.now)
    try expectNothingIssued(&pair, proof, rejected: "invalid_amount", opens: false)
    var blank = try BridgePair()
    let nothing = try forge(&blank.a, .tokensBridgeLocked(PBTokensBridgeLocked()), [], blank.now)
    #expect(throws: BridgeError.self) {
      try blank.b.bridge(.issue(nothing), actor: .node(of: blank.b.id), now: blank.now)
    }
  }

  @Test("B17: a lock of anything but the origin's own native money is refused; scale is part of it (B18)")
  func foreignAsset() throws {
    for change in [
      { (asset: inout PBAsset) in asset.origin = "frame-c.example" }, { $0.code = "BVT" }, { $0.scale = 3 },
      { $0.origin = "frame-b.example" },
    ] as [(inout PBAsset) -> Void] {
      var pair = try BridgePair()
      var lock = lockPayload(pair)
      change(&lock.asset)
      let proof = try forge(&pair.a, .tokensBridgeLocked(lock), move(pair, 1_000), pair.now)
      try expectNothingIssued(&pair, proof, rejected: "wrong_asset", opens: false)
    }
  }

  @Test("a lock made out to another frame is worth nothing here")
  func otherDestination() throws {
    var pair = try BridgePair()
    var lock = lockPayload(pair)
    lock.destination = "frame-c.example"
    let proof = try forge(&pair.a, .tokensBridgeLocked(lock), move(pair, 1_000), pair.now)
    try expectNothingIssued(&pair, proof, rejected: "not_addressed_here", opens: false)
  }

  @Test("B9: the key comes from the treaty: a proof by any other key, or under an ended treaty, is refused")
  func otherKey() throws {
    var pair = try BridgePair()
    try pair.lock("l")
    let honest = try BridgePair.proof(pair.a, .tokensBridgeLocked)
    let stranger = try SimFrame("frame-a.example", code: "AVT", scale: 2)
    let swapped = AttestedEvent(origin: pair.a.id, event: honest.event, key: stranger.key)
    #expect(throws: BridgeError.notPinnedKey(peer: pair.a.id)) {
      try pair.b.bridge(.issue(swapped), actor: .node(of: pair.b.id), now: pair.now)
    }
    let signers = [pair.a, pair.b].map { LogSigner(name: $0.id.name, privateKey: .init()) }
    let seen = try zip(signers, [pair.a, pair.b]).map { signer, frame in
      let text = "\(frame.id)\n1\n\(Data(repeating: 1, count: 32).base64EncodedString())\n"
      return try WitnessedCheckpoint.unseen(
        Data(signer.sign(note: text).utf8), of: frame.id, key: signer.verifierKey)
    }
    #expect(throws: ProjectionError.notPinnedKey(peer: pair.a.id)) {
      _ = try AttestedEvent(verifying: PBAttestation(), from: pair.a.id, by: seen[1])
    }
    #expect(throws: LogError.self) {
      _ = try AttestedEvent(verifying: PBAttestation(), from: pair.a.id, by: seen[0])
    }
    try SimFixture.revoke(&pair.b, pair.a.id)
    #expect(throws: FederationError.self) {
      try pair.b.bridge(.issue(honest), actor: .node(of: pair.b.id), now: pair.now)
    }
    #expect(pair.wrapped == 0)
  }

  @Test("B11: no other event of the peer's log issues or unlocks anything")
  func otherEvents() throws {
    var pair = try BridgePair()
    let minted = try forge(&pair.a, .tokensIssued(.init()), [], pair.now)
    for command in [BridgeCommand.issue(minted), .unlock(minted)] {
      #expect(throws: BridgeError.self) {
        try pair.b.bridge(command, actor: .node(of: pair.b.id), key: "k", now: pair.now)
      }
    }
    var closed = PBBridgeBreakerClosed()
    closed.peer = pair.b.id.name
    let closing = try forge(&pair.a, .bridgeBreakerClosed(closed), [], pair.now)
    try pair.b.receive(1, closing, now: pair.now)
    #expect(pair.b.log.last?.event.message.peerEventProjected.rejected == "not_addressed_here")
  }

  @Test("totals that do not follow from the last ones stop the bridge and show as an imbalance")
  func brokenTotals() throws {
    var pair = try BridgePair()
    var lock = lockPayload(pair)
    lock.totals.locked += 500
    let proof = try forge(&pair.a, .tokensBridgeLocked(lock), move(pair, 1_000), pair.now)
    try pair.b.receive(1, proof, now: pair.now)
    #expect(pair.b.state.bridge.peer(pair.a.id).breaker?.reason == "totals_mismatch")
    #expect(pair.inbound.imbalance == 1_500)
    #expect(pair.wrapped == 0)
  }

  @Test("B21: totals at the edge of a number cannot stop the node", arguments: [.max, .min, -1] as [Int64])
  func hugeTotals(total: Int64) throws {
    var pair = try BridgePair()
    var lock = lockPayload(pair)
    lock.totals = .init(locked: total, unlocked: total, issued: total, redeemed: total)
    let proof = try forge(&pair.a, .tokensBridgeLocked(lock), move(pair, 1_000), pair.now)
    try pair.b.receive(1, proof, now: pair.now)
    var issued = PBWrappedTokensIssued()
    issued.lockID = "l"
    issued.origin = pair.a.id.name
    issued.amount = total
    issued.totals = lock.totals
    try pair.lock("l")
    let report = try forge(&pair.b, .wrappedTokensIssued(issued), [], pair.now)
    try pair.a.receive(1, report, now: pair.now)
    #expect(pair.a.state.bridge.peer(pair.b.id).breaker != nil)
    _ = BridgeFigures(pair.a.state.bridge.peer(pair.b.id))
  }

  @Test(
    "money issued there without a lock here stops the bridge and shows as an imbalance",
    arguments: [("unknown", 1_000, "unknown_lock", -1_000), ("l", 1_500, "leg_mismatch", -500)]
      as [(String, Int64, String, Int64)])
  func unbackedIssue(id: String, amount: Int64, reason: String, imbalance: Int64) throws {
    var pair = try BridgePair()
    try pair.lock("l")
    var issued = PBWrappedTokensIssued()
    issued.lockID = id
    issued.origin = pair.a.id.name
    issued.recipient = "bob"
    issued.asset = PBAsset(pair.a.native)
    issued.amount = amount
    issued.totals = .init(locked: 1_000, unlocked: 0, issued: amount, redeemed: 0)
    let report = try forge(
      &pair.b, .wrappedTokensIssued(issued),
      Postings.move(amount, from: .issuance(of: pair.a.native), to: .wrapped(pair.bob, pair.a.native)), pair.now)
    try pair.a.receive(1, report, now: pair.now)
    #expect(pair.a.log.suffix(2).map(\.event.eventType) == [.peerEventProjected, .bridgeBreakerOpened])
    #expect(pair.a.state.bridge.peer(pair.b.id).breaker?.reason == reason)
    #expect(pair.outbound.imbalance == imbalance)
    #expect(throws: BridgeError.self) { try pair.lock("l2") }
  }

  @Test("B17: a redemption of more than was ever locked unlocks nothing and stops the bridge")
  func overRedemption() throws {
    var pair = try BridgePair()
    try pair.lock("l", 1_000)
    try pair.deliver()
    let before = pair.a.balance(.liquid(pair.alice))
    var redeemed = PBWrappedTokensRedeemed()
    redeemed.redeemID = "forged"
    redeemed.origin = pair.a.id.name
    redeemed.from = "bob"
    redeemed.recipient = "alice"
    redeemed.asset = PBAsset(pair.a.native)
    redeemed.amount = 1_001
    redeemed.totals = .init(locked: 1_000, unlocked: 0, issued: 1_000, redeemed: 1_001)
    let burn = Postings.move(1_001, from: .wrapped(pair.bob, pair.a.native), to: .issuance(of: pair.a.native))
    let proof = try forge(&pair.b, .wrappedTokensRedeemed(redeemed), burn, pair.now)
    #expect(throws: BridgeError.unbacked(peer: pair.b.id, code: "unlock_over_reserve")) {
      try pair.a.bridge(.unlock(proof), actor: .agent(pair.alice, of: pair.a.id), now: pair.now)
    }
    try pair.a.receive(2, proof, now: pair.now)
    #expect(pair.a.state.bridge.peer(pair.b.id).breaker?.reason == "unlock_over_reserve")
    #expect(pair.a.balance(.liquid(pair.alice)) == before)
    #expect(pair.a.balance(.bridgeReserve(pair.b.id)) == 1_000)
  }

  @Test("a lock under an id that was issued already, in a new event, issues nothing and stops the bridge")
  func sameLockAgain() throws {
    var pair = try BridgePair()
    try pair.lock("l")
    try pair.deliver()
    let again = try forge(&pair.a, .tokensBridgeLocked(lockPayload(pair, id: "l")), move(pair, 1_000), pair.now)
    try pair.b.receive(2, again, now: pair.now)
    #expect(pair.wrapped == 1_000)
    #expect(pair.b.state.bridge.peer(pair.a.id).breaker != nil)
  }

  @Test("B16: a peer with valid keys and real locks gets no more than its cap, in any number of pieces")
  func capHolds() throws {
    var pair = try BridgePair(.init(bridgeCap: 1_000, bridgeRatePerMinute: 1_000_000))
    for index in 0..<20 {
      let lock = lockPayload(pair, id: "f\(index)", amount: 300)
      let proof = try forge(&pair.a, .tokensBridgeLocked(lock), move(pair, 300), pair.now)
      try pair.b.receive(UInt64(index) + 1, proof, now: pair.now)
    }
    #expect(pair.wrapped == 900)
    #expect(pair.inbound.pendingIssues.count == 17)
    #expect(pair.inbound.imbalance == 0)
    #expect(pair.b.state.bridge.peer(pair.a.id).breaker == nil)
  }

  @Test("only the holder redeems, and only what it holds")
  func redeemOfOthers() throws {
    var pair = try BridgePair()
    try pair.lock("l")
    try pair.deliver()
    #expect(throws: BridgeError.self) { try pair.redeem("r", 1_001) }
    let command = BridgeCommand.redeem(
      id: "r", origin: pair.a.id, from: pair.bob, recipient: pair.alice, amount: Amount(minorUnits: 1))
    for actor in [SPIFFEID.agent(pair.alice, of: pair.b.id), .authority(of: pair.b.id), .node(of: pair.a.id)] {
      #expect(throws: BridgeError.notAllowed(actor)) {
        try pair.b.bridge(command, actor: actor, key: "\(actor)", now: pair.now)
      }
    }
  }
}
