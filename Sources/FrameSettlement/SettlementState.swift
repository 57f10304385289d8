package import FrameCore
package import FrameTreaty
package import FrameLedger
package import FrameEvents
internal import FrameProjection
package import FrameProtos

/// Cross-registry transfer as a pure value, both roles and both backends.
///
/// At the origin a transfer is known by its id, at the destination by (origin, id): a peer can neither see nor touch
/// another's. The destination's first decision is final, and every later message about it is answered with that
/// decision (CONFORMANCE B1 to B6).
package struct SettlementState: Sendable {
  package let frame: FrameID
  /// As origin, by transfer id.
  private(set) var outgoing: [String: Transfer] = [:]
  /// As destination, what was credited. What was refused is not here, or memory would grow with what a peer invents: the
  /// writer finds the refusal by its subject (`FrameState.subject(of:)`).
  private(set) var incoming: [IncomingKey: Transfer] = [:]
  /// Outgoing transfers whose outcome is not on record, by destination.
  private(set) var open: [FrameID: Set<String>] = [:]
  /// Minor units of our asset sent by async transfers whose outcome is not on record, by destination.
  private(set) var unsettled: [FrameID: Int64] = [:]
  /// What these events have left on the clearing account of each peer's present log.
  private(set) var clearing: [FrameID: Int64] = [:]
  /// The logs that each peer's treaties were with, in order; a transfer that we credited is known by its log's place here.
  private(set) var logs: [FrameID: [PeerLog]] = [:]
  /// Which of them is the present one.
  private(set) var present: [FrameID: Int] = [:]
  /// What is under way towards logs that their frames have lost or left.
  private(set) var former: [PeerLog: FormerTransfers] = [:]
  /// 2pc refusals of each peer's transfers in the last minute.
  private(set) var refusals: [FrameID: SlidingWindow] = [:]
  /// Each peer's native asset, from its treaty.
  private(set) var natives: [FrameID: Asset] = [:]
  /// Peers whose treaty has ended: what is open with them is asked for and closed.
  private(set) var ended: Set<FrameID> = []

  struct IncomingKey: Hashable, Sendable {
    let origin: FrameID
    let id: String
    /// Of the origin's log, in `logs`.
    let generation: Int
  }

  package init(frame: FrameID) { self.frame = frame }

  // MARK: Reading

  /// A transfer that this frame debits.
  package func outgoing(_ id: String) -> Transfer? { outgoing[id] }
  /// A transfer that this frame has credited.
  package func incoming(_ id: String, from origin: FrameID) -> Transfer? {
    incoming[key(id, origin)]
  }

  private func key(_ id: String, _ origin: FrameID) -> IncomingKey {
    IncomingKey(origin: origin, id: id, generation: present[origin] ?? 0)
  }

  /// The log that the treaty with a peer is with, or was with last.
  package func log(of peer: FrameID) -> PeerLog? { present[peer].flatMap { logs[peer]?[$0] } }

  /// Peers that owe us an outcome.
  package var openPeers: [FrameID] { open.keys.sorted() }

  /// Outgoing transfers to `peer` without an outcome, oldest first.
  package func openTransfers(to peer: FrameID, backend: TransferBackend? = nil) -> [Transfer] {
    (open[peer] ?? []).compactMap { outgoing[$0] }
      .filter { backend == nil || $0.backend == backend }
      .sorted { $0.openPosition < $1.openPosition }
  }

  /// That this frame, as destination, has credited a transfer of `origin`, as the answer to send; nil if it has not.
  package func decision(_ id: String, from origin: FrameID) -> PBTransferDecision? {
    guard let transfer = incoming(id, from: origin), let position = transfer.closePosition else { return nil }
    var decision = PBTransferDecision()
    decision.transferID = id
    decision.position = position
    guard transfer.phase == .credited else { return nil }
    decision.outcome = .credited
    decision.creditedAmount = transfer.creditedAmount
    return decision
  }

  // MARK: Refusals

  /// By what the refusal of a transfer is found in the log.
  package static func subject(_ id: String, from origin: String) -> String { "transfer/\(origin)/\(id)" }

  /// What an event of this frame's log is the last word about: it refuses a transfer, for good.
  package static func subject(of event: StoredEvent) -> String? {
    switch event.payload {
    case .crossRegistryTransferRefused(let p): subject(p.transferID, from: p.origin)
    case .crossFrameTransferRefused(let p): subject(p.terms.transferID, from: p.terms.origin)
    default: nil
    }
  }

  /// The same for an event of a peer's stream: the transfer that it announces may have been refused already.
  package static func subject(ofIncoming event: StoredEvent, from peer: FrameID) -> String? {
    guard case .crossFrameTransferInitiated(let p) = event.payload else { return nil }
    return subject(p.terms.transferID, from: peer.name)
  }

  /// The terms that a recorded refusal is about; nil where they were not known, or not readable.
  static func refusedTerms(in event: StoredEvent) -> TransferTerms? {
    switch event.payload {
    case .crossRegistryTransferRefused(let p): p.hasTerms ? try? TransferTerms(p.terms) : nil
    case .crossFrameTransferRefused(let p): try? TransferTerms(p.terms)
    default: nil
    }
  }

  /// The decision that an event of the destination's log records.
  static func decision(in recorded: RecordedEvent) -> PBTransferDecision? {
    var decision = PBTransferDecision()
    decision.position = recorded.position
    switch recorded.event.payload {
    case .crossRegistryTransferCredited(let p):
      decision.transferID = p.terms.transferID
      decision.outcome = .credited
      decision.creditedAmount = p.creditedAmount
    case .crossRegistryTransferRefused(let p):
      decision.transferID = p.transferID
      decision.outcome = .refused
      decision.reason = p.reason
    case .crossFrameTransferRefused(let p):
      decision.transferID = p.terms.transferID
      decision.outcome = .refused
      decision.reason = p.reason
    default: return nil
    }
    return decision
  }

  // MARK: Deciding

  /// - Returns: what is appended; nothing when the outcome is on record already, which is then the answer.
  /// - Throws: ``SettlementError``, `FederationError`, `AmountError`, `IdentifierError`.
  package func decide(
    _ command: SettlementCommand, ledger: LedgerState, federation: FederationState, _ context: DecisionContext
  ) throws -> [EventDraft] {
    switch command {
    case .lock(let terms, let deadline):
      _ = try checkDebit(terms, ledger, federation, context)
      var payload = PBCrossRegistryTransferLocked()
      payload.terms = terms.message
      payload.deadlineUnixNs = deadline.unixNanoseconds
      return [
        EventDraft(
          .crossRegistryTransferLocked(payload),
          postings: Postings.move(terms.amount.minorUnits, from: .liquid(terms.from), to: .held(terms.from)))
      ]
    case .initiate(let terms):
      _ = try checkDebit(terms, ledger, federation, context)
      // It would leave this frame and arrive nowhere.
      guard try federation.requireEstablished(terms.destination).sends(.crossFrameTransferInitiated) else {
        throw SettlementError.notSubscribed(terms.destination)
      }
      return initiated(terms)
    case .commit(let id, let peer, let credited, let position):
      try requireNode(context)
      return try commit(id, peer, credited: credited, position: position)
    case .abort(let id, let peer, let reason):
      try requireNode(context)
      return try abort(id, peer, reason: reason)
    case .conclude(let id, let peer, let decision):
      try requireNode(context)
      return try conclude(id, peer, decision)
    case .giveBack(let id, let log):
      try requireNode(context)
      return try giveBack(id, log)
    case .credit(let terms, let peer, let log):
      try requirePeer(peer, context)
      guard log == nil || log == self.log(of: peer) else { throw SettlementError.logHasChanged(peer) }
      return try limited(peer, context, try credit(terms, from: peer, ledger, federation, context))
    case .refuseUnknown(let id, let peer, let log):
      try requirePeer(peer, context)
      guard log == nil || log == self.log(of: peer) else { throw SettlementError.logHasChanged(peer) }
      // Also after the treaty has ended: a question moves nothing here, and lets the origin close its books.
      try federation.requireSettling(peer)
      return try limited(peer, context, try refuseUnknown(id, from: peer, context))
    }
  }

  /// What must hold before money leaves; checked in the same step as the debit (CONFORMANCE B7).
  /// - Returns: what the destination is to credit, in its own minor units.
  private func checkDebit(
    _ terms: TransferTerms, _ ledger: LedgerState, _ federation: FederationState, _ context: DecisionContext
  ) throws -> Int64 {
    guard terms.origin == frame else { throw SettlementError.wrongOrigin(named: terms.origin.name, caller: frame) }
    guard context.actor == .agent(terms.from, of: frame) else { throw SettlementError.notAllowed(context.actor) }
    let treaty = try federation.requireEstablished(terms.destination)
    guard terms.asset == ledger.native else {
      throw SettlementError.wrongAsset(named: terms.asset.description, expected: ledger.native.description)
    }
    guard outgoing[terms.id] == nil else { throw SettlementError.transferConflict(terms.id) }
    guard ledger.agentExists(terms.from) else { throw SettlementError.unknownAgent(terms.from) }
    let balance = ledger.balance(.liquid(terms.from))
    guard balance >= terms.amount.minorUnits else {
      throw SettlementError.insufficientFunds(
        terms.from, has: balance, needs: terms.amount.minorUnits, of: terms.asset)
    }
    // What is under way is counted in 64 bits: there is never more of it than they hold.
    _ = try Amount(minorUnits: unsettled[terms.destination] ?? 0).adding(terms.amount)
    return try Self.credited(terms, in: Asset(treaty.theirs.native))
  }

  /// The terms' amount in minor units of the destination's asset, 1:1 and exact.
  static func credited(_ terms: TransferTerms, in native: Asset) throws -> Int64 {
    if let amount = terms.amount.rescaled(from: terms.asset.scale, to: native.scale),
      amount.minorUnits <= SettlementLimits.amountMax
    {
      return amount.minorUnits
    }
    // To a finer currency every amount is exact; then it is too much of it.
    throw native.scale > terms.asset.scale
      ? SettlementError.amountTooLarge(terms.amount.minorUnits, of: terms.asset)
      : .amountNotRepresentable(terms.amount.minorUnits, of: terms.asset, in: native)
  }

  private func initiated(_ terms: TransferTerms) -> [EventDraft] {
    var transferred = PBTokensTransferred()
    transferred.from = terms.from.text
    transferred.to = AgentAddress(name: terms.to, frame: terms.destination).description
    transferred.amount = terms.amount.minorUnits
    transferred.memo = terms.memo
    transferred.transferID = terms.id
    var payload = PBCrossFrameTransferInitiated()
    payload.terms = terms.message
    return [
      EventDraft(
        .tokensTransferred(transferred),
        postings: Postings.move(
          terms.amount.minorUnits, from: .liquid(terms.from), to: .clearing(terms.destination))),
      EventDraft(.crossFrameTransferInitiated(payload)),
    ]
  }

  private func commit(_ id: String, _ peer: FrameID, credited: Int64, position: UInt64) throws -> [EventDraft] {
    guard let transfer = outgoing[id], transfer.peer == peer, transfer.backend == .twoPhase, let terms = transfer.terms
    else { throw SettlementError.unknownTransfer(id) }
    if transfer.phase == .completed { return [] }
    guard transfer.phase == .locked else {
      throw SettlementError.alreadyDecided(id, state: transfer.phase.rawValue)
    }
    try requirePresent(id, peer)
    guard credited == transfer.creditedAmount else {
      throw SettlementError.creditedAmountMismatch(id, expected: transfer.creditedAmount, got: credited)
    }
    var payload = PBCrossRegistryTransferCompleted()
    payload.terms = terms.message
    payload.creditedAmount = credited
    payload.peerPosition = position
    return [
      EventDraft(
        .crossRegistryTransferCompleted(payload),
        postings: Postings.move(terms.amount.minorUnits, from: .held(terms.from), to: .clearing(peer)))
    ]
  }

  private func abort(_ id: String, _ peer: FrameID, reason: String) throws -> [EventDraft] {
    guard let transfer = outgoing[id], transfer.peer == peer, transfer.backend == .twoPhase, let terms = transfer.terms
    else { throw SettlementError.unknownTransfer(id) }
    if transfer.phase == .aborted { return [] }
    guard transfer.phase == .locked else {
      throw SettlementError.alreadyDecided(id, state: transfer.phase.rawValue)
    }
    try requirePresent(id, peer)
    var payload = PBCrossRegistryTransferAborted()
    payload.terms = terms.message
    payload.reason = Self.bounded(reason)
    return [
      EventDraft(
        .crossRegistryTransferAborted(payload),
        postings: Postings.move(terms.amount.minorUnits, from: .held(terms.from), to: .liquid(terms.from)))
    ]
  }

  /// async, after the treaty: what the destination has on record is final, since a refusal there stands in the way of a
  /// credit for ever, also of one that a later treaty's stream would bring.
  private func conclude(_ id: String, _ peer: FrameID, _ decision: PBTransferDecision) throws -> [EventDraft] {
    guard let transfer = outgoing[id], transfer.peer == peer, transfer.backend == .async, let terms = transfer.terms
    else { throw SettlementError.unknownTransfer(id) }
    guard transfer.phase == .initiated else { return [] }
    try requirePresent(id, peer)
    guard decision.transferID == id else {
      throw SettlementError.malformedDecision(peer: peer, why: "it names another transfer")
    }
    switch decision.outcome {
    case .credited:
      guard decision.creditedAmount == transfer.creditedAmount else {
        throw SettlementError.creditedAmountMismatch(
          id, expected: transfer.creditedAmount, got: decision.creditedAmount)
      }
      var payload = PBCrossFrameTransferSettled()
      payload.terms = terms.message
      payload.creditedAmount = decision.creditedAmount
      return [EventDraft(.crossFrameTransferSettled(payload))]
    case .refused:
      var payload = PBCrossFrameTransferCompensated()
      payload.terms = terms.message
      payload.reason = Self.bounded(decision.reason)
      return [
        EventDraft(
          .crossFrameTransferCompensated(payload),
          postings: Postings.move(terms.amount.minorUnits, from: .clearing(peer), to: .liquid(terms.from)))
      ]
    case .unspecified, .UNRECOGNIZED:
      // A missing value proves nothing (CONFORMANCE B10).
      throw SettlementError.malformedDecision(peer: peer, why: "it has no outcome")
    }
  }

  /// A refusal is written down, and a peer can bring about any number of them: there is a limit, beyond which there is no
  /// decision, and the peer asks again later.
  private func limited(_ peer: FrameID, _ context: DecisionContext, _ drafts: [EventDraft]) throws -> [EventDraft] {
    guard case .crossRegistryTransferRefused(let refusal)? = drafts.first?.payload else { return drafts }
    // Questions about what never was cost a peer nothing at all.
    let most =
      refusal.reason == Self.neverSeen ? SettlementLimits.neverSeenPerMinuteMax : SettlementLimits.refusalsPerMinuteMax
    guard (refusals[peer]?.sum(at: context.now) ?? 0) >= most else { return drafts }
    throw SettlementError.tooManyRefusals(peer: peer)
  }

  private func refuseUnknown(_ id: String, from peer: FrameID, _ context: DecisionContext) throws -> [EventDraft] {
    guard TransferTerms.isTransferID(id) else { throw SettlementError.invalidTransferID(id) }
    guard incoming(id, from: peer) == nil, context.lastWord == nil else { return [] }
    return [Self.refused(id, from: peer, terms: nil, reason: Self.neverSeen)]
  }

  /// Why a transfer that was asked about before it arrived is refused.
  package static let neverSeen = "never_seen"

  static func refused(_ id: String, from peer: FrameID, terms: TransferTerms?, reason: String) -> EventDraft {
    var payload = PBCrossRegistryTransferRefused()
    payload.transferID = id
    payload.origin = peer.name
    if let terms { payload.terms = terms.message }
    payload.reason = reason
    return EventDraft(.crossRegistryTransferRefused(payload))
  }

  /// Reasons come from a peer: a stable code, never a text of any length.
  static func bounded(_ reason: String) -> String {
    let allowed = reason.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f }
    return allowed && (1...64).contains(reason.utf8.count) ? reason : "unspecified"
  }

  private func requireNode(_ context: DecisionContext) throws {
    guard context.actor == .node(of: frame) else { throw SettlementError.notAllowed(context.actor) }
  }

  private func requirePeer(_ peer: FrameID, _ context: DecisionContext) throws {
    guard context.actor == .node(of: peer) else { throw SettlementError.notAllowed(context.actor) }
  }
}

extension SettlementState: SnapshotState {
  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.same("frame", frame)
    try fields.field("outgoing", &outgoing)
    try fields.field("incoming", &incoming)
    try fields.field("open", &open)
    try fields.field("unsettled", &unsettled)
    try fields.field("refusals", &refusals)
    try fields.field("natives", &natives)
    try fields.field("ended", &ended)
    try fields.field("clearing", &clearing)
    try fields.field("logs", &logs)
    try fields.field("present", &present)
    try fields.field("former", &former)
  }
}

extension SettlementState.IncomingKey: SnapshotValue {
  func write(to output: inout SnapshotOutput) {
    output.write(origin)
    output.write(id)
    output.write(generation)
  }

  init(from input: inout SnapshotInput) throws {
    origin = try input.read()
    id = try input.read()
    generation = try input.read()
  }
}

// Mutations used by SettlementEvolution.swift.
extension SettlementState {
  mutating func opened(_ transfer: Transfer) {
    outgoing[transfer.id] = transfer
    open[transfer.peer, default: []].insert(transfer.id)
    guard transfer.backend == .async else { return }
    let amount = transfer.terms?.amount.minorUnits ?? 0
    unsettled[transfer.peer, default: 0] &+= amount
    clear(amount, transfer.peer)
  }

  mutating func closed(_ id: String, _ phase: TransferPhase, _ event: RecordedEvent, _ change: (inout Transfer) -> Void)
  {
    guard var transfer = outgoing[id], transfer.phase.isOpen else { return }
    transfer.phase = phase
    transfer.closedAt = event.clock
    transfer.closePosition = event.position
    change(&transfer)
    outgoing[id] = transfer
    let amount = transfer.terms?.amount.minorUnits ?? 0
    guard open[transfer.peer]?.remove(id) != nil else { return closedFormer(id, transfer, amount) }
    if transfer.backend == .async { unsettled[transfer.peer, default: 0] &-= amount }
    switch phase {
    case .compensated: clear(-amount, transfer.peer)
    case .completed where transfer.backend == .twoPhase: clear(amount, transfer.peer)
    default: break
    }
    if open[transfer.peer]?.isEmpty == true { open[transfer.peer] = nil }
  }

  mutating func credited(_ transfer: Transfer) {
    let key = key(transfer.id, transfer.peer)
    guard incoming[key] == nil else { return }
    incoming[key] = transfer
    if transfer.phase == .credited { clear(-transfer.creditedAmount, transfer.peer) }
  }

  /// Money came to a peer's clearing account, or left it. Total: what is in the log fitted there.
  mutating func clear(_ amount: Int64, _ peer: FrameID) { clearing[peer, default: 0] &+= amount }

  mutating func learn(_ native: Asset, of peer: FrameID, _ log: PeerLog) {
    change(peer, to: log)
    natives[peer] = native
    ended.remove(peer)
  }

  /// A treaty with another log begins with nothing under way; one that is taken up again, with what there was.
  private mutating func change(_ peer: FrameID, to log: PeerLog) {
    guard let old = self.log(of: peer) else {
      logs[peer] = [log]
      present[peer] = 0
      return
    }
    guard old != log else { return }
    former[old] = FormerTransfers(
      open: open.removeValue(forKey: peer) ?? [], unsettled: unsettled.removeValue(forKey: peer) ?? 0,
      clearing: clearing.removeValue(forKey: peer) ?? 0)
    if let index = logs[peer]?.firstIndex(of: log) {
      present[peer] = index
    } else {
      logs[peer, default: []].append(log)
      present[peer] = (logs[peer]?.count ?? 1) - 1
    }
    guard let resumed = former.removeValue(forKey: log) else { return }
    open[peer] = resumed.open.isEmpty ? nil : resumed.open
    unsettled[peer] = resumed.unsettled
    clearing[peer] = resumed.clearing
  }

  mutating func decideFormer(_ log: PeerLog) { former[log]?.isDecided = true }

  private mutating func closedFormer(_ id: String, _ transfer: Transfer, _ amount: Int64) {
    guard let log = former.first(where: { $0.key.frame == transfer.peer && $0.value.open.contains(id) })?.key else {
      return
    }
    former[log]?.open.remove(id)
    if transfer.backend == .async {
      former[log]?.unsettled &-= amount
      former[log]?.clearing &-= amount
    }
  }

  mutating func end(_ peer: FrameID) {
    // An invitation that never became a treaty has nothing to close.
    if natives[peer] != nil { ended.insert(peer) }
  }

  mutating func countRefusal(_ peer: FrameID, at time: FrameTime) {
    refusals[peer, default: SlidingWindow()].add(1, at: time)
  }
}
