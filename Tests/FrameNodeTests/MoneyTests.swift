import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Money over the API")
struct MoneyTests {
  @Test(
    "an amount is a positive decimal string in the currency's scale",
    arguments: [
      ("0", "amount_not_positive"), ("0.00", "amount_not_positive"), ("-1.00", "amount_not_positive"),
      ("-0", "amount_not_positive"), ("0.001", "amount_too_precise"), ("1.005", "amount_too_precise"),
      ("92233720368547758.08", "amount_overflow"), ("99999999999999999999999999", "amount_overflow"),
      ("", "invalid_amount"), ("1,00", "invalid_amount"), (" 1.00", "invalid_amount"), ("1e3", "invalid_amount"),
      ("+1", "invalid_amount"), (".5", "invalid_amount"), ("1.", "invalid_amount"), ("0x10", "invalid_amount"),
      ("NaN", "invalid_amount"), ("١٢", "invalid_amount"), ("1\u{0}", "invalid_amount"), ("--1", "invalid_amount"),
      ("1.0.0", "invalid_amount"), ("Infinity", "invalid_amount"),
    ])
  func amounts(text: String, code: String) async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        for (path, more) in [
          ("/api/v1/issue", [:]), ("/api/v1/burn", [:]), ("/api/v1/transfers", ["from": "alice", "to": "bob"]),
        ] as [(String, [String: JSON])] {
          let body = more.merging(["amount": .string(text)]) { $1 }
          try await api.post(path, .object(body), key: "k").expectProblem(400, code)
        }
        #expect(try await api.balance("alice") == "100.00")
      }
    }
  }

  @Test("an amount that is a JSON number is refused: numbers lose digits")
  func numbers() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for amount in [1, 1.5, true, nil, ["1"], ["value": "1"]] as [JSON] {
          try await api.post("/api/v1/issue", ["amount": amount], key: "k").expectProblem(400, "invalid_body")
        }
      }
    }
  }

  @Test("the largest amount can be issued once; one more minor unit does not fit")
  func largest() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.post("/api/v1/issue", ["amount": "92233720368547758.07"], key: "all").expect(200)
        let answer = try await api.post("/api/v1/issue", ["amount": "0.01"], key: "more")
        #expect((400..<500).contains(answer.status), "\(answer.text)")
        answer.expectProblem(answer.status, answer.code)
        let audit = try await api.post("/api/v1/audit", [:]).expect(200)
        #expect(audit.json["clean"] == true)
        #expect(audit.json["supply"]["issued"] == "92233720368547758.07")
      }
    }
  }

  @Test("a receipt says what happened and where it stands in the log")
  func receipt() async throws {
    try await NodeFixture.with("fees: {basis_points: 100, fixed: \"0.05\"}") { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let receipt = try await api.post(
          "/api/v1/transfers", ["to": "bob", "amount": "10", "memo": "lunch"], key: "k", token: alice
        ).expect(200).json
        #expect(receipt["state"] == "completed")
        #expect(receipt["amount"] == "10.00")
        #expect(receipt["fee"] == "0.15")
        #expect(receipt["asset"] == "AVT@frame-a.example")
        #expect(receipt["from"] == "alice")
        #expect(receipt["to"] == "bob")
        #expect(receipt["event_types"] == ["TokensTransferred"])
        let position = try #require(receipt["position"].integer)
        let events = try await api.get("/api/v1/log/events?from=\(position)&limit=1").expect(200).json
        #expect(events["events"].array.first?["type"] == "TokensTransferred")
        #expect(events["events"].array.first?["payload"]["memo"] == "lunch")
        #expect(events["events"].array.first?["actor"] == "spiffe://frame-a.example/agent/alice")
        #expect(try await api.balance("alice") == "89.85")
        #expect(try await api.balance("bob") == "110.00")
      }
    }
  }

  @Test("what cannot be is refused by name and moves nothing")
  func refusals() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      let ghost = try await fixture.agent("ghost")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        func transfer(_ body: JSON, _ token: String) async throws -> Answer {
          try await api.post("/api/v1/transfers", body, key: "k", token: token)
        }
        try await transfer(["to": "nobody", "amount": "1.00"], alice).expectProblem(404, "unknown_agent")
        try await transfer(["to": "bob", "amount": "100.01"], alice).expectProblem(422, "insufficient_funds")
        try await transfer(["from": "alice", "to": "bob", "amount": "1.00"], bob).expectProblem(403, "not_your_account")
        try await transfer(["from": "treasury", "to": "bob", "amount": "1.00"], bob)
          .expectProblem(403, "not_your_account")
        try await transfer(["to": "alice", "amount": "1.00"], alice).expectProblem(400, "same_account")
        try await transfer(["to": "bob", "amount": "1.00"], ghost).expectProblem(404, "unknown_agent")
        try await transfer(["to": "bob", "amount": "1.00"], api.authority).expectProblem(400, "from_missing")
        try await transfer(["from": "treasury", "to": "bob", "amount": "0.01"], api.authority)
          .expectProblem(422, "insufficient_funds")
        try await api.post("/api/v1/burn", ["amount": "0.01"], key: "k").expectProblem(422, "insufficient_funds")
        for name in ["", "Alice", "a b", "../bob", "-bob", String(repeating: "b", count: 65), "bob@frame-a.example"] {
          let answer = try await transfer(["to": .string(name), "amount": "1.00"], alice)
          #expect(answer.status == 400, "\(name): \(answer.text)")
          answer.expectProblem(400, answer.code)
        }
        #expect(try await api.balance("alice") == "100.00")
        #expect(try await api.balance("bob") == "100.00")
      }
    }
  }

  @Test("a memo may be long, but not longer than the document says")
  func memos() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let limit = try Self.memoLimit()
        try await api.post(
          "/api/v1/issue", ["amount": "1", "memo": .string(String(repeating: "m", count: limit))], key: "at"
        ).expect(200)
        try await api.post(
          "/api/v1/issue", ["amount": "1", "memo": .string(String(repeating: "m", count: limit + 1))], key: "above"
        ).expectProblem(400, "memo_too_long")
      }
    }
  }

  private static func memoLimit() throws -> Int {
    let document = try JSON(Array(OpenAPIDocument.json()))
    return Int(try #require(document["components"]["schemas"]["Memo"]["maxLength"].integer))
  }

  @Test("agents are registered once, and listed")
  func agents() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let made = try await api.post("/api/v1/agents", ["name": "alice", "purpose": "person"]).expect(201).json
        #expect(made["address"] == "alice@frame-a.example")
        #expect(made["spiffe_id"] == "spiffe://frame-a.example/agent/alice")
        #expect(made["position"].integer != nil)
        try await api.post("/api/v1/agents", ["name": "alice"]).expectProblem(409, "agent_exists")
        try await api.get("/api/v1/agents/bob").expectProblem(404, "unknown_agent")
        let list = try await api.get("/api/v1/agents").expect(200).json["agents"].array
        // The canary has its own agent from the start.
        #expect(list.map { $0["name"] } == ["alice", "canary"])
        #expect(list.map { $0["purpose"] } == ["person", "canary"])
      }
    }
  }

  @Test("cross-frame requests without a treaty are refused before anything is locked")
  func noTreaty() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice")
        let body: JSON = ["to": "bob@frame-b.example", "amount": "1.00"]
        for path in [
          "/teg/cross-registry-transfer", "/teg/cross-registry-transfer?backend=async",
          "/teg/cross-registry-transfer?backend=2pc", "/api/v1/bridge/lock",
        ] {
          let answer = try await api.post(path, body, key: "k", token: alice)
          #expect((400..<500).contains(answer.status), "\(path): \(answer.text)")
          answer.expectProblem(answer.status, answer.code)
        }
        try await api.post("/teg/cross-registry-transfer?backend=3pc", body, key: "k", token: alice)
          .expectProblem(400, "unknown_backend")
        for proof in ["", "AAAA", "not base64", String(repeating: "A", count: 4000)] {
          for path in ["/api/v1/bridge/issue", "/api/v1/bridge/unlock"] {
            try await api.post(path, ["proof": .string(proof)], token: alice).expectProblem(400, "bad_proof")
          }
        }
        let id = try await api.get("/teg/cross-registry-transfer/none", token: alice)
        id.expectProblem(404, id.code)
        try await api.get("/api/v1/bridge/locks/none", token: alice).expectProblem(404, "unknown_bridge_item")
        try await api.get("/api/v1/bridge/redeems/none", token: alice).expectProblem(404, "unknown_bridge_item")
        let peer = try await api.get("/api/v1/peers/frame-b.example")
        peer.expectProblem(404, peer.code)
        #expect(try await api.get("/api/v1/peers").expect(200).json["peers"] == [])
        #expect(try await api.get("/api/v1/bridge/reserves").expect(200).json["reserves"] == [])
        #expect(try await api.balance("alice") == "100.00")
      }
    }
  }
}
