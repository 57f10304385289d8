import Crypto
import Foundation
import FrameBridge
import FrameCore
import FrameTreaty
import FrameLedger
import FrameEvents
@testable import FrameProjection
import FrameProtos
@testable import FrameSettlement

/// The rooms' states composed as a node composes them.
struct SimState: FrameState, HasLedger {
  enum Command: Sendable {
    case ledger(LedgerCommand)
    case projection(ProjectionCommand)
    case settlement(SettlementCommand)
    case bridge(BridgeCommand)
    /// What other rooms would bring about: treaties, agents. A treaty with another log brings what a node appends with it.
    case given([EventDraft])
    case formerLog(FrameID, FormerLogCommand)
  }

  var ledger: LedgerState
  var federation: FederationState
  var projection: ProjectionState
  var settlement: SettlementState
  var bridge: BridgeState

  init(native: Asset) {
    ledger = LedgerState(frame: native.origin, native: native)
    federation = FederationState(frame: native.origin)
    projection = ProjectionState(frame: native.origin)
    settlement = SettlementState(frame: native.origin)
    bridge = BridgeState(frame: native.origin)
  }

  func decide(_ command: Command, _ context: DecisionContext) throws -> [EventDraft] {
    switch command {
    case .given(let drafts): try withReplacedLogs(drafts)
    case .formerLog(let peer, let command): try federation.decide(.formerLog(peer: peer, command), context)
    case .ledger(let command): try ledger.decide(command, context)
    case .settlement(let command): try settlement.decide(command, ledger: ledger, federation: federation, context)
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

  /// As `NodeState` does it.
  func withReplacedLogs(_ drafts: [EventDraft]) throws -> [EventDraft] {
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

  static func subject(of event: StoredEvent) -> String? { SettlementState.subject(of: event) }

  /// As the composition root has it.
  static func subject(of command: Command) -> String? {
    switch command {
    case .settlement(let command): command.subject
    case .projection(.receive(_, let attested)):
      SettlementState.subject(ofIncoming: attested.event.event, from: attested.origin)
    case .ledger, .bridge, .given, .formerLog: nil
    }
  }

  mutating func evolve(_ event: RecordedEvent) {
    ledger.evolve(event)
    federation.evolve(event)
    projection.evolve(event)
    settlement.evolve(event)
    bridge.evolve(event)
  }

  mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.part("ledger", &ledger)
    try fields.part("federation", &federation)
    try fields.part("projection", &projection)
    try fields.part("settlement", &settlement)
    try fields.part("bridge", &bridge)
  }
}

/// One frame of the simulation: a log in memory, the states it gives, and the ledger's guard at every append.
struct SimFrame {
  let id: FrameID
  let native: Asset
  let key: LogVerifierKey
  private(set) var state: SimState
  private(set) var log: [RecordedEvent] = []
  private var keys: [String: (digest: Data, first: Int, count: Int)] = [:]
  /// As the writer's index of subjects has them.
  private var lastWords: [String: UInt64] = [:]

  init(_ name: String, code: String, scale: Int) throws {
    id = try FrameID(name)
    native = try Asset(origin: id, code: code, scale: scale)
    key = LogSigner(name: name, privateKey: Curve25519.Signing.PrivateKey()).verifierKey
    state = SimState(native: native)
  }

  /// As the writer does it: idempotent by key, all of a command's events or none.
  @discardableResult
  mutating func submit(
    _ command: SimState.Command, actor: SPIFFEID, key: String, digest: Data, now: FrameTime
  ) throws -> [RecordedEvent] {
    if let seen = keys[key] {
      guard seen.digest == digest else {
        throw LogError.idempotencyConflict(key: key, first: "", now: "")
      }
      return Array(log[seen.first..<seen.first + seen.count])
    }
    let lastWord = SimState.subject(of: command).flatMap { lastWords[$0] }
    let drafts = try state.decide(command, DecisionContext(now: now, actor: actor, lastWord: lastWord))
    try LedgerGuard<SimState>().check(drafts, actor: actor, state: state)
    guard !drafts.isEmpty else { return [] }
    keys[key] = (digest, log.count, drafts.count)
    return try drafts.enumerated().map { index, draft in
      try append(draft, actor: actor, key: key, index: index, count: drafts.count, now: now)
    }
  }

  @discardableResult
  mutating func append(
    _ draft: EventDraft, actor: SPIFFEID, key: String = "", index: Int = 0, count: Int = 1, now: FrameTime
  ) throws -> RecordedEvent {
    var event = PBEvent()
    event.position = UInt64(log.count)
    // As the log does it: times never go back, and an event that was decided by an earlier clock says so.
    event.timeUnixNs = max(now, log.last?.time ?? now).unixNanoseconds
    if now.unixNanoseconds < event.timeUnixNs { event.clockUnixNs = now.unixNanoseconds }
    event.actor = actor.description
    event.idempotencyKey = key
    event.commandIndex = UInt32(index)
    event.commandEvents = UInt32(count)
    event.payload = draft.payload
    event.postings = draft.postings
    let bytes: Data = try event.serializedBytes()
    // What is decided on is what a replay would read.
    let recorded = try RecordedEvent(bytes: bytes)
    log.append(recorded)
    if let subject = SimState.subject(of: recorded.event), lastWords[subject] == nil {
      lastWords[subject] = recorded.position
    }
    state.evolve(recorded)
    return recorded
  }

  /// What was decided about a transfer of `origin`, as its node would be answered.
  func decision(_ id: String, from origin: FrameID) -> PBTransferDecision? {
    if let credited = state.settlement.decision(id, from: origin) { return credited }
    return lastWords[SettlementState.subject(id, from: origin.name)].flatMap {
      SettlementState.decision(in: log[Int($0)])
    }
  }

  func phase(_ id: String, from origin: FrameID) -> TransferPhase? {
    decision(id, from: origin).map { $0.outcome == .credited ? .credited : .refused }
  }

  /// The state that a restart would give.
  func replayed() -> SimState {
    var state = SimState(native: native)
    for event in log { state.evolve(event) }
    return state
  }

  mutating func restart() { state = replayed() }

  /// The event at `position`, proved. The simulator has no proofs; it has the log.
  func attested(_ position: UInt64) -> AttestedEvent {
    AttestedEvent(origin: id, event: log[Int(position)], key: key)
  }

  // MARK: Shorthands

  mutating func settlement(_ command: SettlementCommand, actor: SPIFFEID, key: String? = nil, now: FrameTime) throws {
    try submit(
      .settlement(command), actor: actor, key: key ?? command.derivedKey ?? "", digest: command.digest, now: now)
  }

  mutating func bridge(_ command: BridgeCommand, actor: SPIFFEID, key: String? = nil, now: FrameTime) throws {
    try submit(.bridge(command), actor: actor, key: key ?? command.derivedKey ?? "", digest: command.digest, now: now)
  }

  mutating func receive(_ sequence: UInt64, _ event: AttestedEvent, now: FrameTime) throws {
    let command = ProjectionCommand.receive(sequence: sequence, event: event)
    try submit(
      .projection(command), actor: .node(of: id), key: command.key, digest: CommandDigest.of(command.key), now: now)
  }

  func balance(_ account: AccountRef) -> Int64 { state.ledger.balance(account) }
}

/// Builds frames with money and treaties.
enum SimFixture {
  static let agents = ["alice", "bob", "carol"]
  static let startBalance: Int64 = 1_000_000
  static let start = FrameTime(unixNanoseconds: 1_700_000_000_000_000_000)

  static func agent(_ name: String) -> AgentName {
    do { return try AgentName(name) } catch { preconditionFailure("\(error)") }
  }

  /// A frame with agents who each own `startBalance`.
  static func frame(_ name: String, code: String, scale: Int = 2) throws -> SimFrame {
    var frame = try SimFrame(name, code: code, scale: scale)
    let authority = SPIFFEID.authority(of: frame.id)
    func run(_ command: LedgerCommand, _ key: String) throws {
      try frame.submit(.ledger(command), actor: authority, key: key, digest: command.digest, now: start)
    }
    try run(.foundFrame(logVerifierKey: frame.key.text), "found")
    try run(.issue(Amount(minorUnits: startBalance * 10), memo: ""), "issue")
    for name in agents {
      try run(.registerAgent(agent(name), purpose: ""), "register/\(name)")
      try run(
        .transfer(from: nil, to: agent(name), amount: Amount(minorUnits: startBalance), memo: ""), "grant/\(name)")
    }
    return frame
  }

  struct Limits {
    var netDebitCap: Int64 = 500_000
    var bridgeCap: Int64 = 400_000
    var bridgeRatePerMinute: Int64 = 100_000
  }

  static func description(of frame: SimFrame, _ limits: Limits) -> PBFrameDescription {
    description(of: frame.native, key: frame.key, limits)
  }

  static func description(of native: Asset, key: LogVerifierKey, _ limits: Limits) -> PBFrameDescription {
    var description = PBFrameDescription()
    description.frameID = native.origin.name
    description.native = PBAsset(native)
    description.logVerifierKey = key.text
    description.terms.subscriptions = [
      "CrossFrameTransferInitiated", "CrossFrameTransferSettled", "CrossFrameTransferRefused", "TokensBridgeLocked",
      "WrappedTokensIssued", "WrappedTokensRedeemed", "TokensBridgeUnlocked",
    ]
    description.terms.netDebitCap = limits.netDebitCap
    description.terms.bridgeCap = limits.bridgeCap
    description.terms.bridgeRatePerMinute = limits.bridgeRatePerMinute
    return description
  }

  /// An established treaty on both sides, with `limits` granted by each to the other, or by the second `ofB`.
  static func federate(
    _ a: inout SimFrame, _ b: inout SimFrame, _ limits: Limits = Limits(), ofB: Limits? = nil
  ) throws {
    try establish(&a, with: b, limits, theirs: ofB)
    try establish(&b, with: a, ofB ?? limits, theirs: limits)
  }

  static func establish(
    _ frame: inout SimFrame, with peer: SimFrame, _ limits: Limits = Limits(), theirs: Limits? = nil,
    now: FrameTime = start
  ) throws {
    let drafts = treaty(description(of: frame, limits), description(of: peer, theirs ?? limits))
    for draft in try frame.state.withReplacedLogs(drafts) {
      try frame.append(draft, actor: .authority(of: frame.id), now: now)
    }
  }

  /// The events of a treaty as one side's log has them.
  static func treaty(_ ours: PBFrameDescription, _ theirs: PBFrameDescription) -> [EventDraft] {
    var requested = PBFrameInvitationRequested()
    requested.invitationID = "i"
    requested.peer = theirs.frameID
    requested.outgoing = true
    requested.inviter = ours
    requested.invitee = theirs
    var established = PBFrameFederationEstablished()
    established.invitationID = "i"
    established.peer = theirs.frameID
    established.ours = ours
    established.theirs = theirs
    return [EventDraft(.frameInvitationRequested(requested)), EventDraft(.frameFederationEstablished(established))]
  }

  /// Wrapped tokens out of nothing.
  static func issue(_ amount: Int64, _ agent: String, _ asset: Asset) -> [PBPosting] {
    Postings.move(amount, from: .issuance(of: asset), to: .wrapped(self.agent(agent), asset))
  }

  static func revoke(_ frame: inout SimFrame, _ peer: FrameID, now: FrameTime = start) throws {
    var revoked = PBFrameFederationRevoked()
    revoked.peer = peer.name
    try frame.append(EventDraft(.frameFederationRevoked(revoked)), actor: .authority(of: frame.id), now: now)
  }

  /// Two frames with a treaty.
  static func pair(
    _ limits: Limits = Limits(), ofB: Limits? = nil, scaleOfB: Int = 2
  ) throws -> (SimFrame, SimFrame) {
    var a = try frame("frame-a.example", code: "AVT")
    var b = try frame("frame-b.example", code: "BVT", scale: scaleOfB)
    try federate(&a, &b, limits, ofB: ofB)
    return (a, b)
  }

  /// Terms of a transfer from `from` at `origin` to `to` at `destination`.
  static func terms(
    _ id: String, _ origin: SimFrame, _ destination: SimFrame, from: String = "alice", to: String = "bob",
    amount: Int64 = 100
  ) throws -> TransferTerms {
    try TransferTerms(
      id: id, from: AgentAddress(name: agent(from), frame: origin.id),
      to: AgentAddress(name: agent(to), frame: destination.id), asset: origin.native,
      amount: Amount(minorUnits: amount), memo: "")
  }
}

/// SplitMix64: the same seed gives the same run everywhere.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
