import Foundation
import FrameAPI
import FrameCore
import FrameLedger
import FrameLog
import FrameNodeState
import FrameProtos

/// The frame itself, and its agents.
package struct FrameRoutes {
  let node: NodeCore

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/frame", .anyone) { [node] _ in
      let configuration = node.configuration
      return .json(
        FrameView(
          frameId: configuration.frameID.name,
          currency: .init(code: configuration.native.code, scale: Int(configuration.native.scale)),
          federationAddress: configuration.advertised.federationAddress,
          bundleEndpoint: configuration.advertised.bundleEndpoint,
          bundleFingerprint: node.trust.bundle.fingerprint.description,
          logVerifierKey: node.signer.verifierKey.text,
          version: NodeVersion.text, logSize: node.writer.durableSize()))
    }
    api.on(.get, "/api/v1/agents", .operators) { [node] call in
      let caller = call.caller
      // An operator sees its own.
      let agents = try await node.writer.read { state in
        guard case .operator(let name, _) = caller else { return state.ledger.agents }
        return state.ledger.agents.filter { state.ledger.operators.record(ofAgent: $0.name)?.name == name }
      }
      return .json(AgentsView(agents: agents.map { agent($0.name, $0) }))
    }
    api.on(.post, "/api/v1/agents", .operators) { call in
      let body = try call.decode(NewAgentBody.self)
      let name = try AgentName(body.name)
      let position = try await register(name, purpose: body.purpose ?? "", actor: try call.actor())
      var view = agent(name, purpose: body.purpose ?? "")
      view.position = position
      return .json(view, .created)
    }
    api.on(.get, "/api/v1/agents/{name}", .members) { [node] call in
      let name = try AgentName(call.parameter("name"))
      try Self.requireSelf(name, call)
      try await requireOwn(name, call)
      let look: @Sendable (NodeState) -> (AgentRecord?, [AccountRef: Int64]) = { state in
        (state.ledger.agent(name), state.ledger.accounts.filter { $0.key.owner == name.text && $0.key.kind.isAgents })
      }
      let past: PastValue<(AgentRecord?, [AccountRef: Int64])>? =
        if let point = try call.past(at: node.clock.now()) {
          try await node.writer.past(point, for: call.asker(node), look)
        } else { nil }
      let (known, balances) = if let past { past.value } else { try await node.writer.read(look) }
      guard let known else { throw LedgerError.unknownAgent(name.text) }
      var view = agent(name, known)
      if let past { view.asOf = try await AsOfView(past, node) }
      view.balances = balances.sorted { $0.key.description < $1.key.description }.map { account, units in
        let asset = account.asset ?? node.configuration.native
        return AgentView.Balance(
          kind: account.kind.word, asset: asset.description,
          amount: Amount(minorUnits: units).decimal(scale: asset.scale))
      }
      return .json(view)
    }
    api.on(.post, "/api/v1/agents/{name}/freeze", .authority) { call in
      let reason = try call.decode(FreezeBody.self).reason
      return try await setFreeze(call) { .freezeAgent($0, reason: reason) }
    }
    api.on(.post, "/api/v1/agents/{name}/unfreeze", .authority) { call in
      let reason = try call.reason()
      return try await setFreeze(call) { .unfreezeAgent($0, reason: reason) }
    }
    api.on(.post, "/api/v1/agents/{name}/token", .operators) { [node] call in
      let name = try AgentName(call.parameter("name"))
      try await requireOwn(name, call)
      let lifetime = try (call.decodeIfPresent(TokenBody.self) ?? TokenBody()).lifetime()
      guard try await node.writer.read({ $0.ledger.agentExists(name) }) else {
        throw LedgerError.unknownAgent(name.text)
      }
      let frame = node.configuration.frameID
      let token = try await node.issuer("tokens of agents are issued").issueJWTSVID(
        for: .agent(name, of: frame), audience: [SPIFFEID.api(of: frame).description], lifetime: lifetime)
      return .json(
        TokenView(token: token.token, spiffeId: token.id.description, expiresAt: token.expiresAt.description),
        isSecret: true)
    }
  }

  /// - Throws: `LedgerError.agentExists` for a name that is taken.
  private func register(_ name: AgentName, purpose: String, actor: SPIFFEID) async throws -> UInt64 {
    let committed = try await node.submit(
      .ledger(.registerAgent(name, purpose: purpose)), actor: actor, key: node.freshKey("agent"))
    return committed.events.first?.position ?? 0
  }

  private func setFreeze(_ call: APICall, _ command: (AgentName) -> LedgerCommand) async throws -> APIReply {
    let name = try AgentName(call.parameter("name"))
    let (committed, known) = try await node.submit(
      .ledger(command(name)), actor: try call.actor(), key: node.freshKey("freeze")
    ) { $0.ledger.agent(name) }
    guard let known else { throw LedgerError.unknownAgent(name.text) }
    var view = agent(name, known)
    view.position = committed.events.first?.position
    return .json(view)
  }

  private func agent(_ name: AgentName, _ record: AgentRecord) -> AgentView {
    var view = agent(name, purpose: record.purpose)
    view.frozen = record.freeze?.reason
    view.frozenSince = record.freeze?.since.description
    return view
  }

  private func agent(_ name: AgentName, purpose: String) -> AgentView {
    let frame = node.configuration.frameID
    return AgentView(
      name: name.text, spiffeId: SPIFFEID.agent(name, of: frame).description,
      address: AgentAddress(name: name, frame: frame).description, purpose: purpose)
  }

  /// - Throws: `OperatorError.notYourAgent` when an operator asks for an agent that is not its own.
  private func requireOwn(_ name: AgentName, _ call: APICall) async throws {
    guard case .operator(_, let id) = call.caller else { return }
    try await node.writer.read { try $0.ledger.operators.requireOwn(name.text, id) }
  }

  static func requireSelf(_ name: AgentName, _ call: APICall) throws {
    if case .agent(let caller, _) = call.caller, caller != name {
      throw Refusal(
        "not_your_account", .forbidden, "Agent '\(caller)' may not see the account of '\(name)'.",
        remedy: "Use that agent's own token.")
    }
  }
}

extension PBAccountKind {
  /// Whether the owner of such an account is an agent.
  var isAgents: Bool {
    switch self {
    case .liquid, .held, .staked, .wrapped: true
    case .fees, .treasury, .bridgeReserve, .clearing, .issuance, .unspecified, .UNRECOGNIZED: false
    }
  }
}
