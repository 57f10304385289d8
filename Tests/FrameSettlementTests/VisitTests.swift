import Foundation
import FrameCore
import FrameSettlement
import Testing

/// A transfer that goes back and forth to the writer waits each time behind everybody else's.
@Suite("Visits to the writer", .timeLimit(.minutes(5)))
struct VisitTests {
  /// Real time that no pause ends: what is done now and then is done once.
  private struct StillClock: FrameClock {
    func now() -> FrameTime { SystemClock().now() }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: .seconds(86_400)) }
  }

  private let alice = SimFixture.agent("alice")

  /// What one transfer costs each side, after one that has warmed up, with the origin's coordinator running.
  private func visits(_ backend: TransferBackend) async throws -> (origin: Int, destination: Int) {
    let a = try LoopbackNode("frame-a.example", code: "AVT", clock: StillClock())
    let b = try LoopbackNode("frame-b.example", code: "BVT", clock: StillClock())
    try await a.found(peers: [b])
    try await b.found(peers: [a])
    let coordinator = a.coordinator(LoopbackPeers(from: a, to: b))
    let request = TransferRequest(
      from: alice, to: try AgentAddress("bob@frame-b.example"), amount: Amount(minorUnits: 100), memo: "")
    func transfer(_ key: String) async throws {
      _ = try await coordinator.transfer(
        request, backend: backend, key: IdempotencyKey(derived: key), actor: .agent(alice, of: a.frame))
    }
    let base = a.writer.visits
    var counts = (origin: 0, destination: 0)
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await coordinator.run() }
      try await transfer("first")
      // The coordinator's one look at the state, which it takes when it starts.
      let expected = backend == .twoPhase ? 3 : 2
      while a.writer.visits - base < expected { await Task.yield() }
      let before = (a.writer.visits, b.writer.visits)
      try await transfer("second")
      counts = (a.writer.visits - before.0, b.writer.visits - before.1)
      group.cancelAll()
    }
    await a.close()
    await b.close()
    return counts
  }

  @Test("a 2pc transfer comes to the writer twice at its origin and once at its destination")
  func twoPhase() async throws { #expect(try await visits(.twoPhase) == (origin: 2, destination: 1)) }

  @Test("an async transfer comes to the writer once before its caller is answered")
  func async() async throws { #expect(try await visits(.async) == (origin: 1, destination: 0)) }
}
