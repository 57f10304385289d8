import Testing

/// What people and canaries do with two federated frames.
extension TwoFrames {
  /// Sends 2.50 and waits for its end on both sides.
  func transfer(_ from: TestFrame, _ to: TestFrame, _ backend: String) async throws {
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
  func bridgeCycle() async throws {
    let lock = try await a.command(
      "bridge", "lock", "--from", "alice", "--to", "bob@\(b.name)", "--amount", "40.00")
    let lockID = try #require(lock["lock_id"].string)
    try await Wait.polling.until("the wrapped tokens being issued") {
      try await a.command("bridge", "show", lockID)["state"].string == "issued"
    }
    #expect(try await b.balance("bob", kind: "wrapped", asset: "AVT@\(a.name)") == 40_00)
    let reserve = try await a.command("bridge", "reserves")["reserves"].array.first
    #expect(reserve?["reserve"].string == "40.00")
    #expect(reserve?["outstanding"].string == "40.00")
    #expect(reserve?["imbalance"].string == "0.00")
    #expect(try await a.audit()["supply"]["locked_for_bridge"][b.name].string == "40.00")

    let redeem = try await b.command(
      "bridge", "redeem", "--from", "bob", "--origin", a.name, "--to", "alice@\(a.name)", "--amount", "40.00")
    let redeemID = try #require(redeem["redeem_id"].string)
    try await Wait.polling.until("the tokens being unlocked") {
      try await b.command("bridge", "show", redeemID, "--redeem")["state"].string == "unlocked"
    }
    #expect(try await b.balance("bob", kind: "wrapped", asset: "AVT@\(a.name)") == 0)
  }

  /// Waits until both canaries have succeeded over both backends.
  func canaryRound() async throws {
    for (frame, peer) in [(a, b), (b, a)] {
      try await Wait.polling.until("the canary of \(frame.name) succeeding", within: .seconds(75)) {
        let metrics = try await frame.metrics()
        return ["async", "2pc"].allSatisfy { backend in
          let labels = ["peer": peer.name, "backend": backend]
          return (metrics.value("frame_canary_last_success_timestamp_seconds", labels) ?? 0) > 0
        }
      }
    }
  }
}
