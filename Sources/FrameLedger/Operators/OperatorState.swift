package import FrameCore
package import FrameEvents
internal import FrameProtos

/// Where an operator stands with the frame.
package enum OperatorStanding: String, Sendable, CaseIterable {
  case active, suspended, removed
  /// Active but for a licence that has run out. Never stored: it comes with time.
  case expired
}

/// One operator, as the log tells it.
package struct OperatorRecord: Sendable, Equatable {
  package internal(set) var licence: OperatorLicence
  /// What the authority said last: active, suspended or removed.
  package internal(set) var stated: OperatorStanding = .active
  package internal(set) var reason = ""
  /// When `stated` last changed.
  package internal(set) var since: FrameTime
  /// Agents that bear its name and are the frame's own all the same.
  package internal(set) var released: Set<AgentName> = []

  package var name: OperatorName { licence.name }

  package func standing(at now: FrameTime) -> OperatorStanding {
    stated == .active && now >= licence.expires ? .expired : stated
  }

  /// - Throws: `OperatorError.notActive`.
  package func requireStanding(at now: FrameTime) throws(OperatorError) {
    let standing = standing(at: now)
    guard standing == .active else { throw .notActive(name, standing) }
  }

  /// - Throws: `OperatorError.scopeMissing`.
  func requireScope(for type: EventType) throws(OperatorError) {
    let scope = LicenceScope.required(for: type)
    guard licence.scopes.contains(scope) else { throw .scopeMissing(name, scope, event: type.name) }
  }

  /// Whether the agent is this operator's.
  package func owns(_ agent: AgentName) -> Bool { agent.prefix == name.text[...] && !released.contains(agent) }
}

/// The frame's operators: tenants that share its trust domain and write to its log (seed: "a tenant of the mainframe's
/// trust"). Pure; a part of the ledger's state, because what they may do is a question of who may move which money.
package struct OperatorState: Sendable, Equatable, SnapshotState {
  /// Removed ones stay: their names, and with them their agents, are never anybody else's.
  private var records: [String: OperatorRecord] = [:]
  /// Grows with every change.
  package private(set) var version: UInt64 = 0

  package init() {}

  /// Sorted by name.
  package var all: [OperatorRecord] { records.values.sorted { $0.name < $1.name } }

  package subscript(_ name: OperatorName) -> OperatorRecord? { records[name.text] }

  /// - Throws: `OperatorError.unknownOperator`.
  package func require(_ name: OperatorName) throws(OperatorError) -> OperatorRecord {
    guard let record = records[name.text] else { throw .unknownOperator(name.text) }
    return record
  }

  /// Whether the frame has, or ever had, an operator.
  var hasAny: Bool { !records.isEmpty }

  /// The operator whose agent this is, or nil when it is the frame's own.
  package func record(ofAgent agent: AgentName) -> OperatorRecord? {
    guard !records.isEmpty, let prefix = agent.prefix, let record = records[String(prefix)],
      !record.released.contains(agent)
    else { return nil }
    return record
  }

  /// The operator that an actor is or belongs to, or nil when it is no tenant.
  /// - Throws: `OperatorError.unknownOperator` for the id of an operator that the frame never had.
  package func record(of actor: SPIFFEID) throws(OperatorError) -> OperatorRecord? {
    if let name = actor.operatorName { return try require(name) }
    guard !records.isEmpty, let agent = actor.agentName else { return nil }
    return record(ofAgent: agent)
  }

  /// The same, for who may act now.
  /// - Throws: `OperatorError.unknownOperator`, `.notActive`.
  @discardableResult
  package func admit(_ actor: SPIFFEID, at now: FrameTime) throws(OperatorError) -> OperatorRecord? {
    let record = try record(of: actor)
    try record?.requireStanding(at: now)
    return record
  }

  /// The same without a clock, for the guard: a licence that has run out is refused when the command is decided.
  func licensed(_ actor: SPIFFEID) throws(OperatorError) -> OperatorRecord? {
    guard let record = try record(of: actor) else { return nil }
    guard record.stated == .active else { throw .notActive(record.name, record.stated) }
    return record
  }

  /// - Throws: `OperatorError.notYourAgent` unless the agent's name is of the operator that `actor` is.
  package func requireOwn(_ agent: String, _ actor: SPIFFEID) throws(OperatorError) {
    guard let name = actor.operatorName, let agentName = try? AgentName(agent),
      try require(name).owns(agentName)
    else { throw .notYourAgent(agent, operator: actor.description) }
  }

  mutating func evolve(_ recorded: RecordedEvent) {
    switch recorded.event.payload {
    case .operatorLicensed, .operatorSuspended, .operatorResumed, .operatorRemoved, .operatorAgentReleased: version += 1
    default: return
    }
    switch recorded.event.payload {
    case .operatorLicensed(let event):
      guard let licence = OperatorLicence(event) else { return }
      guard var record = records[licence.name.text], record.stated != .removed else {
        let released = records[licence.name.text]?.released ?? []
        records[licence.name.text] = OperatorRecord(licence: licence, since: recorded.clock, released: released)
        return
      }
      record.licence = licence
      records[licence.name.text] = record
    case .operatorSuspended(let event): change(event.operatorName, .suspended, event.reason, recorded.clock)
    case .operatorResumed(let event): change(event.operatorName, .active, "", recorded.clock)
    case .operatorRemoved(let event): change(event.operatorName, .removed, event.reason, recorded.clock)
    case .operatorAgentReleased(let event):
      guard let agent = try? AgentName(event.agent) else { return }
      records[event.operatorName]?.released.insert(agent)
    default: break
    }
  }

  package mutating func snapshot(_ fields: inout SnapshotFields) throws {
    try fields.field("records", &records)
    try fields.field("version", &version)
  }

  private mutating func change(_ name: String, _ standing: OperatorStanding, _ reason: String, _ time: FrameTime) {
    guard var record = records[name] else { return }
    record.stated = standing
    record.reason = reason
    record.since = time
    records[name] = record
  }
}
