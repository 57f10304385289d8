import FrameBridge
import FrameCore
import FrameLedger
import FrameSettlement
import Synchronization
import Testing

/// Whoever repeats a 2pc transfer while the peer comes back wants to know now.
@Suite("A repeat hurries", .serialized)
struct NudgeTests {
  private static let nudges = (0..<SettlementLimits.nudgesMax + 1).map { SettlementLimits.nudgeDelay * (1 << $0) }

  @Test(
    "G2: the repeat of a 2pc tries again at once and while it waits, a bounded number of times, and completes as soon as the peer answers"
  )
  func repeated() async throws {
    let a = try LoopbackNode("frame-a.example", code: "AVT")
    let b = try LoopbackNode("frame-b.example", code: "BVT")
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    let peers = LoopbackPeers(from: a, to: b, .down)
    let coordinator = a.coordinator(peers)
    let (paused, pause) = AsyncStream.makeStream(of: Duration.self)
    // The resolver's own pauses last for ever here: only a repeat can bring the transfer on.
    peers.pausing { duration in
      pause.yield(duration)
      if Self.nudges.contains(duration) { return }
      for await _ in AsyncStream<Never>.makeStream().stream {}
      throw CancellationError()
    }
    let alice = SimFixture.agent("alice")
    let request = TransferRequest(
      from: alice, to: try AgentAddress("bob@frame-b.example"), amount: Amount(minorUnits: 100), memo: "")
    let (key, actor) = (IdempotencyKey(derived: "key"), SPIFFEID.agent(alice, of: a.frame))
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await coordinator.run() }
      let first = try await coordinator.transfer(
        request, backend: .twoPhase, key: key, actor: actor, wait: .milliseconds(200))
      #expect(first.state == .pending)
      // The caller has left, and the resolver stands still.
      for await duration in paused where !Self.nudges.contains(duration) { break }
      let calls = peers.callCount
      // A repeat that finds the peer still away: so many tries, and no more.
      let second = try await coordinator.transfer(
        request, backend: .twoPhase, key: key, actor: actor, wait: .milliseconds(300))
      #expect(second.state == .pending && second.replayed)
      #expect(peers.callCount > calls)
      #expect(peers.callCount <= calls + SettlementLimits.nudgesMax + 1)
      #expect(peers.hurryCount >= 1)
      peers.set(.up)
      let third = try await coordinator.transfer(
        request, backend: .twoPhase, key: key, actor: actor, wait: .seconds(30))
      #expect(third.state == .completed && third.replayed)
      #expect(try await b.balance(.liquid(SimFixture.agent("bob"))) == SimFixture.startBalance + 100)
      group.cancelAll()
    }
    await a.close()
    await b.close()
  }
}
