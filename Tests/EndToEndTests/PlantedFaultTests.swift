import Testing

extension EndToEnd {
  @Suite("Planted faults")
  struct PlantedFaultTests {
    @Test("wrapped tokens that no lock stands behind bring FrameBridgeImbalance to firing", .timeLimit(.minutes(5)))
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
        #expect(
          together.status == 1 && together.output.contains("unbacked")
            && together.output.contains(" AVT@\(two.a.name) of \(two.a.name) is "),
          "\(together.output)")
        try await prometheus.stop()
      }
    }

    @Test(
      "B22: money from nothing freezes the mint and pages; peers wait, and all goes on once the authority has cleared it",
      .timeLimit(.minutes(5)))
    func supplyDrift() async throws {
      try await TwoFrames.run([(nil, "audit_interval_seconds", "1")]) { two in
        let prometheus = try await Prometheus(two, patience: "1s")
        try await prometheus.expectTargetsUp()
        try await two.b.stop()
        try await Plant.moneyFromNothing(at: two.b, to: "bob", units: 7_00)
        try await two.b.start()
        try await Wait.polling.until("the mint of \(two.b.name) freezing") {
          try await two.b.metrics().value("frame_supply_frozen") == 1
        }
        try await Wait.polling.until("FrameSupplyFrozen firing", within: .seconds(45)) {
          try await prometheus.alerts().contains {
            $0.name == "FrameSupplyFrozen" && $0.state == "firing" && $0.labels["instance"] == two.b.opsTarget
          }
        }
        let refused = try await two.b.post("/api/v1/issue", ["amount": "1.00"], key: "frozen")
        #expect(refused.status == 422 && refused.text.contains("supply_frozen"), "\(refused.text)")
        // Money that exists goes on moving, and a lock of the peer waits without anybody being stuck.
        try await two.transfer(two.b, two.a, "2pc")
        let lock = try await two.a.command(
          "bridge", "lock", "--from", "alice", "--to", "bob@\(two.b.name)", "--amount", "4.00")
        let id = try #require(lock["lock_id"].string)
        try await two.transfer(two.a, two.b, "async")
        #expect(try await two.a.command("bridge", "show", id)["state"].string == "locked")
        let audit = try await Finished.run(
          Binary.frame(), ["audit", "--full", "--data", two.b.folder.path])
        #expect(audit.status == 1)
        for part in ["NOT CLEAN", "-7.00", "supply_delta", "issuing frozen", "unbalanced_event"] {
          #expect(audit.output.contains(part), "\(part): \(audit.output)")
        }
        let early = try await Finished.run(
          Binary.frame(), ["audit", "clear", "--note", "x", "--data", two.b.folder.path])
        #expect(early.status > 1 && early.errors.contains("audit_not_clean"), "\(early.errors)")
        let clear = ["audit", "clear", "--note", "planted by a test", "--accept-findings", "2"]
        let cleared = try await Finished.run(Binary.frame(), clear + ["--data", two.b.folder.path])
        #expect(cleared.status == 0, "\(cleared.errors)")
        #expect(
          cleared.output.contains("NOT CLEAN") && cleared.output.contains("Issuing goes on."), "\(cleared.output)")
        #expect(try await two.b.post("/api/v1/issue", ["amount": "1.00"], key: "frozen").status == 200)
        try await Wait.polling.until("the lock being issued", within: .seconds(45)) {
          try await two.a.command("bridge", "show", id)["state"].string == "issued"
        }
        try await prometheus.stop()
      }
    }

    @Test(
      "a peer that serves keys nobody vouched for brings FramePeerFingerprintMismatch to firing",
      .timeLimit(.minutes(5)))
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
        let named = try await two.a.command("peer", "repin", two.b.name, "--fingerprint", try #require(observed))
        #expect(named["fingerprint"].string == observed)
        try await Wait.polling.until("expected and observed matching again") {
          try await two.a.metrics().value("frame_peer_bundle_fingerprint_match", ["peer": two.b.name]) == 1
        }
        // The rebuilt peer still holds the old pin of A, so the channel works in both directions.
        try await Wait.polling.until("a transfer after the repin") {
          let paid = try await two.a.post(
            "/teg/cross-registry-transfer?backend=2pc",
            ["from": "alice", "to": "bob@\(two.b.name)", "amount": "1.00"], key: "after-repin")
          guard let id = try paid.json()["transfer_id"].string else { return false }
          return try await two.a.get("/teg/cross-registry-transfer/\(id)")["state"].string == "completed"
        }
        try await two.b.command("peer", "revoke", two.a.name, "--reason", "enough")
        try await prometheus.expectFiring("FramePeerTreatyRevoked", peer: two.b.name)
        try await prometheus.stop()
      }
    }

    @Test(
      "clients that ask for names nobody has, and a licence that runs out soon, bring their alerts to firing",
      .timeLimit(.minutes(5)))
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
