import Foundation
import Testing

extension EndToEnd {
  @Suite("A peer that is away")
  struct OutageTests {
    @Test(
      "while the peer is down async is accepted, 2pc locks nothing or ends later, and nothing is lost or doubled",
      .timeLimit(.minutes(5)))
    func peerDown() async throws {
      try await TwoFrames.run { two in
        let (a, b) = (two.a, two.b)
        try await b.stop()
        let body = ["from": "alice", "to": "bob@\(b.name)", "amount": "3.00"]
        let async = try await a.post("/teg/cross-registry-transfer?backend=async", body, key: "away-async")
        #expect(async.status == 202)
        let id = try #require(try async.json()["transfer_id"].string)
        #expect(try await a.get("/teg/cross-registry-transfer/\(id)")["state"].string == "pending")
        let direct = try await a.post("/teg/cross-registry-transfer?backend=2pc", body, key: "away-2pc")
        // Refused before anything was locked, or locked and in doubt: either way the caller is told which.
        #expect([503, 202].contains(direct.status), "\(direct.text)")

        try await b.start()
        try await Wait.polling.until("the async transfer completing") {
          try await a.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
        }
        try await two.settle()
        // The same request again: the one effect it had, or its first.
        try await Wait.polling.until("an end of the 2pc transfer") {
          let again = try await a.post("/teg/cross-registry-transfer?backend=2pc", body, key: "away-2pc")
          guard [200, 202].contains(again.status), let id = try again.json()["transfer_id"].string else { return false }
          let state = try await a.get("/teg/cross-registry-transfer/\(id)")["state"].string
          return state == "completed" || state == "refused"
        }
        try await two.settle()
        let moved = TwoFrames.allowance - (try await a.balance("alice"))
        #expect(moved == 3_00 || moved == 6_00)
        #expect(try await b.balance("bob") == TwoFrames.allowance + moved)
        let repeated = try await a.post("/teg/cross-registry-transfer?backend=async", body, key: "away-async")
        #expect(repeated.replayed)
        #expect(try repeated.json()["transfer_id"].string == id)
        #expect(try await b.balance("bob") == TwoFrames.allowance + moved)
        try await two.expectSound()
      }
    }

    @Test(
      "S1, S5: while a peer is down its operator is told so, once, with since when and how old each value is",
      .timeLimit(.minutes(3)))
    func seen() async throws {
      try await TwoFrames.run([("canary", "interval_seconds", "1"), (nil, "bundle_refresh_seconds", "2")]) { two in
        let (a, b) = (two.a, two.b)
        func sight() async throws -> JSON { try await a.command("peer", "show", b.name)["reachability"] }
        try await Wait.polling.until("the peer being reachable") {
          let sight = try await sight()
          return sight["state"].string == "reachable" && sight["observed_age_seconds"].number != nil
            && sight["stream_open"].bool == true
        }
        #expect(try await a.command("peer", "show", b.name)["observed_fingerprint"].string != nil)
        try await b.stop()
        try await Wait.polling.until("the loss being shown", within: .seconds(90)) {
          let sight = try await sight()
          return sight["state"].string == "unreachable" && sight["stream_open"].bool == false
            && sight["refresh_error"]["code"].string != nil
        }
        let shown = try await a.command("peer", "show", b.name)
        #expect(shown["observed_fingerprint"].string == nil, "what was seen before is not shown as seen now")
        let sight = shown["reachability"]
        #expect(sight["since"].string != nil && sight["last_success_age_seconds"].number != nil, "\(sight)")
        #expect(sight["last_error"]["message"].string == "connection refused", "\(sight)")
        let list = try await Finished.run(Binary.frame(), ["peer", "list", "--data", a.folder.path])
        #expect(list.output.contains(" NO "), "\(list.output)")
        let text = try await Finished.run(Binary.frame(), ["peer", "show", b.name, "--data", a.folder.path])
        #expect(text.output.contains("NO, since ") && text.output.contains("connection refused"), "\(text.output)")
        try await b.start()
        try await Wait.polling.until("the peer being back", within: .seconds(60)) {
          try await a.command("peer", "show", b.name)["reachability"]["state"].string == "reachable"
        }
        try await a.stop()
        let lines = try String(contentsOf: a.log, encoding: .utf8).split(separator: "\n")
        #expect(lines.count { $0.contains("A peer does not answer") } == 1, "\(lines.joined(separator: "\n"))")
        #expect(lines.count { $0.contains("A peer answers again") && $0.contains(" s") } == 1)
        let warnings = lines.filter { $0.contains(" warning ") && $0.contains(b.name) }
        #expect(warnings.count == 1 && warnings.allSatisfy { $0.count < 300 }, "\(warnings)")
        let start = try #require(lines.first)
        for word in ["The frame starts ", "version=", "frame=\(a.name)", "api=127.0.0.1:", "federation="] {
          #expect(start.contains(word), "\(start)")
        }
        let opened = try #require(lines.first { $0.contains("The log is open ") })
        #expect(opened.contains("fingerprint=SHA256:") && opened.contains("events="), "\(opened)")
        for line in ["The frame is ready", "Told to stop", "The frame stops", "The frame has stopped"] {
          #expect(lines.contains { $0.contains(line) }, "\(line)")
        }
        // Words of libraries are none of ours.
        #expect(!lines.contains { $0.contains("Already closed") || $0.contains("CancellationError") })
        // A start on a log with treaties begins like the first one.
        try await a.start()
        let both = try String(contentsOf: a.log, encoding: .utf8).split(separator: "\n")
        let again = both.lastIndex { $0.contains("The frame has stopped") }.map { both[($0 + 1)...] } ?? both[...]
        #expect(again.first?.contains("The frame starts ") == true, "\(again.prefix(3))")
      }
    }

    @Test("after a revoke nothing of that peer is accepted, on either side", .timeLimit(.minutes(5)))
    func revoked() async throws {
      try await TwoFrames.run { two in
        let (a, b) = (two.a, two.b)
        try await a.command("transfer", "--from", "alice", "--to", "bob@\(b.name)", "--amount", "1.00")
        try await two.settle()
        try await a.command("peer", "revoke", b.name, "--reason", "treaty ended")
        for (frame, peer) in [(a, b), (b, a)] {
          try await Wait.polling.until("the treaty being revoked at \(frame.name)") {
            try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "revoked"
          }
          for backend in ["async", "2pc"] {
            let answer = try await frame.post(
              "/teg/cross-registry-transfer?backend=\(backend)",
              ["from": frame.person, "to": "\(peer.person)@\(peer.name)", "amount": "1.00"], key: "revoked-\(backend)")
            #expect((400..<500).contains(answer.status), "\(answer.text)")
          }
          let lock = try await frame.post(
            "/api/v1/bridge/lock", ["from": frame.person, "to": "\(peer.person)@\(peer.name)", "amount": "1.00"],
            key: "revoked-lock")
          #expect((400..<500).contains(lock.status), "\(lock.text)")
        }
        #expect(try await a.balance("alice") == TwoFrames.allowance - 1_00)
        #expect(try await b.balance("bob") == TwoFrames.allowance + 1_00)
        try await two.expectSound()
      }
    }

    @Test("what a fingerprint does not match is neither invited nor approved", .timeLimit(.minutes(5)))
    func wrongFingerprint() async throws {
      let two = try await TwoFrames()
      defer { try? FileManager.default.removeItem(at: two.folder) }
      for frame in two.frames { try await frame.start() }
      let wrong = "SHA256:" + String(repeating: "0", count: 64)
      let invite = [
        "peer", "invite", "--trust-domain", two.b.name, "--bundle-endpoint", two.b.bundleEndpoint, "--data",
        two.a.folder.path,
      ]
      let expected = try await Finished.run(Binary.frame(), invite + ["--expect-fingerprint", wrong])
      #expect(expected.status > 1)
      #expect(expected.errors.contains("error: "), "\(expected.errors)")
      let invited = try await Finished.run(Binary.frame(), invite)
      #expect(invited.status == 0, "\(invited.errors)")
      try await Wait.polling.until("the invitation reaching \(two.b.name)") {
        try await two.b.get("/api/v1/peers/\(two.a.name)")["state"].string == "requested"
      }
      let approved = try await Finished.run(
        Binary.frame(), ["peer", "approve", two.a.name, "--fingerprint", wrong, "--data", two.b.folder.path])
      #expect(approved.status > 1)
      #expect(approved.errors.contains("fingerprint"), "\(approved.errors)")
      try await two.b.command("peer", "reject", two.a.name, "--reason", "not agreed")
      for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
        try await Wait.polling.until("the rejection reaching \(frame.name)") {
          try await frame.get("/api/v1/peers/\(peer.name)")["state"].string == "rejected"
        }
      }
      for frame in two.frames { try await frame.stop() }
    }
  }
}
