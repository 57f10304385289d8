import Foundation
import Testing

extension EndToEnd {
  @Suite("Treaties")
  struct TreatyTests {
    private static let allowance = TwoFrames.allowance

    @Test(
      "both hold the same signed text, anybody can check it, and an amendment counts after its acceptance and a kill -9",
      .timeLimit(.minutes(5)))
    func amended() async throws {
      try await TwoFrames.run { two in
        let (a, b) = (two.a, two.b)
        let first = try #require(try await a.command("peer", "treaty", b.name)["document"].string)
        #expect(try await b.command("peer", "treaty", a.name)["document"].string == first)
        let keys = [
          try #require(try await a.get("/api/v1/frame")["log_verifier_key"].string),
          try #require(try await b.get("/api/v1/frame")["log_verifier_key"].string),
        ]
        try await check(first, keys, in: two.folder)

        // The proposer is away when the other side decides, and the decider dies right after.
        let proposed = try await a.command("peer", "amend", b.name, "--net-debit-cap", "1.50", "--note", "less")
        let id = try #require(proposed["amendment_id"].string)
        try await Wait.polling.until("the proposal reaching \(b.name)") {
          let open = try await b.command("peer", "amendments", "list", a.name)["amendments"].array
          return open.first?["amendment_id"].string == id && open.first?["note"].string == "less"
        }
        #expect(try await revision(0, b, a))
        try await a.killNow()
        #expect(try await b.command("peer", "amendments", "accept", a.name, id)["state"].string == "accepted")
        try await b.killNow()
        try await b.start()
        #expect(try await revision(1, b, a))
        try await a.start()
        try await Wait.polling.until("\(a.name) hearing of the acceptance", within: .seconds(60)) {
          try await revision(1, a, b)
        }
        let second = try #require(try await a.command("peer", "treaty", b.name)["document"].string)
        #expect(try await b.command("peer", "treaty", a.name)["document"].string == second)
        #expect(second != first && second.contains("\nrevision 1\n"))
        #expect(second.contains("holds-peer-to-net-debit-cap 1.50 AVT@\(a.name)"))
        try await check(second, keys, in: two.folder)
        let forged = second.replacingOccurrences(of: " 1.50 ", with: " 9.50 ")
        try Data(forged.utf8).write(to: two.folder.appendingPathComponent("forged"))
        let refused = try await Finished.run(
          Binary.frame(), ["peer", "treaty", "--file", two.folder.appendingPathComponent("forged").path])
        #expect(refused.status != 0 && refused.errors.contains("treaty_document_invalid"), "\(refused.errors)")

        // The new limit is what is held to: B may owe A 1.50 and no more.
        let body = ["from": "bob", "to": "alice@\(a.name)", "amount": "2.00"]
        try await Wait.polling.until("the channel being up") {
          try await b.post(
            "/teg/cross-registry-transfer?backend=2pc",
            ["from": "bob", "to": "alice@\(a.name)", "amount": "0.10"], key: UUID().uuidString
          ).status == 200
        }
        let over = try await b.post("/teg/cross-registry-transfer?backend=2pc", body, key: "over")
        #expect(try over.json()["state"].string == "refused" || (400..<500).contains(over.status), "\(over.text)")
        try await two.settle()
        try await two.expectSound()
      }
    }

    /// Whether the treaty with `peer` is at that revision.
    private func revision(_ number: Int, _ frame: TestFrame, _ peer: TestFrame) async throws -> Bool {
      try await frame.get("/api/v1/peers/\(peer.name)/treaty")["document"].string?
        .contains("\nrevision \(number)\n") ?? false
    }

    /// The command line says who has signed, without a node.
    private func check(_ document: String, _ keys: [String], in folder: URL) async throws {
      let file = folder.appendingPathComponent("treaty.txt")
      try Data(document.utf8).write(to: file)
      let result = try await Finished.run(
        Binary.frame(), ["peer", "treaty", "--file", file.path, "--key", keys[0], "--key", keys[1]])
      #expect(result.status == 0, "\(result.errors)")
      for key in keys { #expect(result.output.contains("signed by \(key)")) }
    }

    @Test(
      "a revoke while money is on its way: the sender is paid back once, nobody is credited, and a new treaty works",
      .timeLimit(.minutes(5)))
    func woundUp() async throws {
      try await TwoFrames.run { two in
        let (a, b) = (two.a, two.b)
        try await b.stop()
        let sent = try await a.post(
          "/teg/cross-registry-transfer?backend=async", ["from": "alice", "to": "bob@\(b.name)", "amount": "7.00"],
          key: "stranded")
        let id = try #require(try sent.json()["transfer_id"].string)
        #expect(try await a.balance("alice") == Self.allowance - 7_00)
        try await a.command("peer", "revoke", b.name, "--reason", "we part")
        try await b.start()
        try await Wait.polling.until("the sender being paid back", within: .seconds(60)) {
          try await a.get("/teg/cross-registry-transfer/\(id)")["state"].string == "compensated"
        }
        #expect(try await a.balance("alice") == Self.allowance)
        #expect(try await b.balance("bob") == Self.allowance)
        try await Wait.polling.until("\(b.name) hearing of the revoke", within: .seconds(60)) {
          try await b.get("/api/v1/peers/\(a.name)")["state"].string == "revoked"
        }
        #expect(
          try await b.metrics().value("frame_peer_revocations_total", ["peer": a.name, "by": "peer"]) == 1)
        // The other side invites this time; the stream goes on behind what was given up.
        let own = try #require(try await b.get("/api/v1/frame")["bundle_fingerprint"].string)
        try await b.command("peer", "invite", "--trust-domain", a.name, "--bundle-endpoint", a.bundleEndpoint)
        try await Wait.polling.until("the invitation reaching \(a.name)") {
          try await a.post("/api/v1/peers/\(b.name)/approve", ["fingerprint": own]).status == 200
        }
        try await Wait.polling.until("the new treaty") {
          let x = try await a.get("/api/v1/peers/\(b.name)")["state"].string
          let y = try await b.get("/api/v1/peers/\(a.name)")["state"].string
          return x == "established" && y == "established"
        }
        try await two.transfer(a, b, "async")
        #expect(try await b.balance("bob") == Self.allowance + 2_50, "what was paid back is not credited as well")
        try await two.settle()
        try await two.expectSound()
      }
    }
  }
}
