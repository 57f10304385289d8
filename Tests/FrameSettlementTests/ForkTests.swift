import Crypto
import FrameCore
import FrameEvents
import FrameSettlement
import Testing

@Suite("Peers whose logs fork or go back")
struct ForkTests {
  /// Two logs of one frame, under one key: the history it shows first, and another one.
  private struct Twins {
    let first: LoopbackNode
    let second: LoopbackNode
    let b: LoopbackNode

    init() async throws {
      let key = Curve25519.Signing.PrivateKey()
      first = try LoopbackNode("frame-a.example", code: "AVT", key: key)
      second = try LoopbackNode("frame-a.example", code: "AVT", key: key)
      b = try LoopbackNode("frame-b.example", code: "BVT")
      try await first.found(peers: [b])
      try await second.found(peers: [b])
      try await b.found(peers: [first])
    }

    func watch(_ a: LoopbackNode, _ checkpoint: SignedCheckpoint) async throws {
      _ = try await b.watch(LoopbackPeers(from: b, to: a)).read(
        checkpoint.note, of: a.frame, key: a.signer.verifierKey)
    }

    func close() async {
      for node in [first, second, b] { await node.close() }
    }
  }

  @Test("B19: another history of the same size, or a longer one, is found out and reported with both notes")
  func fork() async throws {
    let twins = try await Twins()
    try await twins.watch(twins.first, twins.first.checkpoint())
    try await twins.watch(twins.first, twins.first.checkpoint())
    #expect(twins.b.frauds.withLock { $0.count } == 0)
    await #expect {
      try await twins.watch(twins.second, twins.second.checkpoint())
    } throws: { ($0 as? WitnessError)?.code == "equivocation" }
    _ = try await twins.second.writer.submit(
      CommandEnvelope(
        .ledger(.issue(Amount(minorUnits: 1), memo: "")), actor: .authority(of: twins.second.frame),
        derivedKey: "more"))
    await #expect {
      try await twins.watch(twins.second, twins.second.checkpoint())
    } throws: { ($0 as? WitnessError)?.code == "equivocation" }
    let proofs = twins.b.frauds.withLock { $0.map { $0.proof } }
    #expect(proofs.map(\.kind) == [.sameSize, .inconsistent])
    for proof in proofs { _ = try proof.verify(key: twins.first.signer.verifierKey) }
    await twins.close()
  }

  @Test("B20: a log that no longer has what was witnessed is refused, and is no fraud")
  func rollback() async throws {
    let twins = try await Twins()
    let early = try await twins.second.checkpoint()
    for index in 0..<3 {
      _ = try await twins.second.writer.submit(
        CommandEnvelope(
          .ledger(.issue(Amount(minorUnits: 1), memo: "")), actor: .authority(of: twins.second.frame),
          derivedKey: "more/\(index)"))
    }
    try await twins.watch(twins.second, twins.second.checkpoint())
    // What was signed before is still good, while the log can prove that it is part of what came after.
    try await twins.watch(twins.second, early)
    // The shorter log cannot.
    await #expect {
      try await twins.watch(twins.first, twins.first.checkpoint())
    } throws: { error in
      guard case WitnessError.wentBack(_, let seen, let now) = error else { return false }
      return seen == now + 3
    }
    #expect(twins.b.frauds.withLock { $0.count } == 0)
    await twins.close()
  }
}
