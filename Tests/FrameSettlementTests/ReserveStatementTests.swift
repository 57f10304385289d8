@testable import FrameBridge
import FrameCore
import FrameProtos
import Testing

@Suite("Reserve statements")
struct ReserveStatementTests {
  /// A bridge with 1,000 locked and issued, 400 redeemed and unlocked, as both sides hold it.
  private func settled() throws -> BridgePair {
    var pair = try BridgePair()
    try pair.lock("l")
    try pair.deliver()
    try pair.redeem("r", 400)
    try pair.deliver()
    try pair.deliver()
    return pair
  }

  private func figures(_ frame: SimFrame, _ peer: FrameID) -> BridgeFigures {
    BridgeFigures(frame.state.bridge.peer(peer))
  }

  private func contradiction(_ change: (inout PBReserveStatement) -> Void) throws -> String? {
    let pair = try settled()
    var statement = ReserveStatements.make(
      for: pair.a.id, frame: pair.b.id, figures: figures(pair.b, pair.a.id), logSize: 1, now: pair.now)
    change(&statement)
    let ours = figures(pair.a, pair.b.id)
    return ReserveStatements.contradiction(statement, before: ours, after: ours)?.reason
  }

  @Test("B22: honest statements of both sides agree")
  func agree() throws {
    #expect(try contradiction { _ in } == nil)
  }

  @Test("more issued there than locked here, or less redeemed there than unlocked here, is a contradiction")
  func unbacked() throws {
    #expect(try contradiction { $0.asDestination.issued = 1_001 } == "issued_over_locked")
    #expect(try contradiction { $0.asDestination.redeemed = 399 } == "unlocked_over_redeemed")
    #expect(try contradiction { $0.asDestination.issued = 999 } == "statement_went_back")
    #expect(try contradiction { $0.asOrigin.unlocked = 1 } == "unlocked_over_redeemed")
  }

  @Test("what happens while the statement travels is no contradiction")
  func inBetween() throws {
    var pair = try settled()
    let before = figures(pair.a, pair.b.id)
    try pair.lock("l2")
    try BridgePair.deliver(pair.a, &pair.b, pair.now)
    let statement = ReserveStatements.make(
      for: pair.a.id, frame: pair.b.id, figures: figures(pair.b, pair.a.id), logSize: 1, now: pair.now)
    #expect(statement.asDestination.issued == 2_000)
    #expect(ReserveStatements.contradiction(statement, before: before, after: figures(pair.a, pair.b.id)) == nil)
  }

  @Test("a contradiction found by comparing opens the breaker")
  func comparing() async throws {
    let a = try LoopbackNode("frame-a.example", code: "AVT")
    let b = try LoopbackNode("frame-b.example", code: "BVT")
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    // Frame b's own books say that it issued what frame a never locked.
    var issued = PBWrappedTokensIssued()
    issued.lockID = "never"
    issued.origin = a.frame.name
    issued.recipient = "bob"
    issued.asset = PBAsset(a.native)
    issued.amount = 5
    _ = try await b.writer.submit(
      .init(
        .given([.init(.wrappedTokensIssued(issued), postings: SimFixture.issue(5, "bob", a.native))]),
        actor: .node(of: b.frame), derivedKey: "forged"))
    await a.relay(LoopbackPeers(from: a, to: b)).compare(with: b.frame)
    let peer = b.frame
    #expect(try await a.writer.read { $0.bridge.peer(peer).breaker?.reason } == "issued_over_locked")
    await a.close()
    await b.close()
  }
}
