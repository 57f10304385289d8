import FrameAPI
import FrameCore
import FrameIdentity
import FrameNodeState
import FrameWorkload

/// The frame's own keys: where they stand, and an operator's hand on their rotation.
package struct AuthorityRoutes {
  let node: NodeCore
  let keeper: AuthorityRotation

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/authority", .authority) { [node] _ in .json(AuthorityView(node)) }
    api.on(.post, "/api/v1/authority/{kind}/prepare", .authority) { call in try await rotate(call) { .prepare } }
    api.on(.post, "/api/v1/authority/{kind}/activate", .authority) { call in
      let force = try call.decodeIfPresent(ActivateKeyBody.self)?.force
      return try await rotate(call) { .activate(force: force ?? false) }
    }
    api.on(.post, "/api/v1/authority/{kind}/taint", .authority) { call in
      let id = try named(call)
      return try await rotate(call) { .taint(id) }
    }
    api.on(.post, "/api/v1/authority/{kind}/revoke", .authority) { call in
      let id = try named(call)
      return try await rotate(call) { .revoke(id) }
    }
  }

  private func named(_ call: APICall) throws -> String {
    return try call.decode(AuthorityKeyBody.self).authorityId
  }

  private func rotate(_ call: APICall, _ step: () -> RotationStep) async throws -> APIReply {
    let text = call.parameter("kind")
    guard let kind = AuthorityKind(rawValue: text) else {
      throw Refusal(
        "invalid_authority_kind", .invalid, "'\(text.prefix(40))' is not a kind of key.", remedy: "Use x509 or jwt.")
    }
    _ = try node.issuer("its keys are rotated")
    let change = try await keeper.rotate(kind, step())
    return .json(AuthorityChangeView(change, keeper.authority))
  }
}

extension AuthorityView.Key {
  init(upstream id: String, expiresAt: FrameTime?) {
    self.init(
      id: id, state: "upstream", publishedAt: nil, activatedAt: nil, retiredAt: nil, expiresAt: expiresAt?.description)
  }

  init(_ record: AuthorityRecord) {
    self.init(
      id: record.id, state: record.state.rawValue, publishedAt: record.publishedAt.description,
      activatedAt: record.activatedAt?.description, retiredAt: record.retiredAt?.description,
      expiresAt: record.expiresAt.description)
  }
}

extension AuthorityView.Ring {
  init(_ authority: FrameAuthority, _ kind: AuthorityKind) {
    let next = authority.next(kind)
    self.init(
      keys: authority.records(kind).map(AuthorityView.Key.init), nextStep: Self.words(next.step),
      nextAt: next.at.description)
  }

  private static func words(_ step: RotationStep) -> String {
    switch step {
    case .prepare: "prepare"
    case .activate: "activate"
    case .taint(let id): "taint \(id)"
    case .revoke(let id): "revoke \(id)"
    case .retire(let id): "retire \(id)"
    }
  }
}

extension AuthorityView {
  init(_ node: NodeCore) {
    if let agent = node.upstream { self.init(node, agent) } else { self.init(builtIn: node) }
  }

  private init(_ node: NodeCore, _ agent: UpstreamIdentity) {
    let (bundle, snapshot) = (node.trust.bundle, agent.snapshot)
    self.init(
      frameId: node.frame.name, source: UpstreamMetrics.workloadAPI,
      upstream: Upstream(
        socket: agent.settings.socket, connected: agent.isConnected, updatedAt: snapshot.updatedAt.description,
        svidExpiresAt: snapshot.svid.notAfter.description),
      sequence: bundle.sequence ?? 0, fingerprint: bundle.fingerprint.description,
      refreshHintSeconds: node.authority.policy.refreshHint.components.seconds, caTtlSeconds: nil,
      x509SvidTtlSeconds: nil, jwtKeyTtlSeconds: nil, unlogged: 0,
      x509: Ring(
        keys: bundle.x509Keys.map { Key(upstream: $0.id, expiresAt: $0.expiresAt) }, nextStep: nil, nextAt: nil),
      jwt: Ring(
        keys: bundle.jwtAuthorities.map { Key(upstream: $0.keyID, expiresAt: nil) }, nextStep: nil, nextAt: nil))
  }

  private init(builtIn node: NodeCore) {
    let (bundle, authority) = (node.trust.bundle, node.authority)
    self.init(
      frameId: node.frame.name, source: UpstreamMetrics.builtIn, upstream: nil, sequence: bundle.sequence ?? 0,
      fingerprint: bundle.fingerprint.description,
      refreshHintSeconds: authority.policy.refreshHint.components.seconds,
      caTtlSeconds: authority.policy.caLifetime.components.seconds,
      x509SvidTtlSeconds: authority.policy.x509SVIDLifetime.components.seconds,
      jwtKeyTtlSeconds: authority.policy.jwtKeyLifetime.components.seconds, unlogged: authority.unlogged.count,
      x509: Ring(authority, .x509), jwt: Ring(authority, .jwt))
  }
}

extension AuthorityChangeView {
  init(_ change: AuthorityChange, _ authority: FrameAuthority) {
    let ring = AuthorityView.Ring(authority, change.kind)
    self.init(
      kind: change.kind.rawValue,
      action: change.action.rawValue,
      authorityId: change.authorityID,
      sequence: change.sequence,
      fingerprint: change.fingerprint,
      forced: change.forced,
      nextStep: ring.nextStep ?? "",
      nextAt: ring.nextAt ?? "")
  }
}
