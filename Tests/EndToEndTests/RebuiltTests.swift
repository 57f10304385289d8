import Foundation
import Testing

extension EndToEnd {
  /// What runbooks/FrameFormerLogUndecided.md tells two operators to do, done (decision 0034).
  @Suite("A frame that lost its data and comes back under its name", .serialized)
  struct RebuiltTests {
    /// 10.00 of `from`'s person to the other's, until the receiver's frame says that it is there.
    private func pay(_ from: TestFrame, _ to: TestFrame, _ backend: String, key: String) async throws -> String {
      let answer = try await from.post(
        "/teg/cross-registry-transfer?backend=\(backend)",
        ["from": from.person, "to": "\(to.person)@\(to.name)", "amount": "10.00"], key: key)
      return try #require(try answer.json()["transfer_id"].string, "\(answer.status)")
    }

    private func completes(_ frame: TestFrame, _ id: String) async throws {
      try await Wait.polling.until("transfer \(id) of \(frame.name) completing", within: .seconds(60)) {
        try await frame.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
      }
    }

    private func fund(_ frame: TestFrame) async throws {
      try await frame.command("issue", "--amount", "1000000.00")
      try await frame.command("agent", "create", frame.person)
      try await frame.command("transfer", "--from", "treasury", "--to", frame.person, "--amount", "1000.00")
    }

    @Test(
      "both streams work with the new log, nothing old is acted on, and two operators close the old books",
      .timeLimit(.minutes(4)))
    func rebuilt() async throws {
      try await TwoFrames.run([("canary", "enabled", "false"), (nil, "bundle_refresh_seconds", "1")]) { two in
        let (a, b) = (two.a, two.b)
        for (index, backend) in ["async", "2pc", "async"].enumerated() {
          try await completes(a, try await pay(a, b, backend, key: "old-a\(index)"))
          try await completes(b, try await pay(b, a, backend, key: "old-b\(index)"))
        }
        try await completes(b, try await pay(b, a, "async", key: "old-b-more"))
        try await two.bridgeCycle()
        try await two.settle()
        try await a.command("bridge", "lock", "--from", "alice", "--to", "bob@\(b.name)", "--amount", "7.00")
        try await two.settle()
        #expect(try await b.balance("bob", kind: "wrapped", asset: "AVT@\(a.name)") == 7_00)

        // A is gone with all it had; what B sends now is never answered by that log.
        try await a.stop()
        // An auditor has a copy of it.
        let copy = two.folder.appendingPathComponent("old-a")
        try FileManager.default.copyItem(at: a.folder, to: copy)
        let sent = try await pay(b, a, "async", key: "unanswered")
        let home = try await b.command(
          "bridge", "redeem", "--from", "bob", "--origin", a.name, "--to", "alice@\(a.name)", "--amount", "2.00")
        let onItsWay = try #require(home["redeem_id"].string)
        let before = try await b.balance("bob")
        try await a.rebuild()
        try a.configure([("canary", "enabled", "false"), (nil, "bundle_refresh_seconds", "1")])
        try await a.start()
        try await fund(a)

        // New keys of the bundle alone would not be enough (issue 8, R2).
        let fingerprint = try #require(try await a.get("/api/v1/frame")["bundle_fingerprint"].string)
        let repin = try await Finished.run(
          Binary.frame(), ["peer", "repin", a.name, "--fingerprint", fingerprint, "--data", b.folder.path])
        #expect(repin.status != 0 && repin.errors.contains("log_key_changed"), "\(repin.errors)")
        let shown = try await b.command("peer", "show", a.name)
        #expect(shown["served_log_verifier_key"].string != nil)
        #expect(shown["served_log_verifier_key"].string != shown["log_verifier_key"].string)

        try await b.command("peer", "revoke", a.name, "--reason", "rebuilt")
        try await b.command("peer", "invite", "--trust-domain", a.name, "--bundle-endpoint", a.bundleEndpoint)
        let ours = try await Wait.polling.eventually("the invitation reaching \(a.name)") {
          try await a.command("peer", "show", b.name)["fingerprint"].string
        }
        try await a.command("peer", "approve", b.name, "--fingerprint", ours)
        for (frame, peer) in [(a, b), (b, a)] {
          try await Wait.polling.until("the treaty being established at \(frame.name)") {
            try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "established"
          }
        }

        // Both directions work, at once and in order, and only what is new was acted on.
        for backend in ["async", "2pc"] {
          try await completes(a, try await pay(a, b, backend, key: "new-a-\(backend)"))
          try await completes(b, try await pay(b, a, backend, key: "new-b-\(backend)"))
        }
        for (frame, peer) in [(a, b), (b, a)] {
          try await Wait.polling.until("the stream of \(peer.name) at \(frame.name)") {
            let metrics = try await frame.metrics()
            return metrics.value("frame_projection_stream_connected", ["peer": peer.name]) == 1
              && metrics.value("frame_projection_stream_refused", ["peer": peer.name]) == 0
              && metrics.value("frame_projection_lag_events", ["peer": peer.name]) == 0
          }
        }
        #expect(try await a.balance("alice") == 1_000_00, "what came and went is even, and nothing old came")
        #expect(try await b.get("/teg/cross-registry-transfer/\(sent)")["state"].string == "pending")

        // The two present logs do not contradict each other: what is of the lost one is a line of its own, and proven with that one alone.
        let statement = try await supply(b)
        let line = try #require(statement["former_logs"].array.first)
        #expect(line["state"].string == "undecided" && line["wrapped"].string == "5.00")
        let old = try #require(line["log"].string)
        #expect(statement["wrapped"][old].string == "5.00" && statement["clearing"][old].string == "20.00")
        let present = try await audit(b, with: a.folder)
        #expect(present.status == 0, "\(present.output) \(present.errors)")
        #expect(
          present.output.contains("not proven: \(b.name) with former log \(old), undecided, not backed by this log"))
        #expect(present.output.contains("nothing of \(a.name) was printed at \(b.name): 0.00 outstanding, 0.00 locked"))
        let lost = try await audit(b, with: copy)
        #expect(lost.status == 0, "\(lost.output) \(lost.errors)")
        #expect(lost.output.contains("nothing of \(a.name) was printed at \(b.name): 5.00 outstanding, 7.00 locked"))
        #expect(try await audit(a, with: copy).status == 65, "two logs of one frame have nothing with each other")

        // What stood is named, and waits for both operators.
        let list = try await b.command("peer", "former-log", "list")
        let former = try #require(list["former_logs"].array.first)
        #expect(former["state"].string == "undecided")
        #expect(former["clearing"].string == "10.00")
        #expect(former["sent"].string == "10.00")
        #expect(former["wrapped"].string == "7.00 AVT@\(a.name)")
        #expect(former["redeeming"].string == "2.00 AVT@\(a.name)")
        #expect(try await b.balance("bob", kind: "wrapped", asset: "AVT@\(a.name)") == 5_00)
        // People are told who owes whom, in which currency.
        let told = try await Finished.run(
          Binary.frame(), ["peer", "former-log", "list", "--data", b.folder.path])
        #expect(told.output.contains("10.00 BVT owed by us to it"), "\(told.output)")
        let tooEarly = try await b.post(
          "/api/v1/bridge/redeem",
          ["from": "bob", "origin": a.name, "to": "alice@\(a.name)", "amount": "5.00"], key: "too-early")
        #expect(try tooEarly.json()["code"].string == "wrapped_unbacked")
        let log = try #require(former["log"].string?.split(separator: "+").last.map(String.init))
        #expect(
          try await b.metrics().value("frame_former_logs_undecided", ["peer": a.name]) == 1)
        try await b.command("peer", "former-log", "recognise", a.name, log, "--note", "agreed")
        let claim = try await Wait.polling.eventually("the proposal reaching \(a.name)") {
          try await a.command("peer", "former-log", "list")["claims"].array.first?["proposal_id"].string
        }
        try await a.command("peer", "former-log", "accept", b.name, claim)
        try await Wait.polling.until("the decision at \(b.name)") {
          let now = try await b.command("peer", "former-log", "show", a.name, log)
          return now["state"].string == "recognised" && now["open"].array.isEmpty
        }
        #expect(try await b.get("/teg/cross-registry-transfer/\(sent)")["state"].string == "compensated")
        #expect(try await b.balance("bob") == before + 10_00, "the sender has back what nobody credited")
        #expect(try await b.command("bridge", "show", onItsWay, "--redeem")["state"].string == "returned")
        #expect(
          try await b.balance("bob", kind: "wrapped", asset: "AVT@\(a.name)") == 7_00,
          "what was burned here and unlocked by nobody is back")
        let redeem = try await b.command(
          "bridge", "redeem", "--from", "bob", "--origin", a.name, "--to", "alice@\(a.name)", "--amount", "7.00")
        let id = try #require(redeem["redeem_id"].string)
        try await Wait.polling.until("the taken over tokens being unlocked") {
          try await b.command("bridge", "show", id, "--redeem")["state"].string == "unlocked"
        }
        try await two.bridgeCycle()
        try await two.settle()
        try await two.expectSound()
        #expect(try await supply(b)["former_logs"].array.first?["state"].string == "recognised")
        #expect(try await audit(b, with: copy).status == 0)
        let after = try await audit(b, with: a.folder)
        #expect(after.output.contains("proven: former logs: 1 taken over by both books"), "\(after.output)")
      }
    }

    /// The supply statement as the node has it now, as of its present size, and as its files give it: they must be the same.
    private func supply(_ frame: TestFrame) async throws -> JSON {
      let now = try await frame.command("audit")
      let position = try #require(now["position"].number)
      let past = try await frame.command("supply", "--at-position", "\(Int(position) - 1)")
      #expect(past["supply"] == now["supply"])
      let offline = try await Finished.run(
        Binary.frame(), ["audit", "--offline", "--data", frame.folder.path, "--json"])
      let files = try JSONDecoder().decode(JSON.self, from: Data(offline.output.utf8))
      #expect(files["supply"]["former_logs"] == now["supply"]["former_logs"])
      return now["supply"]
    }

    private func audit(_ frame: TestFrame, with folder: URL) async throws -> Finished {
      try await Finished.run(
        Binary.frame(), ["audit", "--offline", "--data", frame.folder.path, "--with", folder.path])
    }
  }
}
