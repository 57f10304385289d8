package import FrameCore
package import FrameEvents
package import FrameProtos

/// How the settlement's shells reach the one writer.
package typealias SettlementWriter = RoomWriter<SettlementState, SettlementCommand>

extension RoomWriter where State == SettlementState, Command == SettlementCommand {
  /// For commands that the node derives from facts.
  func submit<View: Sendable>(
    derived command: SettlementCommand, actor: SPIFFEID, then view: @escaping @Sendable (SettlementState) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await submit(command, actor: actor, key: IdempotencyKey(derived: command.derivedKey ?? ""), then: view)
  }
}

/// What an established peer may ask of this frame as a destination of 2pc transfers.
package struct SettlementServer: Sendable {
  private let writer: any SettlementWriter
  private let log: any OwnLog
  private let metrics: SettlementMetrics

  package init(writer: any SettlementWriter, log: any OwnLog, metrics: SettlementMetrics) {
    self.writer = writer
    self.log = log
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
    if let known = try await writer.read({ $0.decision(transferID, from: peer) }) { return known }
    return try await decide(.refuseUnknown(transferID: transferID, peer: peer, log: log), transferID, peer)
  }

  /// - Parameter terms: what the answer must be about; nil for a question.
  private func decide(
    _ command: SettlementCommand, _ id: String, _ peer: FrameID, _ terms: TransferTerms? = nil
  ) async throws -> PBTransferDecision {
    let (committed, known) = try await writer.submit(derived: command, actor: .node(of: peer)) {
      $0.decision(id, from: peer)
    }
    if !committed.replayed { metrics.count(committed.events) }
    if let decision = committed.events.first.flatMap(SettlementState.decision(in:)) ?? known { return decision }
    // Refused before: the log has it, no memory does.
    guard let refusal = try await log.lastWord(about: SettlementState.subject(id, from: peer.name)),
      let decision = SettlementState.decision(in: refusal)
    else { throw SettlementError.unknownTransfer(id) }
    if let terms, let refused = SettlementState.refusedTerms(in: refusal.event), refused != terms {
      throw SettlementError.transferConflict(id)
    }
    return decision
  }
}
