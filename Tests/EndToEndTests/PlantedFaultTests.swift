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
  }
}
