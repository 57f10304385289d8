import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Visits to the writer")
struct VisitTests {
  @Test("one visit for a transfer within the frame, a lock, a freeze: what is answered is seen on the way")
  func once() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let alice = try await fixture.agent("alice")
        func visits(_ path: String, _ body: JSON, _ token: String??) async throws -> Int {
          let before = fixture.node.writer.visits
          try await api.post(path, body, key: path, token: token).expect(200)
          return fixture.node.writer.visits - before
        }
        #expect(try await visits("/api/v1/transfers", ["to": "bob", "amount": "1.00"], alice) == 1)
        #expect(
          try await visits("/api/v1/transfers/batch", ["transfers": [["to": "bob", "amount": "1.00"]]], alice) == 1)
        #expect(try await visits("/api/v1/agents/bob/freeze", ["reason": "a test"], nil) == 1)
      }
    }
  }
}
