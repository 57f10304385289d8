import FrameCanary
import FrameCore
import FrameLedger
import FrameNodeState
import FrameProtos

/// What the node lends its canary: an agent, a little money within a cap, a token, and the list of peers.
struct CanaryLender: Sendable {
  let node: NodeCore

  private func agent() throws -> AgentName { try AgentName(CanaryConfiguration.agent) }

  /// Peers with an established treaty, and the scale of their currency.
  func peers() async throws -> [CanaryPeer] {
    let federation = try await node.writer.read { $0.federation }
    return federation.establishedPeers.compactMap { peer in
      guard let treaty = federation.treaty(peer), let asset = try? Asset(treaty.theirs.native) else { return nil }
      return CanaryPeer(
        frame: peer, scale: asset.scale,
        backends: treaty.sends(.crossFrameTransferInitiated) ? CanaryBackend.allCases : [.twoPhase])
    }
  }

  /// Registers the agent when it is missing and tops it up to its float when it holds less than `minimum`.
  /// - Throws: `LedgerError.insufficientFunds` when the treasury cannot.
  func ensureFunds(_ minimum: Amount) async throws {
    let agent = try agent()
    try await ensureAgent()
    let balance = try await node.writer.read { $0.ledger.balance(.liquid(agent)) }
    guard balance < minimum.minorUnits else { return }
    let target = max(minimum, node.configuration.canary.float)
    _ = try await node.submit(
      .ledger(
        .transfer(
          from: nil, to: agent, amount: Amount(minorUnits: target.minorUnits - balance), memo: "canary float")),
      actor: .authority(of: node.frame), key: node.freshKey("canary/float"))
  }

  func ensureAgent() async throws {
    let agent = try agent()
    guard try await !node.writer.read({ $0.ledger.agentExists(agent) }) else { return }
    do {
      _ = try await node.submit(
        .ledger(.registerAgent(agent, purpose: CanaryConfiguration.agent)), actor: .node(of: node.frame),
        key: node.freshKey("canary/agent"))
    } catch LedgerError.agentExists {
      // Someone else was faster; what is wanted is there.
    }
  }

  /// By the keys in the data folder, whoever the frame's authority is: only this node's own API reads it.
  func token() async throws -> String {
    try await node.authority.issueJWTSVID(
      for: .agent(agent(), of: node.frame), audience: [SPIFFEID.api(of: node.frame).description]
    ).token
  }
}
