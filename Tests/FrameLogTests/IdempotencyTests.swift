import Foundation
import FrameCore
import Testing

@testable import FrameEvents

@Suite struct IdempotencyTests {
  @Test("B1: the same key with the same command has one effect and gives the first result, also after a restart")
  func sameCommand() async throws {
    let fixture = try LogFixture()
    var writer = try fixture.writer()
    let first = try await writer.submit(fixture.envelope(.addAll([1, 2, 3]), key: "k"))
    for restart in [false, true] {
      if restart {
        await writer.shutdown()
        writer = try fixture.writer()
      }
      let again = try await writer.submit(fixture.envelope(.addAll([1, 2, 3]), key: "k"))
      #expect(again == Committed(events: first.events, replayed: true))
      #expect(try await writer.committed(key: fixture.envelope(.nothing, key: "k").key)?.events == first.events)
      #expect(writer.durableSize() == 3)
    }
    await writer.shutdown()
  }

  @Test("B1: the same key with another command is a conflict that names both digests, also after a restart")
  func otherCommand() async throws {
    let fixture = try LogFixture()
    var writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1), key: "k", digest: "one"))
    let conflict = LogError.idempotencyConflict(
      key: "spiffe://frame-a.example/authority/k", first: hex(CommandDigest.of("one")),
      now: hex(CommandDigest.of("two")))
    await #expect(throws: conflict) { try await writer.submit(fixture.envelope(.add(2), key: "k", digest: "two")) }
    await writer.shutdown()
    writer = try fixture.writer()
    await #expect(throws: conflict) { try await writer.submit(fixture.envelope(.add(2), key: "k", digest: "two")) }
    #expect(writer.durableSize() == 1)
    await writer.shutdown()
  }

  @Test("B1: duplicates in one batch wait for the same commit; a conflict among them is refused")
  func sameBatch() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let results = await writer.submit(contentsOf: [
      try fixture.envelope(.addAll([1, 2]), key: "k"), try fixture.envelope(.addAll([1, 2]), key: "k"),
      try fixture.envelope(.add(9), key: "k", digest: "other"), try fixture.envelope(.add(3), key: "l"),
    ])
    let first = try results[0].get()
    #expect(try results[1].get() == Committed(events: first.events, replayed: true))
    #expect(throws: LogError.self) { try results[2].get() }
    #expect(try results[3].get().events[0].position == 2)
    #expect(try await writer.read { $0.total } == 6)
    await writer.shutdown()
  }

  @Test("B1: the same key sent by many callers at once has one effect")
  func race() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let fresh = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<100 {
        group.addTask { try await !writer.submit(fixture.envelope(.add(1), key: "k")).replayed }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(fresh == 1)
    #expect(writer.durableSize() == 1)
    await writer.shutdown()
  }

  @Test("one caller's key is not another's")
  func scope() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for name in ["alice", "bob"] {
      let actor = SPIFFEID.agent(try AgentName(name), of: fixture.frame)
      let envelope = CommandEnvelope(
        CounterState.Command.add(1), actor: actor, key: try IdempotencyKey("k", caller: actor),
        digest: CommandDigest.of(name))
      #expect(try await !writer.submit(envelope).replayed)
    }
    await writer.shutdown()
  }

  private func hex(_ data: Data) -> String {
    data.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
