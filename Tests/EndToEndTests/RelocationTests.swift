import Foundation
import Testing

extension EndToEnd {
  @Suite("Frames that move, and ask for less")
  struct RelocationTests {
    private static let allowance = TwoFrames.allowance
    /// Without a canary, which begins a round at every start and when a subscription changes: the sums are compared at rest.
    private static let quiet: [(section: String?, key: String, value: String)] = [("canary", "enabled", "false")]

    @Test(
      "one frame proposes its new endpoints after the move, the other before it: no new invitation, and money goes on",
      .timeLimit(.minutes(3)))
    func moved() async throws {
      try await TwoFrames.run(Self.quiet) { two in
        let (a, b) = (two.a, two.b)
        // B is gone without a word, and money is on its way to it.
        try await b.stop()
        let sent = try await a.post(
          "/teg/cross-registry-transfer?backend=async", ["from": "alice", "to": "bob@\(b.name)", "amount": "3.00"],
          key: "while-moving")
        #expect(sent.status == 202)
        let id = try #require(try sent.json()["transfer_id"].string)
        let portsOfB = try FreePorts.take(2)
        try move(b, to: portsOfB)
        try await b.start()
        let amendment = try await propose(b, to: a, portsOfB)
        let open = try #require(try await a.command("peer", "amendments", "list", b.name)["amendments"].array.first)
        #expect(open["endpoints"]["federation_address"].string == "127.0.0.1:\(portsOfB[0])")
        #expect(open["changes"].array.count == 2, "\(open)")
        #expect(try await a.get("/api/v1/peers/\(b.name)")["bundle_endpoint"].string == b.bundleEndpoint)
        try await a.command("peer", "amendments", "accept", b.name, amendment)
        #expect(
          try await a.get("/api/v1/peers/\(b.name)")["bundle_endpoint"].string == "https://127.0.0.1:\(portsOfB[1])")
        try await Wait.polling.until("the transfer that was on its way completing", within: .seconds(60)) {
          try await a.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
        }
        try await agree(two, revision: 1)
        #expect(try await moves(a, to: b) == 1)
        for (from, to) in [(a, b), (b, a)] {
          for backend in ["async", "2pc"] { try await two.transfer(from, to, backend) }
        }

        // A says first where it will be, and stays for a while.
        let portsOfA = try FreePorts.take(2)
        let announced = try await propose(a, to: b, portsOfA)
        try await b.command("peer", "amendments", "accept", a.name, announced)
        try await two.transfer(b, a, "2pc")
        try await a.stop()
        try move(a, to: portsOfA)
        try await a.start()
        try await Wait.polling.until("\(b.name) going over to where \(a.name) is", within: .seconds(60)) {
          try await moves(b, to: a) == 1
        }
        try await agree(two, revision: 2)
        for (from, to) in [(a, b), (b, a)] {
          for backend in ["async", "2pc"] { try await two.transfer(from, to, backend) }
        }
        try await two.bridgeCycle()

        // The log has it all: after a kill -9 the frames find each other again.
        for frame in two.frames { try await frame.killNow() }
        for frame in two.frames { try await frame.start() }
        try await Wait.polling.until("the channel being up", within: .seconds(60)) {
          try await a.post(
            "/teg/cross-registry-transfer?backend=2pc", ["from": "alice", "to": "bob@\(b.name)", "amount": "0.10"],
            key: UUID().uuidString
          ).status == 200
        }
        try await two.settle()
        try await two.expectSound()
        for (frame, peer) in [(a, b), (b, a)] {
          let types = try await frame.get("/api/v1/log/events?limit=1000")["events"].array.compactMap {
            $0["type"].string
          }
          #expect(types.count { $0 == "FrameFederationEstablished" } == 1, "\(frame.name) with \(peer.name)")
          #expect(types.count { $0 == "TreatyAmendmentAccepted" } == 2)
        }
      }
    }

    @Test(
      "a frame that takes no more async transfers is sent none; 2pc goes on, and outcomes cannot be dropped",
      .timeLimit(.minutes(5)))
    func unsubscribed() async throws {
      try await TwoFrames.run(Self.quiet) { two in
        let (a, b) = (two.a, two.b)
        let refused = try await Finished.run(
          Binary.frame(),
          [
            "peer", "amend", a.name, "--unsubscribe", "CrossFrameTransferSettled", "--data", b.folder.path, "--json",
          ])
        #expect(refused.status > 1 && refused.errors.contains("amendment_invalid"), "\(refused.errors)")

        let body = ["from": "alice", "to": "bob@\(b.name)", "amount": "1.00"]
        try await a.command("transfer", "--from", "alice", "--to", "bob@\(b.name)", "--amount", "1.00")
        let dropped = try await b.command("peer", "amend", a.name, "--unsubscribe", "CrossFrameTransferInitiated")
        try await accept(dropped, of: b, at: a)
        let async = try await a.post("/teg/cross-registry-transfer?backend=async", body, key: "dropped")
        #expect((400..<500).contains(async.status) && async.text.contains("peer_not_subscribed"), "\(async.text)")
        try await two.transfer(a, b, "2pc")
        try await two.transfer(b, a, "async")
        try await Wait.polling.until("\(b.name) hearing of the acceptance") {
          try await b.get("/api/v1/peers/\(a.name)")["revision"].number == 1
        }
        let again = try await b.command("peer", "amend", a.name, "--subscribe", "CrossFrameTransferInitiated")
        try await accept(again, of: b, at: a)
        try await two.transfer(a, b, "async")
        try await two.settle()
        #expect(try await a.balance("alice") == Self.allowance - 1_00 - 2_50 + 2_50 - 2_50)
        try await two.expectSound()
      }
    }

    // MARK: - Steps

    /// Lets `frame` listen and be advertised at other ports from its next start on.
    private func move(_ frame: TestFrame, to ports: [Int]) throws {
      try frame.configure([
        ("federation", "port", "\(ports[0])"), ("bundle", "port", "\(ports[1])"),
        ("advertise", "federation_address", "\"127.0.0.1:\(ports[0])\""),
        ("advertise", "bundle_endpoint", "\"https://127.0.0.1:\(ports[1])\""),
      ])
    }

    /// - Returns: the amendment's id, once the other side has it.
    private func propose(_ frame: TestFrame, to peer: TestFrame, _ ports: [Int]) async throws -> String {
      let proposed = try await frame.command(
        "peer", "amend", peer.name, "--bundle-endpoint", "https://127.0.0.1:\(ports[1])", "--federation-address",
        "127.0.0.1:\(ports[0])", "--note", "we move")
      let id = try #require(proposed["amendment_id"].string)
      try await arrived(id, of: frame, at: peer)
      return id
    }

    private func arrived(_ id: String, of frame: TestFrame, at peer: TestFrame) async throws {
      try await Wait.polling.until("the proposal reaching \(peer.name)", within: .seconds(60)) {
        try await peer.command("peer", "amendments", "list", frame.name)["amendments"].array.contains {
          $0["amendment_id"].string == id
        }
      }
    }

    private func accept(_ proposed: JSON, of frame: TestFrame, at peer: TestFrame) async throws {
      let id = try #require(proposed["amendment_id"].string)
      try await arrived(id, of: frame, at: peer)
      #expect(try await peer.command("peer", "amendments", "accept", frame.name, id)["state"].string == "accepted")
    }

    /// Both hold the same text, of that revision, with the endpoints of now.
    private func agree(_ two: TwoFrames, revision: Int) async throws {
      try await Wait.polling.until("both being at revision \(revision)", within: .seconds(90)) {
        let (x, y) = (
          try await two.a.command("peer", "treaty", two.b.name), try await two.b.command("peer", "treaty", two.a.name)
        )
        guard let text = x["document"].string, text == y["document"].string else { return false }
        return text.contains("\nrevision \(revision)\n")
          && x["their_endpoints"]["bundle_endpoint"].string == y["our_endpoints"]["bundle_endpoint"].string
          && x["our_endpoints"]["federation_address"].string == y["their_endpoints"]["federation_address"].string
      }
    }

    private func moves(_ frame: TestFrame, to peer: TestFrame) async throws -> Double {
      try await frame.metrics().value("frame_peer_channel_moves_total", ["peer": peer.name, "result": "done"]) ?? 0
    }
  }
}
