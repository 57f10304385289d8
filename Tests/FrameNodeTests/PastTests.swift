import Foundation
import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Questions about the past")
struct PastTests {
  /// alice is given 100.00 and sends bob 10.00 three times, some seconds apart.
  private func transfers(_ api: TestAPI) async throws -> [(position: String, time: String)] {
    try await api.fund("alice", "bob")
    var receipts: [(String, String)] = []
    for number in 1...3 {
      api.fixture.clock.advance(by: .seconds(20))
      let receipt = try await api.post(
        "/api/v1/transfers", ["from": "alice", "to": "bob", "amount": "10.00"], key: "t\(number)"
      ).expect(200)
      receipts.append((try #require(receipt.json["position"].integerText), try #require(receipt.json["time"].string)))
    }
    return receipts
  }

  private func liquid(_ answer: Answer) -> String? {
    answer.json["balances"].array.first { $0["kind"] == "liquid" }?["amount"].string
  }

  @Test(
    "an agent's balances are as they were at a position and at a time",
    arguments: ["", "snapshot: {every_events: 3}\n"])
  func agent(settings: String) async throws {
    try await NodeFixture.with(settings) { fixture in
      try await fixture.api { api in
        let receipts = try await transfers(api)
        for (index, receipt) in receipts.enumerated() {
          let expected = "\(90 - 10 * index).00"
          let at = try await api.get("/api/v1/agents/alice?at_position=\(receipt.position)").expect(200)
          #expect(liquid(at) == expected)
          #expect(at.json["as_of"]["position"].integerText == receipt.position)
          #expect(at.json["as_of"]["time"].string == receipt.time)
          let then = try await api.get("/api/v1/agents/alice?at_time=\(receipt.time)").expect(200)
          #expect(liquid(then) == expected)
          #expect(then.json["as_of"] == at.json["as_of"])
        }
        #expect(liquid(try await api.get("/api/v1/agents/alice").expect(200)) == "70.00")
        let own = try await api.get(
          "/api/v1/agents/alice?at_position=\(receipts[0].position)", token: fixture.agent("alice")
        ).expect(200)
        #expect(liquid(own) == "90.00")
        try await api.get(
          "/api/v1/agents/alice?at_position=\(receipts[0].position)", token: fixture.agent("bob")
        ).expect(403)
        try await api.get("/api/v1/agents/alice?at_position=0").expect(404)
      }
    }
  }

  @Test("the supply is as it was, with the log size and root that it is true at")
  func supply() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let receipts = try await transfers(api)
        try await api.post("/api/v1/issue", ["amount": "500.00"], key: "more").expect(200)
        let past = try await api.get("/api/v1/supply?at_position=\(receipts[2].position)").expect(200)
        #expect(past.json["supply"]["issued"] == "200.00")
        #expect(past.json["supply"]["circulating"] == "200.00")
        #expect(past.json["supply"]["delta"] == "0.00")
        let size = try #require(past.json["as_of"]["size"].integerText)
        let proof = try await api.get("/api/v1/log/proofs/consistency?from=\(size)&to=\(size)").expect(200)
        #expect(past.json["as_of"]["root"] == proof.json["from_root"])
        let now = try await api.get("/api/v1/supply").expect(200)
        #expect(now.json["supply"]["issued"] == "700.00")
        let before = try await api.get("/api/v1/supply?at_time=2001-01-01T00:00:00Z").expect(200)
        #expect(before.json["supply"]["issued"] == "0.00")
        #expect(before.json["as_of"]["size"].integerText == "0")
      }
    }
  }

  @Test("a point in the past that is none is refused and says why")
  func refusals() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        for query in [
          "at_position=x", "at_position=-1", "at_time=yesterday", "at_time=2027-01-31T12:00:00.Z",
          "at_position=1&at_time=2027-01-31T12:00:00Z",
        ] {
          let answer = try await api.get("/api/v1/agents/alice?\(query)").expect(400)
          #expect(answer.json["code"] == "invalid_query", "\(query)")
        }
        // Times that nanoseconds cannot say are not bent to the empty past, nor is a day that does not exist to another.
        for time in ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2262-04-12T00:00:00Z", "2027-02-30T00:00:00Z"] {
          for path in ["supply", "agents/alice", "agents/alice/transactions"] {
            let answer = try await api.get("/api/v1/\(path)?at_time=\(time)").expect(400)
            #expect(answer.json["code"] == "invalid_query" && answer.json["detail"].string?.contains(time) == true)
          }
          let hold: JSON = ["from": "alice", "amount": "1.00", "expires_at": .string(time)]
          let answer = try await api.post("/api/v1/holds", hold, key: "h\(time)", token: fixture.agent("alice"))
            .expect(400)
          #expect(answer.json["detail"].string?.contains(time) == true, "\(answer.json)")
        }
        // What is to come is no past, whether it is named by a time or by a position.
        for path in ["supply", "agents/alice", "agents/alice/transactions"] {
          let last = try await api.get("/api/v1/\(path)?at_time=2262-04-11T23:47:16.854775807Z").expect(404)
          #expect(last.json["code"] == "time_not_reached", "\(last.json)")
          let beyond = try await api.get("/api/v1/\(path)?at_position=100000").expect(404)
          #expect(beyond.json["code"] == "no_such_position")
        }
        for time in [
          "2025-01-31T12:00:00Z", "2025-01-31T12:00:00.5Z", "2025-01-31T13:00:00%2B01:00",
          "2025-01-31T12:00:00.123456Z",
        ] {
          try await api.get("/api/v1/supply?at_time=\(time)").expect(200)
        }
      }
    }
  }
}

extension JSON {
  fileprivate var integerText: String? { integer.map { "\($0)" } }
}
