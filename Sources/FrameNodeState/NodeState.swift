import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
import FrameProjection
import FrameProtos
import FrameSettlement
import FrameWorkload

/// The whole state of a frame: the rooms' states side by side. The only place that knows them all.
package struct NodeState: FrameState, HasLedger {
  package private(set) var ledger: LedgerState
  package private(set) var federation: FederationState
  package private(set) var projection: ProjectionState
  package private(set) var settlement: SettlementState
  package private(set) var bridge: BridgeState
  package private(set) var identity: IdentityState

  package init(frame: FrameID, native: Asset, fees: FeeRule) {
    ledger = LedgerState(frame: frame, native: native, fees: fees)
    federation = FederationState(frame: frame)
    projection = ProjectionState(frame: frame)
    settlement = SettlementState(frame: frame)
    bridge = BridgeState(frame: frame)
    identity = IdentityState(frame: frame)
  }

  // Not what the protocol would do by itself: it asks for the ledger through a getter, which copies.
  package func withLedger<Result>(_ body: (LedgerState) throws -> Result) rethrows -> Result { try body(ledger) }

  package func decide(_ command: NodeCommand, _ context: DecisionContext) throws -> [EventDraft] {
    // Before any room looks at it: an operator that is suspended, expired or removed decides nothing, nor do its agents.
    try ledger.operators.admit(context.actor, at: context.now)
    return switch command {
    case .ledger(let command): try ledger.decide(command, context)
    case .operators(let command):
      try ledger.decide(operators: command, context) { record in try requireNothingUnderWay(record) }
    case .federation(.bookFormerLog(let log)): try book(log)
    case .federation(let command): try withReplacedLogs(federation.decide(command, context))
    case .identity(let command): try identity.decide(command, context)
    case .settlement(let command):
      try settlement.decide(command, ledger: ledger, federation: federation, context)
    case .bridge(let command):
      try bridge.decide(command, ledger: ledger, federation: federation, projection: projection, context)
    case .projection(let command):
      try projection.decide(command, federation: federation, context) { event, peer in
        let logs = federation.react(toFormerLog: event, from: peer)
        return ReactorOutcome(drafts: logs.drafts, rejected: logs.rejected)
          + settlement.react(to: event, from: peer, ledger: ledger, federation: federation, context)
          + bridge.react(to: event, from: peer, ledger: ledger, federation: federation, now: context.now)
      }
    }
  }

  /// A treaty with another log of the peer is appended together with what stood towards the one before (decision 0034).
  private func withReplacedLogs(_ drafts: [EventDraft]) throws -> [EventDraft] {
    try drafts.flatMap { draft in
      guard case .frameFederationEstablished(let p) = draft.payload, let peer = try? FrameID(p.peer),
        let change = federation.logs.change(of: peer, to: p.theirs.logVerifierKey)
      else { return [draft] }
      let booked = try FederationState.logReplaced(
        change.former, key: change.key, by: p.theirs.logVerifierKey,
        figures: settlement.standing(with: peer).joined(with: bridge.standing(with: peer)),
        resumed: change.resumed.map { settlement.standing(of: $0).joined(with: bridge.standing(of: $0)) })
      return [draft, booked]
    }
  }

  private func book(_ log: PeerLog) throws -> [EventDraft] {
    guard let former = federation.logs.former[log], former.state == .unbooked else { return [] }
    return [
      try FederationState.logReplaced(
        log, key: former.key, by: former.newKey,
        figures: settlement.standing(of: log).joined(with: bridge.standing(of: log)), resumed: nil)
    ]
  }

  /// What stands towards former logs of peers, for a supply statement that is made of balances.
  package var formerLogHoldings: [FormerLogHolding] {
    federation.logs.former.values.compactMap { former in
      let state: SupplyStatement.FormerLogState? =
        switch former.state {
        case .empty: nil
        case .unbooked, .undecided, .proposed: .undecided
        case .recognised: .recognised
        case .writtenOff: .writtenOff
        }
      guard let state else { return nil }
      let bridge = bridge.former[former.log]
      let wrapped = bridge?.holdings.values.reduce(Int128(0)) { $0 + Int128($1) }
      return FormerLogHolding(
        frame: former.log.frame, log: former.log.name, state: state, wrapped: wrapped ?? 0,
        asset: bridge?.bridge.native)
    }
  }

  package static func subject(of event: StoredEvent) -> String? { SettlementState.subject(of: event) }

  package mutating func evolve(_ event: RecordedEvent) {
    ledger.evolve(event)
    federation.evolve(event)
    projection.evolve(event)
    settlement.evolve(event)
    bridge.evolve(event)
    identity.evolve(event)
  }

  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.part("ledger", &ledger)
    try fields.part("federation", &federation)
    try fields.part("projection", &projection)
    try fields.part("settlement", &settlement)
    try fields.part("bridge", &bridge)
    try fields.part("identity", &identity)
  }
}
