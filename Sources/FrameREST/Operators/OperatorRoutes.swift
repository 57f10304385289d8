import Foundation
import FrameAPI
import FrameCore
import FrameIdentity
import FrameNodeState
import FrameLedger

/// Operators: the frame's tenants, and what its authority does with them.
package struct OperatorRoutes {
  let node: NodeCore
  let operators: OperatorService

  static let defaultDays = 365

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/operators", .authority) { [node] _ in
      let (all, agents) = try await node.writer.read { state in (state.ledger.operators.all, state.ledger.agents) }
      return .json(OperatorsView(operators: all.map { record in view(record, agents.filter { record.owns($0.name) }) }))
    }
    api.on(.post, "/api/v1/operators", .authority) { call in
      let body = try call.decode(NewOperatorBody.self)
      let licence = try body.licence.licence(for: OperatorName(body.name), replacing: nil, at: node.writer.time.now())
      let record = try await operators.license(licence, renewing: false, actor: call.actor())
      return .json(view(record, []), .created)
    }
    api.on(.get, "/api/v1/operators/{operator}", .operators) { call in
      let (record, agents) = try await read(call)
      return .json(view(record, agents))
    }
    api.on(.get, "/api/v1/operators/{operator}/licence", .operators) { [node] call in
      let (record, _) = try await read(call)
      try record.requireStanding(at: node.writer.time.now())
      return .text(record.licence.document(by: node.signer), cacheControl: "no-store")
    }
    api.on(.post, "/api/v1/operators/{operator}/renew", .authority) { call in
      let body = try call.decodeIfPresent(LicenceBody.self) ?? LicenceBody()
      let (record, agents) = try await read(call)
      let licence = try body.licence(for: record.name, replacing: record.licence, at: node.writer.time.now())
      return .json(view(try await operators.license(licence, renewing: true, actor: call.actor()), agents))
    }
    api.on(.post, "/api/v1/operators/{operator}/suspend", .authority) { call in
      let reason = try call.reason()
      return try await change(call) { try await operators.suspend($0, reason: reason, actor: call.actor()) }
    }
    api.on(.post, "/api/v1/operators/{operator}/resume", .authority) { call in
      try await change(call) { try await operators.resume($0, actor: call.actor()) }
    }
    api.on(.post, "/api/v1/operators/{operator}/remove", .authority) { call in
      let reason = try call.reason()
      return try await change(call) { try await operators.remove($0, reason: reason, actor: call.actor()) }
    }
    api.on(.post, "/api/v1/operators/{operator}/agents/{agent}/release", .authority) { call in
      let agent = try AgentName(call.parameter("agent"))
      return try await change(call) { try await operators.release(agent, from: $0, actor: call.actor()) }
    }
    api.on(.post, "/api/v1/operators/{operator}/token", .authority) { [node] call in
      let lifetime = try (call.decodeIfPresent(TokenBody.self) ?? TokenBody()).lifetime()
      let (record, _) = try await read(call)
      try record.requireStanding(at: node.writer.time.now())
      let token = try await node.issuer("tokens of operators are issued").issueJWTSVID(
        for: .ofOperator(record.name, in: node.frame), audience: [SPIFFEID.api(of: node.frame).description],
        lifetime: lifetime)
      return .json(
        TokenView(token: token.token, spiffeId: token.id.description, expiresAt: token.expiresAt.description),
        isSecret: true)
    }
  }

  /// The operator that the path names, and its agents; an operator sees itself only.
  private func read(_ call: APICall) async throws -> (OperatorRecord, [AgentRecord]) {
    let name = try OperatorName(call.parameter("operator"))
    if case .operator(let caller, _) = call.caller, caller != name {
      throw Refusal(
        "not_your_operator", .forbidden, "Operator '\(caller)' may not see '\(name)'.",
        remedy: "Use that operator's own token.")
    }
    return try await node.writer.read { state in
      let record = try state.ledger.operators.require(name)
      return (record, state.ledger.agents.filter { record.owns($0.name) })
    }
  }

  private func change(
    _ call: APICall, _ body: (OperatorName) async throws -> OperatorRecord
  ) async throws -> APIReply {
    let (record, _) = try await read(call)
    _ = try await body(record.name)
    let (changed, agents) = try await read(call)
    return .json(view(changed, agents))
  }

  private func view(_ record: OperatorRecord, _ agents: [AgentRecord]) -> OperatorView {
    OperatorView(
      name: record.name.text, spiffeId: SPIFFEID.ofOperator(record.name, in: node.frame).description,
      state: record.standing(at: node.writer.time.now()).rawValue, reason: record.reason.isEmpty ? nil : record.reason,
      since: record.since.description, licenceId: record.licence.id,
      scopes: record.licence.scopes.sorted().map(\.rawValue),
      hosts: record.licence.hosts.map { .init(name: $0.name, upstream: $0.upstream) },
      issuedAt: record.licence.issued.description, expiresAt: record.licence.expires.description,
      agents: agents.map(\.name.text))
  }
}

extension LicenceBody {
  /// - Throws: `OperatorError.invalidLicence`.
  func licence(
    for name: OperatorName, replacing old: OperatorLicence?, at now: FrameTime
  ) throws -> OperatorLicence {
    let days = days ?? OperatorRoutes.defaultDays
    guard (1...1096).contains(days) else { throw OperatorError.invalidLicence("it would be valid for \(days) days") }
    let scopes = try scopes.map { scopes in
      try scopes.map { text in
        guard let scope = LicenceScope(rawValue: text) else {
          throw OperatorError.invalidLicence("'\(text.prefix(40))' is not a scope")
        }
        return scope
      }
    }
    return OperatorLicence(
      name: name, id: UniqueID.make(at: now),
      scopes: scopes.map(Set.init) ?? old?.scopes ?? Set(LicenceScope.allCases),
      hosts: hosts?.map { OperatorHost(name: $0.name, upstream: $0.upstream) } ?? old?.hosts ?? [], issued: now,
      expires: now + .seconds(days * 86_400))
  }
}
