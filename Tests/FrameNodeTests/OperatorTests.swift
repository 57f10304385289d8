import Foundation
import FrameCore
import FrameEvents
import FrameMetrics
import Testing

@testable import FrameLedger
@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Operators in the API")
struct OperatorTests {
  private func operatorToken(_ name: String, _ fixture: NodeFixture) async throws -> String {
    try await fixture.token(.ofOperator(try OperatorName(name), in: fixture.frame))
  }

  private func count(_ name: String, _ label: String, _ value: String, _ fixture: NodeFixture) -> Double? {
    for family in fixture.registry.collect() where family.descriptor.name == name {
      for metric in family.metrics where metric.labels[label] == value {
        switch metric.value {
        case .counter(let number, _): return number.doubleValue
        case .gauge(let number): return number.doubleValue
        default: return nil
        }
      }
    }
    return nil
  }

  @Test(
    "an operator sees itself, registers its agents, gets tokens for them, and nothing of the authority's or of others")
  func tenancy() async throws {
    try await NodeFixture.with { fixture in
      let acme = try await operatorToken("acme", fixture)
      try await fixture.api { api in
        try await api.fund("bob")
        try await api.get("/api/v1/operators/acme", token: acme).expectProblem(403, "unknown_subject")
        let made = try await api.post("/api/v1/operators", ["name": "acme", "days": 30]).expect(201).json
        #expect(made["spiffe_id"] == "spiffe://frame-a.example/operator/acme")
        #expect(made["state"] == "active")
        #expect(made["scopes"] == ["agents", "bridge", "transfers"])
        try await api.post("/api/v1/operators", ["name": "globex"]).expect(201)
        try await api.post("/api/v1/operators", ["name": "acme"]).expectProblem(409, "operator_exists")

        let agent = try await api.post("/api/v1/agents", ["name": "acme.alice"], token: acme).expect(201).json
        let position = try #require(agent["position"].integer)
        let event = try await api.get("/api/v1/log/events?from=\(position)&limit=1").expect(200).json["events"].array[0]
        #expect(event["type"] == "AgentRegistered")
        #expect(event["actor"] == "spiffe://frame-a.example/operator/acme", "written with the operator as actor")

        for name in ["alice", "globex.x", "acmes.x"] {
          try await api.post("/api/v1/agents", ["name": .string(name)], token: acme)
            .expectProblem(403, "not_your_agent")
        }
        let list = try await api.get("/api/v1/agents", token: acme).expect(200).json["agents"].array
        #expect(list.map { $0["name"] } == ["acme.alice"])
        try await api.get("/api/v1/agents/acme.alice", token: acme).expect(200)
        try await api.get("/api/v1/agents/bob", token: acme).expectProblem(403, "not_your_agent")
        try await api.post("/api/v1/agents/bob/token", [:], token: acme).expectProblem(403, "not_your_agent")
        let token = try await api.post("/api/v1/agents/acme.alice/token", [:], token: acme).expect(200).json["token"]
        try await api.get("/api/v1/agents/acme.alice", token: token.string).expect(200)
        #expect(
          try await api.get("/api/v1/operators/acme", token: acme).expect(200).json["agents"] == ["acme.alice"])
        try await api.get("/api/v1/operators/globex", token: acme).expectProblem(403, "not_your_operator")
        try await api.get("/api/v1/operators/globex/licence", token: acme).expectProblem(403, "not_your_operator")

        for (path, body) in [
          ("/api/v1/issue", ["amount": "1.00"]), ("/api/v1/burn", ["amount": "1.00"]),
          ("/api/v1/operators", ["name": "x"]), ("/api/v1/operators/acme/renew", [:]),
          ("/api/v1/operators/acme/suspend", [:]), ("/api/v1/operators/acme/token", [:]),
          ("/api/v1/operators/globex/remove", [:]), ("/api/v1/sni/reload", [:]), ("/api/v1/audit", [:]),
          ("/api/v1/peers/invitations", ["trust_domain": "b", "bundle_endpoint": "https://b"]),
        ] as [(String, JSON)] {
          try await api.post(path, body, key: "k-\(path.hashValue)", token: acme).expectProblem(403, "not_authority")
          try await api.post(path, body, key: "k-\(path.hashValue)", token: token.string)
            .expectProblem(403, "not_authority")
        }
        for path in ["/api/v1/operators", "/api/v1/sni", "/api/v1/log/events", "/api/v1/peers"] {
          try await api.get(path, token: acme).expectProblem(403, "not_authority")
        }
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "t", token: acme)
          .expectProblem(403, "operator_has_no_account")
      }
    }
  }

  @Test("a suspension refuses tokens that are still valid, to the moment, and is counted; a resume ends it")
  func suspension() async throws {
    try await NodeFixture.with { fixture in
      let acme = try await operatorToken("acme", fixture)
      let alice = try await fixture.agent("acme.alice")
      try await fixture.api { api in
        try await api.post("/api/v1/operators", ["name": "acme"]).expect(201)
        try await api.fund("acme.alice", "bob")
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "t1", token: alice).expect(200)
        let suspended = try await api.post("/api/v1/operators/acme/suspend", ["reason": "unpaid"]).expect(200).json
        #expect(suspended["state"] == "suspended" && suspended["reason"] == "unpaid")
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "t2", token: alice)
          .expectProblem(403, "operator_suspended")
        try await api.get("/api/v1/agents/acme.alice", token: alice).expectProblem(403, "operator_suspended")
        try await api.get("/api/v1/operators/acme", token: acme).expectProblem(403, "operator_suspended")
        try await api.post("/api/v1/agents", ["name": "acme.new"], token: acme)
          .expectProblem(403, "operator_suspended")
        // Not even the authority acts for its agents or adds to them; it can still see and pay them.
        try await api.post(
          "/api/v1/transfers", ["from": "acme.alice", "to": "bob", "amount": "1.00"], key: "t3"
        ).expectProblem(403, "operator_suspended")
        try await api.post("/api/v1/operators/acme/token", [:]).expectProblem(403, "operator_suspended")
        try await api.get("/api/v1/operators/acme/licence").expectProblem(403, "operator_suspended")
        try await api.post("/api/v1/transfers", ["from": "bob", "to": "acme.alice", "amount": "1.00"], key: "t4")
          .expect(200)
        #expect(count("frame_operators", "state", "suspended", fixture) == 1)
        #expect(count("frame_operator_refusals_total", "reason", "operator_suspended", fixture) == 7)
        try await api.post("/api/v1/operators/acme/resume", [:]).expect(200)
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1.00"], key: "t5", token: alice).expect(200)
        #expect(try await api.balance("acme.alice") == "99.00")
        let audit = try await api.post("/api/v1/audit", [:]).expect(200)
        #expect(audit.json["clean"] == true)
      }
    }
  }

  @Test("a licence that has run out refuses, and a renewal admits again, with what it leaves out unchanged")
  func expiry() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.post(
          "/api/v1/operators",
          [
            "name": "acme", "days": 1, "scopes": ["agents"],
            "hosts": [["name": "acme.example", "upstream": "127.0.0.1:9643"]],
          ]
        ).expect(201)
        fixture.clock.advance(by: .seconds(86_401))
        let (acme, authority) = (try await operatorToken("acme", fixture), try await fixture.authority())
        try await api.get("/api/v1/operators/acme", token: acme).expectProblem(403, "operator_expired")
        #expect(try await api.get("/api/v1/operators/acme", token: authority).json["state"] == "expired")
        let renewed = try await api.post("/api/v1/operators/acme/renew", ["days": 2], token: authority).expect(200).json
        #expect(renewed["state"] == "active" && renewed["scopes"] == ["agents"])
        #expect(renewed["hosts"].array.count == 1)
        try await api.get("/api/v1/operators/acme", token: acme).expect(200)
      }
    }
  }

  @Test("the licence is a signed note that verifies offline with the frame's published key")
  func licence() async throws {
    try await NodeFixture.with { fixture in
      let acme = try await operatorToken("acme", fixture)
      try await fixture.api { api in
        try await api.post("/api/v1/operators", ["name": "acme"]).expect(201)
        let document = try await api.get("/api/v1/operators/acme/licence", token: acme).expect(200)
        let key = try await api.get("/api/v1/frame", token: .some(nil)).expect(200).json["log_verifier_key"].string
        let licence = try VerifiedLicence(
          Data(document.bytes), key: LogVerifierKey(try #require(key)), at: fixture.clock.now())
        #expect(licence.name.text == "acme" && licence.frame == fixture.frame)
      }
    }
  }

  @Test("host names are in the SNI map while the operator is active, never over the frame's own or its neighbours'")
  func hosts() async throws {
    try await NodeFixture.with("sni: {map: {\"frame-b.example\": \"127.0.0.1:9453\"}}") { fixture in
      try await fixture.api { api in
        func names() async throws -> [String: String] {
          let routes = try await api.get("/api/v1/sni").expect(200).json["routes"].array
          return Dictionary(
            uniqueKeysWithValues: routes.map { ($0["name"].string ?? "", $0["source"].string ?? "") })
        }
        func add(_ name: String, _ host: String) async throws -> Answer {
          try await api.post(
            "/api/v1/operators",
            ["name": .string(name), "hosts": [["name": .string(host), "upstream": "127.0.0.1:9643"]]])
        }
        let base = ["frame-a.example": "frame", "frame-b.example": "configuration"]
        #expect(try await names() == base)
        try await add("a", "Frame-A.example").expectProblem(409, "host_name_taken")
        try await add("a", "frame-b.example").expectProblem(409, "host_name_taken")
        for spelling in ["FRAME-A.EXAMPLE.", "frame-b.example.", "Frame-B.Example"] {
          try await add("a", spelling).expectProblem(409, "host_name_taken")
        }
        for none in ["127.0.0.1", "0x7f.1", "*.example", "xn--frame-a-.example", "fr\u{e4}me.example", "a..example"] {
          try await add("a", none).expectProblem(400, "invalid_licence")
        }
        for own in ["127.0.0.1", "localhost", "0.0.0.0", "127.1"] {
          try await api.post(
            "/api/v1/operators",
            ["name": "a", "hosts": [["name": "x.example", "upstream": .string("\(own):8443")]]]
          ).expectProblem(400, "sni_route_loop")
        }
        try await api.post(
          "/api/v1/operators", ["name": "a", "hosts": [["name": "x.example", "upstream": "nowhere"]]]
        ).expectProblem(400, "endpoint_invalid")
        try await add("acme", "acme.example").expect(201)
        #expect(try await names() == base.merging(["acme.example": "operator"]) { $1 })
        try await api.post("/api/v1/operators/acme/suspend", [:]).expect(200)
        #expect(try await names() == base)
        try await api.post("/api/v1/operators/acme/resume", [:]).expect(200)
        #expect(try await names().count == 3)
        let other = ["hosts": [["name": "new.example", "upstream": "127.0.0.1:9643"]]] as JSON
        try await api.post("/api/v1/operators/acme/renew", other).expect(200)
        #expect(try await names() == base.merging(["new.example": "operator"]) { $1 })
        try await api.post("/api/v1/operators/acme/remove", [:]).expect(200)
        #expect(try await names() == base)
        try await add("globex", "acme.example").expect(201)
        try await add("third", "ACME.example.").expectProblem(409, "host_name_taken")
        let nginx = try await api.get("/api/v1/sni/nginx?listen=127.0.0.1:8443").expect(200).text
        #expect(nginx.contains("\"acme.example\" frame_upstream_"), "\(nginx)")
        #expect(!nginx.contains("    default "), "no name is defaulted to an upstream: \(nginx)")
      }
    }
  }

  @Test("who may act and who may not is the same after the log is replayed")
  func replay() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.post("/api/v1/operators", ["name": "acme"]).expect(201)
        try await api.post("/api/v1/agents", ["name": "acme.alice"]).expect(201)
        try await api.post("/api/v1/operators/acme/agents/acme.alice/release", [:]).expect(200)
        try await api.post("/api/v1/operators/acme/suspend", ["reason": "x"]).expect(200)
      }
      let events = try await fixture.node.writer.events(from: 0, limit: 1000)
      var state = LedgerState(frame: fixture.frame, native: fixture.node.configuration.native)
      for event in events { state.evolve(event) }
      #expect(try await fixture.node.writer.read { $0.ledger.operators } == state.operators)
      #expect(state.operators.all.count == 1)
    }
  }

  @Test("reading frame.yaml again changes the SNI map, keeps the operators' names, and refuses a file that is wrong")
  func reload() async throws {
    try await NodeFixture.with { fixture in
      let file = fixture.folder.appendingPathComponent(NodeSetup.configurationName)
      let original = try String(contentsOf: file, encoding: .utf8)
      try await fixture.api { api in
        try await api.post(
          "/api/v1/operators", ["name": "acme", "hosts": [["name": "acme.example", "upstream": "127.0.0.1:9643"]]]
        ).expect(201)
        #expect(try await api.post("/api/v1/sni/reload", [:]).expect(200).json["routes"].array.count == 2)
        #expect(count("frame_sni_reloads_total", "result", "unchanged", fixture) == 1)
        try Data(original.replacing("map: {}", with: "map: {c.example: \"127.0.0.1:9999\"}").utf8).write(to: file)
        let changed = try await api.post("/api/v1/sni/reload", [:]).expect(200).json["routes"].array
        #expect(changed.map { $0["name"].string } == ["acme.example", "c.example", "frame-a.example"])
        for bad in ["map: {\"a b\": \"127.0.0.1:1\"}", "map: {c.example: nowhere}", "nap: {}"] {
          try Data(original.replacing("map: {}", with: bad).utf8).write(to: file)
          let answer = try await api.post("/api/v1/sni/reload", [:])
          answer.expectProblem(400, answer.code)
          #expect(try await api.get("/api/v1/sni").json["routes"].array.count == 3, "\(bad)")
        }
      }
    }
  }
}
