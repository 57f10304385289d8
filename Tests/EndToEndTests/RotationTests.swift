import Testing

extension EndToEnd {
  @Suite("Rotation of the authorities")
  struct RotationTests {
    @Test(
      "S8, S16: both frames replace their X.509 authority and their JWT key under load: no request fails, nothing is lost",
      .timeLimit(.minutes(6)))
    func underLoad() async throws {
      try await TwoFrames.run([(nil, "bundle_refresh_seconds", "1"), ("canary", "interval_seconds", "3600")]) { two in
        let load = Load(two)
        try await load.flows()
        for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
          for kind in ["x509", "jwt"] { try await replace(kind, of: frame, seenBy: peer, load) }
        }
        try await load.flows(5)
        await load.stop()
        #expect(load.failures.isEmpty, "\(load.failures)")
        #expect(load.total > 100)
        try await two.settle()
        try await load.expectCompleted()
        try await expectExactMoney(two, load)
        try await two.expectSound()
        for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
          try await expectOneKey(frame, seenBy: peer)
          try await expectNoFailures(frame, peer)
        }
      }
    }

    /// Prepare, activate, taint, revoke; the peer has looked at the bundle after each step.
    private func replace(_ kind: String, of frame: TestFrame, seenBy peer: TestFrame, _ load: Load) async throws {
      let early = try await frame.token()
      let old = try #require(try await frame.command("authority", "show")[kind]["keys"].array.first?["id"].string)
      try await step(frame, peer) { try await frame.command("authority", "prepare", "--kind", kind) }
      try await load.flows()
      let own = try await moves(frame, to: peer)
      try await step(frame, peer) { try await frame.command("authority", "activate", "--kind", kind, "--force") }
      if kind == "x509" {
        try await Wait.polling.until("\(frame.name) showing its new SVID to \(peer.name)") {
          try await moves(frame, to: peer) > own
        }
      }
      try await load.flows()
      try await step(frame, peer) { try await frame.command("authority", "taint", "--kind", kind, "--id", old) }
      try await step(frame, peer, moving: kind == "jwt") {
        try await frame.command("authority", "revoke", "--kind", kind, "--id", old)
      }
      try await load.flows()
      if kind == "jwt" {
        // That it has an effect: what the old key signed counts no more.
        #expect(try await HTTP.get(frame.api + "/api/v1/peers", token: early).status == 401)
      }
    }

    /// One step, until the peer has pinned the bundle of after it and, if it should, left the connection of before it.
    private func step(
      _ frame: TestFrame, _ peer: TestFrame, moving: Bool = true, _ body: () async throws -> Void
    ) async throws {
      let before = try await moves(peer, to: frame)
      try await body()
      let sequence = try await frame.command("authority", "show")["sequence"].number
      try await Wait.polling.until("\(peer.name) pinning the bundle of \(frame.name)") {
        let pinned = try await peer.metrics().value("frame_peer_bundle_sequence", ["peer": frame.name])
        guard pinned == sequence else { return false }
        let now = try await moves(peer, to: frame)
        return !moving || now > before
      }
    }

    private func moves(_ frame: TestFrame, to peer: TestFrame) async throws -> Double {
      try await frame.metrics().value("frame_peer_channel_moves_total", ["peer": peer.name, "result": "done"]) ?? 0
    }

    /// Everyone has what the completed transfers say: nothing was paid twice or lost.
    private func expectExactMoney(_ two: TwoFrames, _ load: Load) async throws {
      func sent(_ frame: TestFrame) -> Int64 {
        Int64([.async, .twoPhase].reduce(0) { $0 + load.done(.init(from: frame.name, kind: $1)) })
      }
      for (frame, peer) in [(two.a, two.b), (two.b, two.a)] {
        #expect(
          try await frame.balance(frame.person) == TwoFrames.allowance - sent(frame) + sent(peer), "\(frame.person)")
      }
    }

    private func expectOneKey(_ frame: TestFrame, seenBy peer: TestFrame) async throws {
      let shown = try await frame.command("authority", "show")
      for kind in ["x509", "jwt"] {
        #expect(shown[kind]["keys"].array.map { $0["state"].string } == ["active"], "\(frame.name), \(kind)")
      }
      let pinned = try await peer.get("/api/v1/peers/\(frame.name)")
      #expect(pinned["fingerprint"].string == shown["fingerprint"].string)
      let metrics = try await peer.metrics()
      #expect(metrics.value("frame_peer_bundle_fingerprint_match", ["peer": frame.name]) == 1)
      #expect(metrics.value("frame_peer_connections", ["peer": frame.name]) == 1)
    }

    /// Nothing that counts a failure between the two has counted one.
    private func expectNoFailures(_ frame: TestFrame, _ peer: TestFrame) async throws {
      let metrics = try await frame.metrics()
      for name in [
        "frame_peer_mtls_failures_total", "frame_peer_bundle_refresh_failures_total", "frame_peer_bundle_reports_total",
        "frame_transfer_unanswered_calls_total", "frame_projection_rejected_events_total",
        "frame_projection_stream_failures_total", "frame_svid_renewal_failures_total", "frame_canary_failures_total",
        "frame_authority_rotation_failures_total", "frame_authority_unlogged_changes",
      ] {
        let counted = metrics.all(name).filter { $0.value > 0 }
        #expect(counted.isEmpty, "\(name) at \(frame.name): \(counted)")
      }
      for name in ["frame_peer_handshakes_total", "frame_peer_channel_moves_total", "frame_transfers_total"] {
        let failed = metrics.all(name).filter { series in
          ["refused", "failed"].contains { series.labels.contains("result=\"\($0)\"") } && series.value > 0
        }
        #expect(failed.isEmpty, "\(name) at \(frame.name): \(failed)")
      }
      for name in ["frame_peer_rpc_total", "frame_peer_served_rpc_total"] {
        // A stream that goes over to another connection is ended there, and that is all that may end a call.
        let failed = metrics.all(name).filter { series in
          !series.labels.contains("code=\"ok\"") && series.value > 0
            && !(series.labels.contains("method=\"Subscribe\"")
              && ["peer_moved", "cancelled"].contains { series.labels.contains("code=\"\($0)\"") })
        }
        #expect(failed.isEmpty, "\(name) at \(frame.name): \(failed)")
      }
      let refused = metrics.all("frame_http_requests_total").filter { series in
        ["4", "5"].contains { series.labels.contains("code=\"\($0)") } && series.value > 0
          && !series.labels.contains("route=\"/api/v1/peers\"")
      }
      // The peer is asked for before it has arrived when the treaty is made.
      #expect(refused.allSatisfy { $0.labels.contains("/api/v1/peers/") }, "\(frame.name): \(refused)")
      #expect((metrics.value("frame_svid_rotations_total", ["kind": "x509"]) ?? 0) >= 2)
      #expect(metrics.value("frame_authority_changes_total", ["kind": "x509", "action": "revoked"]) == 1)
      #expect(metrics.value("frame_authority_changes_total", ["kind": "jwt", "action": "revoked"]) == 1)
    }
  }
}
