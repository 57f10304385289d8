import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Idempotency-Key")
struct IdempotencyKeyTests {
  @Test("B1: without a usable key nothing moves")
  func unusable() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let body: JSON = ["from": "alice", "to": "bob", "amount": "1.00"]
        try await api.post("/api/v1/transfers", body).expectProblem(400, "idempotency_key_missing")
        try await api.post("/api/v1/transfers", body, key: "").expectProblem(400, "idempotency_key_missing")
        for key in [String(repeating: "k", count: 129), "a b", "tab\there", "ключ", "é"] {
          let answer = try await api.post("/api/v1/transfers", body, key: key)
          #expect(answer.status == 400, "\(key): \(answer.text)")
          answer.expectProblem(400, answer.code)
        }
        #expect(try await api.balance("bob") == "100.00")
        try await api.post("/api/v1/transfers", body, key: String(repeating: "k", count: 128)).expect(200)
        try await api.post("/api/v1/transfers", body, key: "~!@#$%^&*()/{}<>").expect(200)
        #expect(try await api.balance("bob") == "102.00")
      }
    }
  }

  @Test("B1: the same key and body answer the same bytes, marked as replayed, and move nothing twice")
  func replay() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let body: JSON = ["to": "bob", "amount": "12.50", "memo": "Grüße 🦊"]
        let first = try await api.post("/api/v1/transfers", body, key: "once", token: alice).expect(200)
        #expect(first.header("Idempotency-Replayed") == nil)
        for _ in 0..<3 {
          let again = try await api.post("/api/v1/transfers", body, key: "once", token: alice).expect(200)
          #expect(again.bytes == first.bytes)
          #expect(again.header("Idempotency-Replayed") == "true")
        }
        // The same command said in other words: field order, spaces, trailing zeros.
        let words = #"{ "memo":"Gr\u00fc\u00dfe 🦊", "amount" : "12.5", "to":"bob", "from":"alice" }"#
        let other = try await api.send(
          .post, "/api/v1/transfers", Array(words.utf8), key: "once", authorization: "Bearer \(alice)")
        #expect(other.expect(200).bytes == first.bytes)
        #expect(try await api.balance("bob") == "112.50")
      }
    }
  }

  @Test("B1: the same key with another body is a conflict that names both commands' digests")
  func conflict() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.post("/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "1.00"], key: "k").expect(200)
        for body in [
          ["from": "alice", "to": "bob", "amount": "1.01"],
          ["from": "alice", "to": "bob", "amount": "1.00", "memo": "x"],
          ["from": "bob", "to": "alice", "amount": "1.00"],
        ] as [JSON] {
          let answer = try await api.post("/api/v1/transfers", body, key: "k").expectProblem(
            409, "idempotency_conflict")
          let digests = Set((answer.json["detail"].string ?? "").matches(of: /[0-9a-f]{64}/).map { String($0.output) })
          #expect(digests.count == 2, "\(answer.text)")
        }
        // Another command altogether.
        try await api.post("/api/v1/issue", ["amount": "1.00"], key: "k").expectProblem(409, "idempotency_conflict")
        #expect(try await api.balance("bob") == "101.00")
      }
    }
  }

  @Test("two callers' keys are their own, even when they are the same words")
  func scoped() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "k", token: alice).expect(200)
        let other = try await api.post("/api/v1/transfers", ["to": "alice", "amount": "2.00"], key: "k", token: bob)
        #expect(other.expect(200).header("Idempotency-Replayed") == nil)
        #expect(try await api.balance("alice") == "101.00")
      }
    }
  }

  @Test("a refused command leaves its key free")
  func refused() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob", amount: "5.00")
        let body: JSON = ["from": "alice", "to": "bob", "amount": "6.00"]
        try await api.post("/api/v1/transfers", body, key: "k").expectProblem(422, "insufficient_funds")
        try await api.post("/api/v1/transfers", ["from": "bob", "to": "alice", "amount": "1.00"], key: "back").expect(
          200)
        try await api.post("/api/v1/transfers", body, key: "k").expect(200)
      }
    }
  }

  @Test("a hundred requests with one key at once have one effect and one answer")
  func concurrent() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
          for _ in 0..<100 {
            group.addTask {
              try await api.post("/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "1.00"], key: "same")
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(answers.map(\.bytes)).count == 1)
        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(answers.filter { $0.header("Idempotency-Replayed") == nil }.count == 1)
        #expect(try await api.balance("bob") == "101.00")
      }
    }
  }
}
