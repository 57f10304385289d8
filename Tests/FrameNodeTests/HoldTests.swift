import Foundation
import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Holds, freezes, fees and histories over the API")
struct HoldTests {
  @Test("B2: a hold is made, captured in part, captured for good, and answered the same when asked for again")
  func lifeCycle() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let body: JSON = ["payee": "bob", "amount": "25.00", "expires_in_seconds": 3600, "memo": "room 7"]
        let made = try await api.post("/api/v1/holds", body, key: "h", token: alice).expect(201)
        let id = try #require(made.json["hold_id"].string)
        #expect(made.json["state"] == "open" && made.json["remaining"] == "25.00" && made.json["from"] == "alice")
        #expect(try await api.balance("alice") == "75.00")
        let part = try await api.post(
          "/api/v1/holds/\(id)/capture", ["amount": "5.00", "keep_rest": true], key: "c1", token: bob
        ).expect(200).json
        #expect(part["state"] == "captured" && part["amount"] == "5.00" && part["released"] == "0.00")
        #expect(part["hold_id"].string == id && part["event_types"] == ["HoldCaptured"])
        // A repeat is answered with the first result, byte for byte, though the hold has moved on.
        let again = try await api.post("/api/v1/holds", body, key: "h", token: alice).expect(201)
        #expect(again.bytes == made.bytes && again.header("Idempotency-Replayed") == "true")
        try await api.post("/api/v1/holds", ["payee": "bob", "amount": "26.00"], key: "h", token: alice)
          .expectProblem(400, "hold_expiry_missing")
        try await api.post(
          "/api/v1/holds", ["payee": "bob", "amount": "26.00", "expires_in_seconds": 3600], key: "h", token: alice
        ).expectProblem(409, "idempotency_conflict")
        let shown = try await api.get("/api/v1/holds/\(id)", token: bob).expect(200).json
        #expect(shown["captured"] == "5.00" && shown["remaining"] == "20.00" && shown["state"] == "open")
        try await api.post("/api/v1/holds/\(id)/release", [:], key: "r", token: alice)
          .expectProblem(403, "not_your_hold")
        let last = try await api.post("/api/v1/holds/\(id)/capture", ["amount": "15"], key: "c2", token: bob)
          .expect(200).json
        #expect(last["released"] == "5.00")
        #expect(try await api.balance("alice") == "80.00")
        #expect(try await api.balance("bob") == "120.00")
        #expect(try await api.get("/api/v1/holds/\(id)").expect(200).json["state"] == "captured")
        try await api.post("/api/v1/holds/\(id)/capture", [:], key: "c3", token: bob).expectProblem(409, "hold_ended")
        #expect(try await api.get("/api/v1/holds").expect(200).json["holds"] == [])
        let audit = try await api.post("/api/v1/audit?full=true", [:]).expect(200).json
        #expect(audit["clean"] == true && audit["supply"]["held"] == "0.00")
      }
      let text = Exposition.text(fixture.registry)
      #expect(text.contains(#"frame_hold_events_total{event="created"} 1"#))
      #expect(text.contains(#"frame_hold_events_total{event="captured"} 2"#))
    }
  }

  @Test("the creation of a hold is answered as it was, however late it is repeated; the hold itself is shown as it is")
  func lateReplay() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice")
        let body: JSON = ["amount": "25.00", "expires_in_seconds": 5]
        let made = try await api.post("/api/v1/holds", body, key: "h", token: alice).expect(201)
        let id = try #require(made.json["hold_id"].string)
        fixture.clock.advance(by: .seconds(60))
        for state in ["expiring", "expired"] {
          #expect(try await api.get("/api/v1/holds/\(id)", token: alice).expect(200).json["state"] == .string(state))
          let again = try await api.post("/api/v1/holds", body, key: "h", token: alice).expect(201)
          #expect(again.json["state"] == "open" && again.bytes == made.bytes, "\(again.json)")
          // Its time being over, a release ends it as expired.
          if state == "expiring" {
            try await api.post("/api/v1/holds/\(id)/release", [:], key: "r", token: alice).expect(200)
          }
        }
      }
    }
  }

  @Test(
    "a hold is over when it is by the time that the log counts by: what is shown as open can be captured, what is expiring cannot"
  )
  func clockSet() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let body: JSON = ["payee": "bob", "amount": "25.00", "expires_in_seconds": 1800]
        let made = try await api.post("/api/v1/holds", body, key: "h", token: alice).expect(201)
        let path = "/api/v1/holds/\(try #require(made.json["hold_id"].string))"
        // An hour too far, which the log does not follow at once.
        fixture.clock.set(ahead: .seconds(3_600))
        let bob = try await fixture.agent("bob")
        #expect(try await api.get(path, token: bob).expect(200).json["state"] == "open")
        let listed = try await api.get("/api/v1/holds", token: bob).expect(200).json["holds"].array
        #expect(listed.map { $0["state"] } == ["open"])
        try await api.post(path + "/capture", ["amount": "5.00", "keep_rest": true], key: "c1", token: bob).expect(200)
        // It stands, and is followed.
        fixture.clock.advance(by: .seconds(601))
        let later = try await fixture.agent("bob")
        #expect(try await api.get(path, token: later).expect(200).json["state"] == "expiring")
        try await api.post(path + "/capture", ["amount": "5.00"], key: "c2", token: later)
          .expectProblem(422, "hold_expired")
      }
    }
  }

  @Test("a hold is shown to those it concerns, and to others it does not exist")
  func privacy() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      let carol = try await fixture.agent("carol")
      try await fixture.api { api in
        try await api.fund("alice", "bob", "carol")
        try await api.post(
          "/api/v1/holds", ["amount": "1.00", "expires_at": "2100-01-01T00:00:00Z"], key: "far", token: alice
        ).expectProblem(400, "invalid_hold_expiry")
        let made = try await api.post(
          "/api/v1/holds", ["payee": "bob", "amount": "1.00", "expires_in_seconds": 60], key: "h", token: alice
        ).expect(201)
        let id = try #require(made.json["hold_id"].string)
        for token in [alice, bob] {
          try await api.get("/api/v1/holds/\(id)", token: token).expect(200)
          #expect(try await api.get("/api/v1/holds", token: token).expect(200).json["holds"].array.count == 1)
        }
        #expect(try await api.get("/api/v1/holds?agent=bob").expect(200).json["holds"].array.count == 1)
        try await api.get("/api/v1/holds/\(id)", token: carol).expectProblem(404, "unknown_hold")
        try await api.post("/api/v1/holds/\(id)/capture", [:], key: "c", token: carol)
          .expectProblem(404, "unknown_hold")
        #expect(try await api.get("/api/v1/holds", token: carol).expect(200).json["holds"] == [])
        try await api.post(
          "/api/v1/holds", ["from": "alice", "amount": "1.00", "expires_in_seconds": 60], key: "h", token: carol
        ).expectProblem(403, "not_your_account")
        try await api.post("/api/v1/holds", ["amount": "1.00", "expires_at": "soon"], key: "t", token: alice)
          .expectProblem(400, "invalid_time")
      }
    }
  }

  @Test("a frozen agent's money stays where it is, comes in all the same, and moves again once it is unfrozen")
  func freeze() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.post("/api/v1/agents/alice/freeze", ["reason": "x"], token: alice)
          .expectProblem(403, "not_authority")
        let frozen = try await api.post("/api/v1/agents/alice/freeze", ["reason": "court order 17"]).expect(200).json
        #expect(frozen["frozen"] == "court order 17" && frozen["frozen_since"].string != nil)
        try await api.post("/api/v1/agents/alice/freeze", ["reason": "again"]).expect(200)
        let pay: JSON = ["to": "bob", "amount": "1.00"]
        try await api.post("/api/v1/transfers", pay, key: "1", token: alice).expectProblem(403, "agent_frozen")
        try await api.post("/api/v1/holds", ["amount": "1.00", "expires_in_seconds": 5], key: "2", token: alice)
          .expectProblem(403, "agent_frozen")
        try await api.post("/api/v1/transfers", ["from": "bob", "to": "alice", "amount": "2.00"], key: "3").expect(200)
        #expect(try await api.balance("alice") == "102.00")
        #expect(try await api.get("/api/v1/agents/alice", token: alice).expect(200).json["frozen"] == "court order 17")
        let thawed = try await api.post("/api/v1/agents/alice/unfreeze", ["reason": "lifted"]).expect(200).json
        #expect(thawed["frozen"] == .null)
        // A refusal leaves no trace: the same key may be used again.
        try await api.post("/api/v1/transfers", pay, key: "1", token: alice).expect(200)
        try await api.post("/api/v1/agents/nobody/freeze", ["reason": "x"]).expectProblem(404, "unknown_agent")
      }
      #expect(
        Exposition.text(fixture.registry).contains(#"frame_log_rejections_total{reason="agent_frozen"} 2"#))
    }
  }

  @Test("fees have a floor and a ceiling, are quoted, and are swept to the treasury once")
  func fees() async throws {
    let rule = "fees: {basis_points: 100, fixed: \"0.01\", minimum: \"0.10\", maximum: \"0.50\"}"
    try await NodeFixture.with(rule) { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        for (amount, fee) in [("1.00", "0.10"), ("20.00", "0.21"), ("49.00", "0.50"), ("99.99", "0.50")] {
          let quote = try await api.get("/api/v1/fees?amount=\(amount)", token: alice).expect(200).json
          #expect(quote["fee"].string == fee, "\(amount)")
          #expect(quote["pool"] == .null && quote["maximum"] == "0.50")
        }
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "20.00"], key: "t", token: alice).expect(200)
        #expect(try await api.get("/api/v1/fees").expect(200).json["pool"] == "0.21")
        try await api.post("/api/v1/fees/collect", [:], key: "s", token: alice).expectProblem(403, "not_authority")
        try await api.post("/api/v1/fees/collect", ["amount": "0.22"], key: "s").expectProblem(
          422, "insufficient_funds")
        let swept = try await api.post("/api/v1/fees/collect", [:], key: "s").expect(200)
        #expect(
          swept.json["amount"] == "0.21" && swept.json["from"] == "frame:fees" && swept.json["to"] == "frame:treasury")
        #expect(try await api.post("/api/v1/fees/collect", [:], key: "s").expect(200).bytes == swept.bytes)
        try await api.post("/api/v1/fees/collect", [:], key: "s2").expectProblem(422, "nothing_to_collect")
        let audit = try await api.post("/api/v1/audit", [:]).expect(200).json
        #expect(audit["supply"]["fees"] == "0.00" && audit["supply"]["treasury"] == "0.21")
      }
    }
  }

  @Test("an agent reads its own transactions page by page, and nobody else's")
  func history() async throws {
    try await NodeFixture.with { fixture in
      let (alice, bob) = (try await fixture.agent("alice"), try await fixture.agent("bob"))
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        for index in 1...3 {
          try await api.post(
            "/api/v1/transfers", ["to": "bob", "amount": .string("\(index).00"), "memo": .string("n\(index)")],
            key: "\(index)",
            token: alice
          ).expect(200)
        }
        let path = "/api/v1/agents/alice/transactions"
        let first = try await api.get("\(path)?limit=2", token: alice).expect(200).json
        #expect(first["transactions"].array.map { $0["memo"].string } == ["n3", "n2"])
        let item = try #require(first["transactions"].array.first)
        #expect(item["changes"].array == [["kind": "liquid", "asset": "AVT@frame-a.example", "amount": "-3.00"]])
        #expect(item["counterparty"] == "bob" && item["type"] == "TokensTransferred")
        let cursor = try #require(first["next_cursor"].string)
        let rest = try await api.get("\(path)?limit=2&cursor=\(cursor)", token: alice).expect(200).json
        #expect(rest["transactions"].array.map { $0["counterparty"].string } == ["bob", "frame:treasury"])
        #expect(rest["next_cursor"] == .null)
        let oldest = try await api.get("\(path)?order=oldest&limit=1", token: alice).expect(200).json
        #expect(oldest["transactions"].array.first?["changes"].array.first?["amount"] == "100.00")
        #expect(oldest["next_cursor"].string != nil)
        try await api.get("\(path)?order=oldest&cursor=\(cursor)", token: alice).expectProblem(400, "invalid_cursor")
        try await api.get("\(path)?cursor=nonsense", token: alice).expectProblem(400, "invalid_cursor")
        try await api.get("\(path)?limit=0", token: alice).expectProblem(400, "invalid_query")
        try await api.get("\(path)?order=up", token: alice).expectProblem(400, "invalid_query")
        try await api.get(path, token: bob).expectProblem(403, "not_your_account")
        try await api.get("/api/v1/agents/nobody/transactions").expectProblem(404, "unknown_agent")
      }
    }
  }

  @Test("nothing is to be cleared while issuing is open")
  func clear() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let answer = try await api.post("/api/v1/audit/clear", ["note": "x"])
        answer.expectProblem(409, "supply_not_frozen")
      }
    }
  }
}
