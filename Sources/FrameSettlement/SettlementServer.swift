package import FrameCore
package import FrameLog
package import FramePeerAPI
package import FrameProtos

/// What an established peer may ask of this frame as a destination of 2pc transfers.
package struct SettlementServer: Sendable {
  private let port: any SettlementPort
  private let metrics: SettlementMetrics

  package init(port: any SettlementPort, metrics: SettlementMetrics) {
    self.port = port
    self.metrics = metrics
  }

  /// Credits or refuses, once and for good; the answer is durable before it is given (CONFORMANCE B3).
  /// - Parameter peer: the caller as its SVID names it.
  /// - Throws: when there is no decision: the message is not the caller's to send, or contradicts one already decided.
  /// - Parameter log: of the caller, by its treaty: what another log of the same frame asked says nothing of this one.
  package func credit(
    _ terms: PBTransferTerms, from peer: FrameID, log: PeerLog? = nil
  ) async throws -> PBTransferDecision {
    let command = SettlementCommand.credit(terms, peer: peer, log: log)
    do {
      return try await decide(command, terms.transferID, peer, try? TransferTerms(terms))
    } catch let error as LogError {
      guard case .idempotencyConflict = error else { throw error }
      throw SettlementError.transferConflict(terms.transferID)
    }
  }

  /// What was decided; a transfer never seen is refused first, so that a credit that comes later cannot pass.
  package func resolve(
    transferID: String, from peer: FrameID, log: PeerLog? = nil
  ) async throws -> PBTransferDecision {
    if let known = try await decision(transferID, peer) { return known }
    return try await decide(.refuseUnknown(transferID: transferID, peer: peer, log: log), transferID, peer)
  }

  /// - Parameter terms: what the answer must be about; nil for a question.
  private func decide(
    _ command: SettlementCommand, _ id: String, _ peer: FrameID, _ terms: TransferTerms? = nil
  ) async throws -> PBTransferDecision {
    let committed = try await port.submit(derived: command, actor: .node(of: peer))
    if !committed.replayed { metrics.count(committed.events) }
    if let decision = committed.events.first.flatMap(SettlementState.decision(in:)) { return decision }
    if let decision = try await decision(id, peer) { return decision }
    // Refused before: the log has it, no memory does.
    guard let refusal = try await port.lastWord(about: SettlementState.subject(id, from: peer.name)),
      let decision = SettlementState.decision(in: refusal)
    else { throw SettlementError.unknownTransfer(id) }
    if let terms, let refused = SettlementState.refusedTerms(in: refusal.event), refused != terms {
      throw SettlementError.transferConflict(id)
    }
    return decision
  }

  private func decision(_ id: String, _ peer: FrameID) async throws -> PBTransferDecision? {
    try await port.settlement { $0.decision(id, from: peer) }
  }
}
