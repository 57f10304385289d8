import Testing

extension EndToEnd {
  @Suite("Planted faults")
  struct PlantedFaultTests {
    @Test("wrapped tokens that no lock stands behind bring FrameBridgeImbalance to firing", .timeLimit(.minutes(2)))
    func bridgeImbalance() async throws {
      try await TwoFrames.run { two in
        let prometheus = try await Prometheus(two, patience: "2s")
        try await prometheus.expectTargetsUp()
        #expect(try await prometheus.query("frame_bridge_imbalance_minor_units") == [0, 0])
        try await two.b.stop()
        try await Plant.unbackedIssue(at: two.b, origin: two.a, to: "bob", units: 777_00)
        try await two.b.start()
        try await prometheus.expectFiring("FrameBridgeImbalance", peer: two.b.name)
        try await prometheus.expectFiring("FrameBridgeBreakerOpen", peer: two.b.name)
        let imbalance = try await two.a.metrics().value("frame_bridge_imbalance_minor_units", ["peer": two.b.name])
        #expect(imbalance == -777_00)
        let reserves = try await Finished.run(
          Binary.frame(), ["bridge", "reserves", "--data", two.a.folder.path, "--json"])
        #expect(reserves.status == 1, "the command line says it with its exit code")
        let together = try await Finished.run(
          Binary.frame(), ["audit", "--offline", "--data", two.a.folder.path, "--with", two.b.folder.path])
        #expect(together.status == 1 && together.output.contains("unbacked"), "\(together.output)")
        try await prometheus.stop()
      }
    }

    @Test(
      "a peer that serves keys nobody vouched for brings FramePeerFingerprintMismatch to firing",
      .timeLimit(.minutes(2)))
    func fingerprintMismatch() async throws {
      try await TwoFrames.run([(nil, "bundle_refresh_seconds", "1")]) { two in
        let prometheus = try await Prometheus(two, patience: "2s")
        try await prometheus.expectTargetsUp()
        #expect(try await prometheus.query("frame_peer_bundle_fingerprint_match") == [1, 1])
        let pinned = try await two.a.command("peer", "show", two.b.name)["fingerprint"].string
        try await two.b.stop()
        try Plant.foreignAuthority(at: two.b)
        try await two.b.start()
        try await prometheus.expectFiring("FramePeerFingerprintMismatch", peer: two.b.name)
        let peer = try await two.a.command("peer", "show", two.b.name)
        #expect(peer["fingerprint"].string == pinned, "the pin is kept")
        let observed = try await two.b.get("/api/v1/frame")["bundle_fingerprint"].string
        #expect(peer["observed_fingerprint"].string == observed)
        #expect(observed != pinned)
        try await prometheus.stop()
      }
    }

    @Test(
      "clients that ask for names nobody has, and a licence that runs out soon, bring their alerts to firing",
      .timeLimit(.minutes(2)))
    func unknownNames() async throws {
      try await TwoFrames.run { two in
        let prometheus = try await Prometheus(two, patience: "2s")
        try await prometheus.expectTargetsUp()
        try await two.a.command("operator", "add", "acme", "--days", "1")
        try await prometheus.expectFiring("FrameOperatorLicenceNearExpiry", with: ["operator": "acme"])
        try await two.a.command("operator", "renew", "acme")
        let clients = """
          for i in $(seq 150); do
            /usr/bin/openssl s_client -connect 127.0.0.1:\(two.a.ports[4]) -servername nobody.example </dev/null
          done
          true
          """
        let asked = try await Finished.run("/bin/sh", ["-c", clients], within: .seconds(60))
        #expect(asked.status == 0)
        try await prometheus.expectFiring("FrameSNIUnknownNameBurst", with: ["instance": two.a.opsTarget])
        let firing = try await prometheus.alerts().filter { $0.state == "firing" }
        #expect(!firing.contains { $0.name == "FrameSNIUnknownNameBurst" && $0.labels["instance"] == two.b.opsTarget })
        try await prometheus.stop()
      }
    }
  }
}
