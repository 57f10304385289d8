package import FrameCore
package import FrameEvents
package import FrameProtos
internal import FrameLedger

/// What was under way towards a log when its frame came back with another (decision 0034). The new log knows nothing of it and is not asked.
package struct FormerTransfers: Sendable, Equatable {
  /// Transfers without an outcome.
  package internal(set) var open: Set<String>
  /// Minor units of our asset that the async ones among them sent.
  package internal(set) var unsettled: Int64
  /// What stood on the clearing account, those included.
  package internal(set) var clearing: Int64
  /// Operators have decided: what is open is given back.
  package internal(set) var isDecided = false
}

extension SettlementState {
  /// Why a transfer was given back whose destination has lost its log.
  package static let logLost = "peer_log_replaced"

  /// What stands towards a peer's present log.
  package func standing(with peer: FrameID) -> PBFormerLogFigures {
    figures(
      FormerTransfers(open: open[peer] ?? [], unsettled: unsettled[peer] ?? 0, clearing: clearing[peer] ?? 0))
  }

  /// What stands towards a former log.
  package func standing(of log: PeerLog) -> PBFormerLogFigures {
    former[log].map(figures) ?? PBFormerLogFigures()
  }

  private func figures(_ transfers: FormerTransfers) -> PBFormerLogFigures {
    var figures = PBFormerLogFigures()
    figures.sent = transfers.unsettled
    figures.clearing = transfers.clearing &- transfers.unsettled
    figures.transfers = UInt64(transfers.open.count)
    // Of many senders: each has room for what it holds, all of them together need not.
    let held = transfers.open.reduce(Int128(0)) { sum, id in
      guard let transfer = outgoing(id), transfer.backend == .twoPhase else { return sum }
      return sum + Int128(transfer.terms?.amount.minorUnits ?? 0)
    }
    figures.held = Int64(clamping: held)
    return figures
  }

  /// Outgoing transfers to a former log without an outcome, oldest first.
  package func openTransfers(of log: PeerLog) -> [Transfer] {
    (former[log]?.open ?? []).compactMap { outgoing($0) }.sorted { $0.openPosition < $1.openPosition }
  }

  /// What is to be given back now: it was decided about.
  package var toGiveBack: [(log: PeerLog, id: String)] {
    former.filter(\.value.isDecided).flatMap { log, transfers in transfers.open.map { (log: log, id: $0) } }
      .sorted { ($0.log, $0.id) < ($1.log, $1.id) }
  }

  /// Whether an outgoing transfer waits for an outcome of its peer's present log.
  func isPresent(_ id: String, _ peer: FrameID) -> Bool { open[peer]?.contains(id) == true }

  /// - Throws: ``SettlementError/ofFormerLog(_:)`` when the transfer is not with the peer's present log.
  func requirePresent(_ id: String, _ peer: FrameID) throws(SettlementError) {
    guard isPresent(id, peer) else { throw .ofFormerLog(id) }
  }

  /// The money goes back to the sender: whether or not the lost log had credited it, its heir has not, and will not.
  func giveBack(_ id: String, _ log: PeerLog) throws -> [EventDraft] {
    guard let transfer = outgoing(id), transfer.peer == log.frame, let terms = transfer.terms else {
      throw SettlementError.unknownTransfer(id)
    }
    guard transfer.phase.isOpen else { return [] }
    guard let former = former[log], former.isDecided, former.open.contains(id) else {
      throw SettlementError.ofFormerLog(id)
    }
    switch transfer.backend {
    case .twoPhase:
      var payload = PBCrossRegistryTransferAborted()
      payload.terms = terms.message
      payload.reason = Self.logLost
      return [
        EventDraft(
          .crossRegistryTransferAborted(payload),
          postings: Postings.move(terms.amount.minorUnits, from: .held(terms.from), to: .liquid(terms.from)))
      ]
    case .async:
      var payload = PBCrossFrameTransferCompensated()
      payload.terms = terms.message
      payload.reason = Self.logLost
      payload.formerLog = log.name
      return [
        EventDraft(
          .crossFrameTransferCompensated(payload),
          postings: Postings.move(terms.amount.minorUnits, from: .clearing(of: log), to: .liquid(terms.from)))
      ]
    }
  }
}

extension FormerTransfers: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(open)
    output.write(unsettled)
    output.write(clearing)
    output.write(isDecided)
  }

  package init(from input: inout SnapshotInput) throws {
    open = try input.read()
    unsettled = try input.read()
    clearing = try input.read()
    isDecided = try input.read()
  }
}
