import Foundation
import Testing

extension EndToEnd {
  @Suite("Two federated frames")
  struct MoneyTests {
    @Test(
      "money moves both ways over both backends and the bridge, and Prometheus finds nothing wrong",
      .timeLimit(.minutes(5)))
    func moneyMoves() async throws {
      try await TwoFrames.run { two in
        let prometheus = try await Prometheus(two)
        // Some series exist only where there is an operator.
        for frame in two.frames { try await frame.command("operator", "add", "acme") }
        for (from, to) in [(two.a, two.b), (two.b, two.a)] {
          for backend in ["async", "2pc"] { try await two.transfer(from, to, backend) }
        }
        try await two.bridgeCycle()
        try await two.settle()
        #expect(try await two.a.balance("alice") == TwoFrames.allowance)
        #expect(try await two.b.balance("bob") == TwoFrames.allowance)
        try await two.expectSound()
        try await two.canaryRound()
        try await expectPeerMonitors(two)
        try await prometheus.expectTargetsUp()
        try await prometheus.expectQuiet()
        try await expectEverySeries(prometheus)
        for frame in two.frames { try await expectCleanExposition(frame) }
        try await prometheus.stop()
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
      // Published with profile https_web only; BundleProfileTests sees them.
      names = names.filter { !$0.hasPrefix("frame_bundle_endpoint_certificate_") }
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
