package import FrameCore
package import FrameTreaty
package import FrameLedger
package import FrameEvents
package import FrameProjection
internal import FrameProtos
internal import Foundation

extension SettlementState {
  /// 2pc at the destination: the decision that the origin's commit or abort follows.
  func credit(
    _ message: PBTransferTerms, from peer: FrameID, _ ledger: LedgerState, _ federation: FederationState,
    _ context: DecisionContext
  ) throws -> [EventDraft] {
    let treaty = try federation.requireEstablished(peer)
    guard message.origin == peer.name else {
      throw SettlementError.wrongOrigin(named: message.origin, caller: peer)
    }
    guard message.destination == frame.name else {
      throw SettlementError.notAddressedHere(named: message.destination)
    }
    guard TransferTerms.isTransferID(message.transferID) else {
      throw SettlementError.invalidTransferID(message.transferID)
    }
    if let known = incoming(message.transferID, from: peer) {
      // Answered with the decision on record.
      guard known.terms == nil || known.terms == (try? TransferTerms(message)) else {
        throw SettlementError.transferConflict(message.transferID)
      }
      return []
    }
    // Refused before, for good, perhaps before it arrived.
    if context.lastWord != nil { return [] }
    // From here on every answer is a decision, and a decision is durable: a refusal that is only told would not stop the
    // same credit from arriving once more when it could be made.
    let terms: TransferTerms
    do { terms = try TransferTerms(message) } catch {
      return [Self.refused(message.transferID, from: peer, terms: nil, reason: Self.code(of: error))]
    }
    do {
      let credited = try checkCredit(terms, treaty, ledger)
      var payload = PBCrossRegistryTransferCredited()
      payload.terms = terms.message
      payload.creditedAmount = credited
      return [
        EventDraft(
          .crossRegistryTransferCredited(payload),
          postings: Postings.move(credited, from: .clearing(peer), to: .liquid(terms.to)))
      ]
    } catch {
      return [Self.refused(terms.id, from: peer, terms: terms, reason: Self.code(of: error))]
    }
  }

  /// What must hold before a peer's transfer is credited, whatever the backend (CONFORMANCE B7, B16, B17, B18).
  /// - Returns: minor units of our native asset.
  private func checkCredit(_ terms: TransferTerms, _ treaty: Treaty, _ ledger: LedgerState) throws -> Int64 {
    let theirs = try Asset(treaty.theirs.native)
    guard terms.asset == theirs else {
      throw SettlementError.wrongAsset(named: terms.asset.description, expected: theirs.description)
    }
    guard ledger.agentExists(terms.to) else { throw SettlementError.unknownAgent(terms.to) }
    let credited = try Self.credited(terms, in: ledger.native)
    // What we sent and the peer has not settled may come back to us: it is no room for the peer to be credited in.
    let clearing =
      Int128(ledger.balance(.clearing(treaty.peer))) - Int128(unsettled[treaty.peer] ?? 0) - Int128(credited)
    guard clearing >= -Int128(max(0, treaty.terms.netDebitCap)) else {
      throw SettlementError.netDebitCap(
        peer: treaty.peer, cap: treaty.terms.netDebitCap, wouldBe: Int64(clamping: -clearing),
        of: ledger.native)
    }
    guard !ledger.balance(.liquid(terms.to)).addingReportingOverflow(credited).overflow else {
      throw SettlementError.amountOverflow(credited, of: ledger.native)
    }
    return credited
  }

  /// What this room makes of an event of a peer's stream. Total: whatever is in it, the cursor moves on.
  package func react(
    to recorded: RecordedEvent, from peer: FrameID, ledger: LedgerState, federation: FederationState,
    _ context: DecisionContext
  ) -> ReactorOutcome {
    switch recorded.event.payload {
    case .crossFrameTransferInitiated(let p): reactInitiated(p.terms, from: peer, ledger, federation, context)
    case .crossFrameTransferSettled(let p): reactSettled(p, from: peer)
    case .crossFrameTransferRefused(let p): reactRefused(p, from: peer)
    default: .none
    }
  }

  /// async at the destination: credit once, or refuse, and either goes back by SF-4.
  private func reactInitiated(
    _ message: PBTransferTerms, from peer: FrameID, _ ledger: LedgerState, _ federation: FederationState,
    _ context: DecisionContext
  ) -> ReactorOutcome {
    guard let treaty = federation.treaty(peer), treaty.state == .established else {
      return .rejected("not_established")
    }
    guard message.origin == peer.name else { return .rejected("wrong_origin") }
    guard message.destination == frame.name else { return .rejected("not_addressed_here") }
    guard TransferTerms.isTransferID(message.transferID) else { return .rejected("invalid_transfer_id") }
    guard incoming(message.transferID, from: peer) == nil, context.lastWord == nil else {
      return .rejected("transfer_conflict")
    }
    do {
      let terms = try TransferTerms(message)
      let credited = try checkCredit(terms, treaty, ledger)
      var payload = PBCrossFrameTransferSettled()
      payload.terms = terms.message
      payload.creditedAmount = credited
      return ReactorOutcome(drafts: [
        EventDraft(
          .crossFrameTransferSettled(payload),
          postings: Postings.move(credited, from: .clearing(peer), to: .liquid(terms.to)))
      ])
    } catch {
      // The peer's own terms go back to it, if they are of a size that any terms have.
      guard let bytes: Data = try? message.serializedBytes(), bytes.count <= SettlementLimits.echoedTermsBytesMax else {
        return .rejected("terms_too_large")
      }
      var payload = PBCrossFrameTransferRefused()
      payload.terms = message
      payload.reason = Self.code(of: error)
      return ReactorOutcome(drafts: [EventDraft(.crossFrameTransferRefused(payload))])
    }
  }

  /// async at the origin: the destination credited.
  private func reactSettled(_ settled: PBCrossFrameTransferSettled, from peer: FrameID) -> ReactorOutcome {
    switch awaited(settled.terms, from: peer) {
    case .failure(let code): return .rejected(code.text)
    case .success(let transfer):
      guard settled.creditedAmount == transfer.creditedAmount else { return .rejected("credited_amount_mismatch") }
      var payload = PBCrossFrameTransferSettled()
      payload.terms = settled.terms
      payload.creditedAmount = settled.creditedAmount
      return ReactorOutcome(drafts: [EventDraft(.crossFrameTransferSettled(payload))])
    }
  }

  /// async at the origin: the destination refused; the sender, and nobody else, is paid back, once (CONFORMANCE B6).
  private func reactRefused(_ refused: PBCrossFrameTransferRefused, from peer: FrameID) -> ReactorOutcome {
    switch awaited(refused.terms, from: peer) {
    case .failure(let code): return .rejected(code.text)
    case .success(let transfer):
      guard let terms = transfer.terms else { return .rejected("unknown_transfer") }
      var payload = PBCrossFrameTransferCompensated()
      payload.terms = terms.message
      payload.reason = Self.bounded(refused.reason)
      return ReactorOutcome(drafts: [
        EventDraft(
          .crossFrameTransferCompensated(payload),
          postings: Postings.move(terms.amount.minorUnits, from: .clearing(peer), to: .liquid(terms.from)))
      ])
    }
  }

  private struct RejectionCode: Error {
    let text: String
  }

  /// The async transfer that an outcome is about, if it is one we wait for, with the terms we sent.
  private func awaited(_ message: PBTransferTerms, from peer: FrameID) -> Result<Transfer, RejectionCode> {
    guard message.destination == peer.name else { return .failure(RejectionCode(text: "wrong_destination")) }
    guard let transfer = outgoing(message.transferID), transfer.peer == peer, transfer.backend == .async else {
      return .failure(RejectionCode(text: "unknown_transfer"))
    }
    guard transfer.phase == .initiated else { return .failure(RejectionCode(text: "already_decided")) }
    guard open[peer]?.contains(transfer.id) == true else { return .failure(RejectionCode(text: "of_former_log")) }
    guard let terms = transfer.terms, terms == (try? TransferTerms(message)) else {
      return .failure(RejectionCode(text: "transfer_conflict"))
    }
    return .success(transfer)
  }

  static func code(of error: any Error) -> String { (error as? any FrameError)?.code ?? "internal" }
}
