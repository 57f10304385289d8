import Foundation
import FrameCore
import FrameLedger
import Testing

extension EndToEnd {
  /// The seed's table "Frame vs Operator — The Difference", row by row: what an operator is to its frame, and what a frame is
  /// to another.
  @Suite("An operator is a satellite, a frame is a peer")
  struct OperatorTests {
    @Test("the six rows of the Operator/Frame table hold in two running frames", .timeLimit(.minutes(3)))
    func table() async throws {
      try await TwoFrames.run { two in
        let acme = try await Tenant(of: two.a)
        try await trustDomain(two, acme)
        try await eventStore(two, acme)
        try await minting(two, acme)
        try await licence(two, acme)
        try await crossFrame(two, acme)
        try await relationship(two, acme)
        try await two.settle()
        try await two.expectSound()
      }
    }

    /// The operator acme of a frame, with an agent that has money.
    struct Tenant {
      let frame: TestFrame
      let id: String
      let token: String
      let agentToken: String
      /// Where its agent stands in the log.
      let position: Int

      init(of frame: TestFrame) async throws {
        self.frame = frame
        let made = try await frame.command(
          "operator", "add", "acme", "--host", "acme.example=127.0.0.1:\(frame.ports[3])", "--days", "30")
        id = try #require(made["spiffe_id"].string)
        token = try #require(try await frame.command("operator", "token", "acme")["token"].string)
        let agent = try await frame.command("agent", "create", "acme.alice", "--token", token)
        position = Int(try #require(agent["position"].number))
        agentToken = try #require(
          try await frame.command("agent", "token", "acme.alice", "--token", token)["token"].string)
        try await frame.command("transfer", "--from", "treasury", "--to", "acme.alice", "--amount", "100.00")
      }

      func post(_ path: String, _ body: [String: String], key: String? = nil, as token: String? = nil) async throws
        -> HTTPAnswer
      {
        try await HTTP.post(frame.api + path, body, token: token ?? agentToken, key: key)
      }
    }

    private func code(_ answer: HTTPAnswer) -> String? { (try? answer.json())?["code"].string }

    /// | SPIRE trust domain | shares mainframe's | own, independent |
    private func trustDomain(_ two: TwoFrames, _ acme: Tenant) async throws {
      #expect(acme.id == "spiffe://\(two.a.name)/operator/acme")
      let own = try await HTTP.get(two.a.api + "/api/v1/operators/acme", token: acme.token)
      #expect(own.status == 200, "the frame's own keys vouch for the operator: \(own.text)")
      let foreign = try await HTTP.get(two.b.api + "/api/v1/operators/acme", token: acme.token)
      #expect(foreign.status == 401, "another frame's do not: \(foreign.text)")
      let fingerprints = try await (
        two.a.get("/api/v1/frame")["bundle_fingerprint"].string, two.b.get("/api/v1/frame")["bundle_fingerprint"].string
      )
      #expect(fingerprints.0 != fingerprints.1, "a frame's trust domain has keys of its own")
    }

    /// | Event Store | writes to mainframe's | own ledger |
    private func eventStore(_ two: TwoFrames, _ acme: Tenant) async throws {
      let event = try await two.a.get("/api/v1/log/events?from=\(acme.position)&limit=1")["events"].array.first
      #expect(event?["type"].string == "AgentRegistered")
      #expect(event?["actor"].string == acme.id)
      var keys: [String?] = []
      for frame in two.frames { keys.append(try await frame.get("/api/v1/frame")["log_verifier_key"].string) }
      #expect(keys[0] != keys[1], "each frame signs a log of its own")
    }

    /// | Minting authority | disabled (federated) | own authority within frame |
    private func minting(_ two: TwoFrames, _ acme: Tenant) async throws {
      for token in [acme.token, acme.agentToken] {
        for path in ["/api/v1/issue", "/api/v1/burn"] {
          let answer = try await acme.post(path, ["amount": "1.00"], key: "mint", as: token)
          #expect(answer.status == 403 && code(answer) == "not_authority", "\(answer.text)")
        }
      }
      for frame in two.frames { try await frame.command("issue", "--amount", "1.00") }
    }

    /// | License | receives one from mainframe | bilateral peering, no license |
    private func licence(_ two: TwoFrames, _ acme: Tenant) async throws {
      let key = try #require(try await two.a.get("/api/v1/frame")["log_verifier_key"].string)
      let document = try await two.a.run("operator", "licence", "acme", "--data", two.a.folder.path).output
      let file = two.folder.appendingPathComponent("acme.licence")
      try Data(document.utf8).write(to: file)
      let verified = try await two.a.run("operator", "verify", file.path, "--log-key", key).output
      #expect(verified.contains(acme.id), "\(verified)")
      let other = try #require(try await two.b.get("/api/v1/frame")["log_verifier_key"].string)
      let refused = try await Finished.run(Binary.frame(), ["operator", "verify", file.path, "--log-key", other])
      #expect(refused.status != 0 && refused.errors.contains("[licence_unverified]"), "\(refused.errors)")
      // Between the frames there is a treaty that both have agreed to, and nothing that one has given to the other.
      for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
        #expect(try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "established")
      }
      #expect(try await two.b.get("/api/v1/operators")["operators"].array.isEmpty)
    }

    /// | Cross-frame AVT | uses regular cross-reg transfer | SF-3 wrapped token bridge |
    private func crossFrame(_ two: TwoFrames, _ acme: Tenant) async throws {
      for backend in ["async", "2pc"] {
        let before = try await two.b.balance("bob")
        let sent = try await acme.post(
          "/teg/cross-registry-transfer?backend=\(backend)", ["to": "bob@\(two.b.name)", "amount": "5.00"],
          key: "cross-\(backend)")
        #expect([200, 202].contains(sent.status), "\(sent.text)")
        try await Wait.polling.until("the operator's \(backend) transfer arriving") {
          try await two.b.balance("bob") == before + 500
        }
      }
      // Back to the operator's agent, by its address in the frame.
      let back = try await two.b.command(
        "transfer", "--from", "bob", "--to", "acme.alice@\(two.a.name)", "--amount", "10.00", "--backend", "2pc")
      #expect(back["state"].string == "completed")
      #expect(try await two.a.balance("acme.alice") == 100_00)
      try await two.bridgeCycle()
    }

    /// | Relationship | satellite | sovereign peer |
    private func relationship(_ two: TwoFrames, _ acme: Tenant) async throws {
      let invite = try await acme.post(
        "/api/v1/peers/invitations", ["trust_domain": "frame-c.example", "bundle_endpoint": "https://127.0.0.1:1"],
        as: acme.token)
      #expect(code(invite) == "not_authority", "an operator has no treaties: \(invite.text)")
      try await two.a.command("operator", "suspend", "acme", "--reason", "unpaid")
      let pay = try await acme.post("/api/v1/transfers", ["to": "alice", "amount": "1.00"], key: "late")
      #expect(code(pay) == "operator_suspended", "\(pay.text)")
      let cross = try await acme.post(
        "/teg/cross-registry-transfer?backend=2pc", ["to": "bob@\(two.b.name)", "amount": "1.00"], key: "late-2pc")
      #expect(code(cross) == "operator_suspended", "\(cross.text)")
      let names = try await two.a.command("sni", "list")["routes"].array.compactMap { $0["name"].string }
      #expect(!names.contains("acme.example"))
      // The frames go on as before: nobody is above either of them.
      try await two.transfer(two.a, two.b, "2pc")
      try await two.transfer(two.b, two.a, "async")
      let early = try await Finished.run(
        Binary.frame(), ["operator", "remove", "acme", "--reason", "over", "--data", two.a.folder.path])
      #expect(early.status != 0 && early.errors.contains("[operator_has_money]"), "\(early.errors)")
      try await two.a.command("operator", "release", "acme", "acme.alice")
      let removed = try await two.a.command("operator", "remove", "acme", "--reason", "over")
      #expect(removed["state"].string == "removed")
      #expect(try await two.a.balance("acme.alice") == 100_00)
    }
  }
}
