import Foundation
import FrameCore
import FrameLedger
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("What a request says is taken or refused, never dropped")
struct StrictRequestTests {
  @Test(
    "one body means one thing on every path: a member twice, unknown or misspelt is 400 with its name, and nothing moves",
    arguments: [
      (#"{"to":"bob","amount":"1.00","amount":"9.00"}"#, "/amount"),
      (#"{"to":"bob","amount":"1.00","\u0061mount":"9.00"}"#, "/amount"),
      (#"{"to":"bob","amount":"1.00","reference":"r-1"}"#, "/reference"),
      (#"{"to":"bob","amount":"1.00","metadata":{"a":1}}"#, "/metadata"),
      (#"{"to":"bob","amount":"1.00","Memo":"x"}"#, "/Memo"), (#"{"to":"bob","amount":"1.00","memo":null}"#, "/memo"),
      (#"{"to":"bob","amount":"1.00",}"#, ""), ("\u{feff}" + #"{"to":"bob","amount":"1.00"}"#, ""),
      (#"{"to":"bob","amount":"\udc00"}"#, ""),
    ])
  func oneReading(body: String, pointer: String) async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = "Bearer \(try await fixture.agent("alice"))"
        let batch = #"{"transfers":["# + body.replacing("\u{feff}", with: "") + "]}"
        let texts = [
          ("/api/v1/transfers", body, pointer),
          (
            "/api/v1/transfers/batch", body.hasPrefix("\u{feff}") ? "\u{feff}" + batch : batch,
            pointer.isEmpty ? "" : "/transfers/0" + pointer
          ),
        ]
        for (path, text, pointer) in texts {
          let answer = try await api.send(.post, path, Array(text.utf8), key: "k", authorization: token)
            .expectProblem(400, "invalid_body")
          #expect(answer.json["errors"].array.first?["pointer"].string == pointer, "\(path): \(answer.text)")
          #expect(pointer.isEmpty || answer.json["detail"].string?.contains("'\(pointer)'") == true, "\(answer.text)")
        }
        #expect(try await api.balance("alice") == "100.00")
        #expect(try await api.balance("bob") == "100.00")
      }
    }
  }

  @Test("one spelling a member: expiresAt is not expires_at")
  func spelling() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        let hold =
          #"{"from":"alice","amount":"1.00","expires_at":"2090-01-01T00:00:00Z","expiresAt":"2091-01-01T00:00:00Z"}"#
        let answer = try await api.send(.post, "/api/v1/holds", Array(hold.utf8), key: "h")
          .expectProblem(400, "invalid_body")
        #expect(answer.json["detail"].string?.contains("'/expiresAt' is unknown here; 'expires_at' is known") == true)
      }
    }
  }

  @Test("an asset is checked to be the one that moves: another frame's money is not paid in ours")
  func asset() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "dave")
        let token = try await fixture.agent("alice")
        for (path, extra) in [
          ("/api/v1/transfers", ["to": "dave"]), ("/api/v1/holds", ["expires_in_seconds": 60]),
          ("/teg/cross-registry-transfer", ["to": "dave@frame-b.example"]),
          ("/api/v1/bridge/lock", ["to": "dave@frame-b.example"]),
        ] as [(String, [String: JSON])] {
          let body = extra.merging(["amount": "5.00", "asset": "BVT@frame-b.example"]) { a, _ in a }
          try await api.post(path, .object(body), key: "a", token: token).expectProblem(400, "wrong_asset")
        }
        let batch: JSON = ["asset": "AVT", "transfers": [["to": "dave", "amount": "1.00"]]]
        try await api.post("/api/v1/transfers/batch", batch, key: "b", token: token).expectProblem(400, "wrong_asset")
        for path in ["/api/v1/issue", "/api/v1/burn", "/api/v1/fees/collect"] {
          try await api.post(path, ["amount": "1.00", "asset": "X@y"], key: "c").expectProblem(400, "wrong_asset")
        }
        let paid: JSON = ["to": "dave", "amount": "5.00", "asset": "AVT@frame-a.example"]
        try await api.post("/api/v1/transfers", paid, key: "d", token: token).expect(200)
        #expect(try await api.balance("dave") == "105.00")
      }
    }
  }

  @Test(
    "a parameter of the query that is unknown, doubled or not what it must be is 400 with its name",
    arguments: [
      ("/api/v1/holds?limit=5&page=2", "page"), ("/api/v1/holds?limit=5&limit=6", "limit"),
      ("/api/v1/holds?limit=+5", "limit"), ("/api/v1/holds?limit=05", "limit"), ("/api/v1/holds?limit", "limit"),
      ("/api/v1/holds?limit=%ff", "limit"), ("/api/v1/holds?%6cimit=5&limit=6", "limit"),
      ("/api/v1/frame?verbose=1", "verbose"), ("/openapi.json?x=1", "x"), ("/log/checkpoint?size=1", "size"),
      ("/api/v1/log/events?form=1", "form"),
    ])
  func query(path: String, name: String) async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let answer = try await api.get(path).expectProblem(400, "invalid_query")
        #expect(answer.json["detail"].string?.contains(name) == true, "\(answer.text)")
      }
    }
  }

  @Test("on every route an unknown parameter is refused, and an unknown member where there is a body")
  func everyRoute() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for route in fixture.parts.apiRoutes().routes.all {
          var path = route.path
          for (name, value) in [
            ("{kind}", "jwt"), ("{position}", "0"), ("{level}", "0"), ("{index}", "000"), ("{peer}", "frame-b.example"),
          ] { path = path.replacing(name, with: value) }
          path = path.replacing(/\{\w+\}/, with: "x")
          let unknown = path + "?no_such_parameter=1"
          let answer = try await api.send(route.method, unknown, key: "k").expectProblem(400, "invalid_query")
          #expect(answer.json["detail"].string?.contains("no_such_parameter") == true, "\(route)")
          guard route.method == .post, !route.path.hasPrefix("/witness") else { continue }
          let body = Array(#"{"no_such_member":1}"#.utf8)
          let refused = try await api.send(.post, path, body, key: "k").expectProblem(400, "invalid_body")
          let takesBody = !OpenAPIDocument.operation("POST", route.path).bodyTypes.isEmpty
          #expect(refused.json["detail"].string?.contains("no_such_member") == takesBody, "\(route): \(refused.text)")
        }
      }
    }
  }

  @Test("a body that is said to be something else than JSON is 415")
  func contentType() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        func post(_ type: String?) async throws -> Int {
          var headers: HTTPFields = [.authorization: "Bearer \(api.authority)"]
          headers[try #require(HTTPField.Name("Idempotency-Key"))] = "same"
          headers[.contentType] = type
          let body = ByteBuffer(string: #"{"amount":"1.00"}"#)
          return try await api.client.executeRequest(uri: "/api/v1/issue", method: .post, headers: headers, body: body)
            .status.code
        }
        for type in [
          "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json", ";",
        ] {
          let status = try await post(type)
          #expect(status == 415, "\(type)")
        }
        for type in [nil, "application/json", "Application/JSON; charset=UTF-8"] {
          let status = try await post(type)
          #expect(status == 200, "\(type ?? "none")")
        }
      }
    }
  }

  @Test("a memo may be as long as the document says, in the unit that it counts, on every path alike")
  func memo() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = try await fixture.agent("alice")
        let paths: [(String, [String: JSON])] = [
          ("/api/v1/transfers", ["to": "bob"]), ("/api/v1/holds", ["expires_in_seconds": 60]),
          ("/teg/cross-registry-transfer", ["to": "bob@frame-b.example"]),
          ("/api/v1/bridge/lock", ["to": "bob@frame-b.example"]),
        ]
        for (path, extra) in paths {
          for (count, fits) in [(512, true), (513, false)] {
            let memo = JSON.string(String(repeating: "\u{1f600}", count: count))
            let body = extra.merging(["amount": "0.01", "memo": memo]) { a, _ in a }
            let answer = try await api.post(path, .object(body), key: "m\(count)", token: token)
            #expect((answer.code == "memo_too_long") == !fits, "\(path) \(count): \(answer.text)")
          }
        }
      }
    }
  }

  @Test("of a batch all lines that cannot be are named, up to a bound, and the first is the index")
  func batch() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = try await fixture.agent("alice")
        func indices(_ items: [JSON]) async throws -> [String?] {
          let answer = try await api.post(
            "/api/v1/transfers/batch", ["transfers": .list(items)], key: "b", token: token)
          #expect(answer.status >= 400)
          return answer.json["errors"].array.map { $0["pointer"].string }
        }
        let good: JSON = ["to": "bob", "amount": "1.00"]
        // What the route sees, and what the ledger sees.
        let bad: [JSON] = [
          ["to": "bob", "amount": "0"], ["to": "BOB", "amount": "1"], good, ["to": "bob", "amount": "x"],
        ]
        #expect(try await indices(bad) == ["/transfers/0", "/transfers/1", "/transfers/3"])
        let unknown: [JSON] = [["to": "x", "amount": "1"], good, ["to": "y", "amount": "1"]]
        #expect(try await indices(unknown) == ["/transfers/0", "/transfers/2"])
        let many = Array(repeating: ["to": "x", "amount": "1"] as JSON, count: 900)
        #expect(try await indices(many).count == TransferBatch.toldMax)
        // Every kind at once: the form of a line, what it says, and what the ledger knows; and the first for which there is no money.
        let long = JSON.string(String(repeating: "m", count: 513))
        let kinds: [JSON] = [
          good, ["to": "x", "amount": "1"], ["to": "bob"], ["to": "bob", "amount": 1], ["to": "bob", "amount": "x"],
          ["to": "alice", "amount": "1"], ["to": "bob", "amount": "1", "memo": long], good,
          ["to": "bob", "amount": "1", "mem": "m"], ["to": "BOB", "amount": "-1", "memo": long], 7,
        ]
        #expect(
          try await indices(kinds) == [
            "/transfers/1", "/transfers/2/amount", "/transfers/3/amount", "/transfers/4", "/transfers/5",
            "/transfers/6",
            "/transfers/8/mem", "/transfers/9", "/transfers/9", "/transfers/9", "/transfers/10",
          ])
        let short: [JSON] = [
          ["to": "bob", "amount": "99"], ["to": "bob", "amount": "2"], good, ["to": "bob", "amount": "900"],
          ["to": "x", "amount": "1"],
        ]
        #expect(try await indices(short) == ["/transfers/1", "/transfers/4"])
        #expect(try await api.balance("alice") == "100.00")
      }
    }
  }

  @Test("receipts say the fee on the paths that take one, and on no other")
  func fees() async throws {
    try await NodeFixture.with("fees: {fixed: \"0.01\"}\n") { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = try await fixture.agent("alice")
        let paid = try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "t", token: token)
        #expect(paid.json["fee"] == "0.01")
        let batch: JSON = ["transfers": [["to": "bob", "amount": "1.00"]]]
        #expect(try await api.post("/api/v1/transfers/batch", batch, key: "b", token: token).json["fee"] == "0.01")
        for path in ["/api/v1/issue", "/api/v1/burn", "/api/v1/fees/collect"] {
          let receipt = try await api.post(path, ["amount": "0.01"], key: "f-\(path.count)").expect(200).json
          #expect(receipt["fee"] == .null && receipt["amount"] == "0.01", "\(path)")
        }
        let hold = try await api.post(
          "/api/v1/holds", ["amount": "1.00", "expires_in_seconds": 60], key: "h", token: token
        ).expect(201).json
        let released = try await api.post(
          "/api/v1/holds/\(hold["hold_id"].string ?? "")/release", [:], key: "r", token: token
        ).expect(200).json
        #expect(released["fee"] == .null && released["state"] == "released")
      }
    }
  }

  @Test("words of the frame's own are no names of agents or operators, and accounts are spelt as no agent is")
  func reserved() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for name in ["treasury", "fees", "issuance", "clearing", "bridge", "frame", "authority", "fee.s"] {
          try await api.post("/api/v1/agents", ["name": .string(name)]).expectProblem(400, "reserved_name")
        }
        try await api.post("/api/v1/operators", ["name": "treasury"]).expectProblem(400, "reserved_name")
        let issued = try await api.post("/api/v1/issue", ["amount": "5.00"], key: "i").expect(200).json
        #expect(issued["from"] == "frame:issuance" && issued["to"] == "frame:treasury")
        try await api.post("/api/v1/agents", ["name": "alice"]).expect(201)
        for (from, key) in [("frame:treasury", "new"), ("treasury", "old")] {
          let body: JSON = ["from": .string(from), "to": "alice", "amount": "1.00"]
          #expect(try await api.post("/api/v1/transfers", body, key: key).expect(200).json["from"] == "frame:treasury")
        }
        let alice = try await fixture.agent("alice")
        let theft: JSON = ["from": "frame:treasury", "to": "alice", "amount": "1.00"]
        try await api.post("/api/v1/transfers", theft, key: "t", token: alice).expectProblem(403, "not_your_account")
      }
    }
  }
}
