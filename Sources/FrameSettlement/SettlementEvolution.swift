internal import FrameCore
package import FrameEvents
internal import FrameProtos

extension SettlementState {
  /// Applies a recorded event; events of other rooms change nothing. Total: what is in the log has happened.
  package mutating func evolve(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .frameFederationEstablished(let p):
      guard let peer = try? FrameID(p.peer), let native = try? Asset(p.theirs.native) else { return }
      learn(native, of: peer, PeerLog(peer, key: p.theirs.logVerifierKey))
    case .formerLogAnswered(let p):
      if p.accepted, let peer = try? FrameID(p.peer) { clear(p.clearing, peer) }
    case .formerLogDecided(let p):
      guard let log = PeerLog(name: p.log) else { return }
      decideFormer(log)
      if p.outcome == .recognised { clear(p.figures.clearing &+ p.figures.reserve, log.frame) }
    case .frameFederationRevoked(let p):
      if let peer = try? FrameID(p.peer) { end(peer) }
    case .crossRegistryTransferLocked(let p):
      open(p.terms, .twoPhase, .locked, deadline: FrameTime(unixNanoseconds: p.deadlineUnixNs), recorded)
    case .crossFrameTransferInitiated(let p):
      guard p.terms.origin == frame.name else { return }
      open(p.terms, .async, .initiated, deadline: nil, recorded)
    case .crossRegistryTransferCompleted(let p):
      closed(p.terms.transferID, .completed, recorded) { $0.peerPosition = p.peerPosition }
    case .crossRegistryTransferAborted(let p):
      closed(p.terms.transferID, .aborted, recorded) { $0.reason = p.reason }
    case .crossFrameTransferCompensated(let p):
      closed(p.terms.transferID, .compensated, recorded) { $0.reason = p.reason }
    case .crossFrameTransferSettled(let p):
      if p.terms.origin == frame.name {
        closed(p.terms.transferID, .completed, recorded) { _ in }
      } else {
        credit(p.terms, .async, p.creditedAmount, recorded)
      }
    case .crossRegistryTransferCredited(let p): credit(p.terms, .twoPhase, p.creditedAmount, recorded)
    case .crossRegistryTransferRefused(let p):
      if let peer = try? FrameID(p.origin) { countRefusal(peer, at: recorded.clock) }
    default: break
    }
  }

  private mutating func open(
    _ message: PBTransferTerms, _ backend: TransferBackend, _ phase: TransferPhase, deadline: FrameTime?,
    _ recorded: RecordedEvent
  ) {
    guard let terms = try? TransferTerms(message) else { return }
    opened(Transfer(terms, backend, phase, deadline: deadline, native: natives[terms.destination], recorded))
  }

  private mutating func credit(
    _ message: PBTransferTerms, _ backend: TransferBackend, _ amount: Int64, _ recorded: RecordedEvent
  ) {
    guard let peer = try? FrameID(message.origin), peer != frame else { return }
    var transfer = Transfer(
      id: message.transferID, peer: peer, role: .destination, backend: backend, terms: try? TransferTerms(message),
      phase: .credited, creditedAmount: amount, deadline: nil, openedAt: recorded.clock,
      openPosition: recorded.position)
    transfer.closedAt = recorded.clock
    transfer.closePosition = recorded.position
    transfer.peerPosition = recorded.position
    credited(transfer)
  }
}

extension Transfer {
  /// As it is when the event that opens it is recorded.
  /// - Parameter native: the destination's native asset, which says what it is to credit.
  init(
    _ terms: TransferTerms, _ backend: TransferBackend, _ phase: TransferPhase, deadline: FrameTime?, native: Asset?,
    _ recorded: RecordedEvent
  ) {
    self.init(
      id: terms.id, peer: terms.destination, role: .origin, backend: backend, terms: terms, phase: phase,
      creditedAmount: native.flatMap { try? SettlementState.credited(terms, in: $0) } ?? 0, deadline: deadline,
      openedAt: recorded.clock, openPosition: recorded.position)
  }
}
