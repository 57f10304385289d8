import Foundation
import Testing

extension EndToEnd {
  @Suite("A peer that is away")
  struct OutageTests {
    @Test(
      "while the peer is down async is accepted, 2pc locks nothing or ends later, and nothing is lost or doubled",
      .timeLimit(.minutes(2)))
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

    @Test("after a revoke nothing of that peer is accepted, on either side", .timeLimit(.minutes(2)))
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

    @Test("what a fingerprint does not match is neither invited nor approved", .timeLimit(.minutes(1)))
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
      #expect(expected.status == 1)
      #expect(expected.errors.contains("error: "), "\(expected.errors)")
      let invited = try await Finished.run(Binary.frame(), invite)
      #expect(invited.status == 0, "\(invited.errors)")
      try await Wait.polling.until("the invitation reaching \(two.b.name)") {
        try await two.b.get("/api/v1/peers/\(two.a.name)")["state"].string == "requested"
      }
      let approved = try await Finished.run(
        Binary.frame(), ["peer", "approve", two.a.name, "--fingerprint", wrong, "--data", two.b.folder.path])
      #expect(approved.status == 1)
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
