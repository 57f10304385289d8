import Foundation
import Testing

extension EndToEnd {
  @Suite("Two federated frames")
  struct MoneyTests {
    @Test(
      "money moves both ways over both backends and the bridge, and Prometheus finds nothing wrong",
      .timeLimit(.minutes(2)))
    func moneyMoves() async throws {
      try await TwoFrames.run { two in
        let prometheus = try await Prometheus(two)
        for (from, to) in [(two.a, two.b), (two.b, two.a)] {
          for backend in ["async", "2pc"] { try await transfer(from, to, backend) }
        }
        try await bridgeCycle(two)
        try await two.settle()
        #expect(try await two.a.balance("alice") == TwoFrames.allowance)
        #expect(try await two.b.balance("bob") == TwoFrames.allowance)
        try await two.expectSound()
        try await canaryRound(two)
        try await expectPeerMonitors(two)
        try await prometheus.expectTargetsUp()
        try await prometheus.expectQuiet()
        try await expectEverySeries(prometheus)
        for frame in two.frames { try await expectCleanExposition(frame) }
        try await prometheus.stop()
      }
    }

    /// Sends 2.50 and waits for its end on both sides.
    private func transfer(_ from: TestFrame, _ to: TestFrame, _ backend: String) async throws {
      let before = try await to.balance(to.person)
      let sent = try await from.command(
        "transfer", "--from", from.person, "--to", "\(to.person)@\(to.name)", "--amount", "2.50", "--backend", backend)
      let id = try #require(sent["transfer_id"].string)
      if backend == "2pc" { #expect(sent["state"].string == "completed") }
      try await Wait.polling.until("the \(backend) transfer from \(from.name) completing") {
        try await from.command("transfer", "show", id)["state"].string == "completed"
      }
      #expect(try await to.balance(to.person) == before + 250)
    }

    /// Lock at A, issued at B, redeem at B, unlocked at A; in between the reserve is what is outstanding.
    private func bridgeCycle(_ two: TwoFrames) async throws {
      let lock = try await two.a.command(
        "bridge", "lock", "--from", "alice", "--to", "bob@\(two.b.name)", "--amount", "40.00")
      let lockID = try #require(lock["lock_id"].string)
      try await Wait.polling.until("the wrapped tokens being issued") {
        try await two.a.command("bridge", "show", lockID)["state"].string == "issued"
      }
      #expect(try await two.b.balance("bob", kind: "wrapped", asset: "AVT@\(two.a.name)") == 40_00)
      let reserve = try await two.a.command("bridge", "reserves")["reserves"].array.first
      #expect(reserve?["reserve"].string == "40.00")
      #expect(reserve?["outstanding"].string == "40.00")
      #expect(reserve?["imbalance"].string == "0.00")
      #expect(try await two.a.audit()["supply"]["locked_for_bridge"][two.b.name].string == "40.00")

      let redeem = try await two.b.command(
        "bridge", "redeem", "--from", "bob", "--origin", two.a.name, "--to", "alice@\(two.a.name)", "--amount", "40.00")
      let redeemID = try #require(redeem["redeem_id"].string)
      try await Wait.polling.until("the tokens being unlocked") {
        try await two.b.command("bridge", "show", redeemID, "--redeem")["state"].string == "unlocked"
      }
      #expect(try await two.b.balance("bob", kind: "wrapped", asset: "AVT@\(two.a.name)") == 0)
    }

    private func canaryRound(_ two: TwoFrames) async throws {
      for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
        try await Wait.polling.until("the canary of \(frame.name) succeeding", within: .seconds(75)) {
          let metrics = try await frame.metrics()
          return ["async", "2pc"].allSatisfy { backend in
            let labels = ["peer": peer.name, "backend": backend]
            return (metrics.value("frame_canary_last_success_timestamp_seconds", labels) ?? 0) > 0
          }
        }
      }
    }

    /// Every metric that a rule or a dashboard names exists in Prometheus after a live run.
    private func expectEverySeries(_ prometheus: Prometheus) async throws {
      var files = [Binary.repository.appendingPathComponent("alerts/frame.rules.yaml")]
      let dashboards = Binary.repository.appendingPathComponent("dashboards")
      files += try FileManager.default.contentsOfDirectory(at: dashboards, includingPropertiesForKeys: nil)
        .filter { $0.pathExtension == "json" }
      var names: Set<String> = []
      for file in files {
        let text = try String(contentsOf: file, encoding: .utf8)
        // Recording rules have a colon in their names, and what follows one is a part of such a name.
        let words = text.split { !($0.isLetter || $0.isNumber || "_:".contains($0)) }
        names.formUnion(words.filter { $0.hasPrefix("frame_") && !$0.contains(":") }.map(String.init))
      }
      #expect(names.count > 20)
      for name in names.sorted() {
        // A stateset's label has the name of its family.
        let count = try await prometheus.query("count({__name__=\"\(name)\"})").first ?? 0
        #expect(count > 0, "\(name) is used but not published")
      }
    }

    /// promtool finds nothing to complain of in what a node publishes.
    private func expectCleanExposition(_ frame: TestFrame) async throws {
      let text = try await HTTP.get(frame.ops + "/metrics", accept: "text/plain;version=0.0.4").text
      let file = frame.folder.appendingPathComponent("metrics.txt")
      try Data(text.utf8).write(to: file)
      let result = try await Finished.run("/bin/sh", ["-c", "promtool check metrics < '\(file.path)'"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.isEmpty, "\(result.errors)")
    }

    /// The four subjects every frame watches of its peer.
    private func expectPeerMonitors(_ two: TwoFrames) async throws {
      for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
        let labels = ["peer": peer.name]
        try await Wait.polling.until("the bridge's figures at \(frame.name) being those of now") {
          try await frame.metrics().value("frame_bridge_reserve_minor_units", labels) == 0
        }
        let metrics = try await frame.metrics()
        #expect(metrics.value("frame_peer_bundle_fingerprint_match", labels) == 1)
        #expect(metrics.value("frame_peer_bundle_fingerprint_info", labels) == 1)
        #expect(metrics.value("frame_bridge_imbalance_minor_units", labels) == 0)
        #expect(metrics.value("frame_projection_lag_events", labels) == 0)
        #expect((metrics.value("frame_peer_bundle_refresh_timestamp_seconds", labels) ?? 0) > 0)
      }
    }
  }
}
