internal import FrameCore
package import FrameEvents
internal import FrameProtos

extension LedgerState {
  /// Decides what the authority does with an operator.
  /// - Parameter requireNothingUnderWay: asked before an operator is removed, and before its name is given again: money that is
  ///   still to come home would be whoever's has the name then. Only the whole node knows what is under way.
  /// - Throws: `OperatorError`, `LedgerError.notAuthority`, `.unknownAgent`; what `requireNothingUnderWay` throws.
  package func decide(
    operators command: OperatorCommand, _ context: DecisionContext,
    _ requireNothingUnderWay: (OperatorRecord) throws -> Void = { _ in }
  ) throws -> [EventDraft] {
    try requireAuthority(context.actor)
    switch command {
    case .license(let licence):
      if let known = operators[licence.name] {
        guard known.stated == .removed else { throw OperatorError.exists(licence.name) }
        // What came home after the removal is not the next one's either.
        try requireNoMoney(known)
        try requireNothingUnderWay(known)
      }
      guard !ReservedNames.contain(licence.name.text) else { throw LedgerError.reservedName(licence.name.text) }
      // Agents that bear the name already would become the operator's, with their money.
      if operators[licence.name] == nil, let agent = agents.first(where: { $0.name.prefix == licence.name.text[...] }) {
        throw OperatorError.nameTaken(licence.name, agent: agent.name)
      }
      return [try license(licence, context.now)]
    case .renew(let licence):
      let known = try operators.require(licence.name)
      guard known.stated != .removed else { throw OperatorError.notActive(licence.name, .removed) }
      return [try license(licence, context.now)]
    case .suspend(let name, let reason):
      guard try standing(name) != .suspended else { return [] }
      return [
        EventDraft(
          .operatorSuspended(
            .with {
              $0.operatorName = name.text
              $0.reason = reason
            }))
      ]
    case .resume(let name):
      guard try standing(name) != .active else { return [] }
      return [EventDraft(.operatorResumed(.with { $0.operatorName = name.text }))]
    case .remove(let name, let reason):
      let record = try operators.require(name)
      guard record.stated != .removed else { return [] }
      try requireNoMoney(record)
      try requireNothingUnderWay(record)
      return [
        EventDraft(
          .operatorRemoved(
            .with {
              $0.operatorName = name.text
              $0.reason = reason
            }))
      ]
    case .release(let agent, let name):
      let record = try operators.require(name)
      try requireAgent(agent)
      if record.released.contains(agent) { return [] }
      guard record.owns(agent) else { throw OperatorError.notYourAgent(agent.text, operator: name.text) }
      return [
        EventDraft(
          .operatorAgentReleased(
            .with {
              $0.operatorName = name.text
              $0.agent = agent.text
            }))
      ]
    }
  }

  /// What the authority said of an operator that is not removed.
  private func standing(_ name: OperatorName) throws(OperatorError) -> OperatorStanding {
    let record = try operators.require(name)
    guard record.stated != .removed else { throw .notActive(name, .removed) }
    return record.stated
  }

  private func license(_ licence: OperatorLicence, _ now: FrameTime) throws(OperatorError) -> EventDraft {
    try licence.validate(at: now)
    for other in operators.all where other.name != licence.name && other.stated != .removed {
      for host in other.licence.hosts where licence.hosts.contains(where: { $0.name == host.name }) {
        throw .hostTaken(host.name, by: "the operator '\(other.name)'")
      }
    }
    return EventDraft(.operatorLicensed(licence.event))
  }

  /// Looks at every account; removals are rare.
  private func requireNoMoney(_ record: OperatorRecord) throws(OperatorError) {
    for (account, balance) in accounts where balance != 0 && account.kind.ownership == .agent {
      if let agent = try? AgentName(account.owner), record.owns(agent) {
        throw .hasMoney(record.name, agent: agent)
      }
    }
  }
}
