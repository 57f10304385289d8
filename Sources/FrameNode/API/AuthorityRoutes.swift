import FrameCore
import FrameIdentity
import FrameWorkload

/// The frame's own keys: where they stand, and an operator's hand on their rotation.
struct AuthorityRoutes {
  let node: NodeCore
  let keeper: AuthorityKeeper

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/authority", .authority) { [node] _ in .json(AuthorityView(node)) }
    api.on(.post, "/api/v1/authority/{kind}/prepare", .authority) { call in try await rotate(call) { .prepare } }
    api.on(.post, "/api/v1/authority/{kind}/activate", .authority) { call in
      struct Body: Decodable { let force: Bool? }
      let force = try call.decodeIfPresent(Body.self)?.force
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
    struct Body: Decodable { let authorityId: String }
    return try call.decode(Body.self).authorityId
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

/// The keys of the frame's authority and when they change next; nothing of it is secret. Of an authority elsewhere, what its agent
/// says: which keys there are, not what happens to them.
struct AuthorityView: Encodable, Sendable {
  struct Key: Encodable, Sendable {
    let id: String
    let state: String
    let publishedAt: String?
    let activatedAt: String?
    let retiredAt: String?
    let expiresAt: String?

    init(id: String, expiresAt: FrameTime?) {
      self.id = id
      state = "upstream"
      publishedAt = nil
      activatedAt = nil
      retiredAt = nil
      self.expiresAt = expiresAt?.description
    }

    init(_ record: AuthorityRecord) {
      id = record.id
      state = record.state.rawValue
      publishedAt = record.publishedAt.description
      activatedAt = record.activatedAt?.description
      retiredAt = record.retiredAt?.description
      expiresAt = record.expiresAt.description
    }
  }

  struct Ring: Encodable, Sendable {
    let keys: [Key]
    let nextStep: String?
    let nextAt: String?

    init(upstream keys: [Key]) {
      self.keys = keys
      nextStep = nil
      nextAt = nil
    }

    init(_ authority: FrameAuthority, _ kind: AuthorityKind) {
      keys = authority.records(kind).map(Key.init)
      let next = authority.next(kind)
      nextStep =
        switch next.step {
        case .prepare: "prepare"
        case .activate: "activate"
        case .taint(let id): "taint \(id)"
        case .revoke(let id): "revoke \(id)"
        case .retire(let id): "retire \(id)"
        }
      nextAt = next.at.description
    }
  }

  /// The agent that gives the node its identity.
  struct Upstream: Encodable, Sendable {
    let socket: String
    let connected: Bool
    let updatedAt: String
    let svidExpiresAt: String
  }

  let frameId: String
  /// As `identity.source` in frame.yaml.
  let source: String
  let upstream: Upstream?
  let sequence: UInt64
  let fingerprint: String
  let refreshHintSeconds: Int64
  let caTtlSeconds: Int64?
  let x509SvidTtlSeconds: Int64?
  let jwtKeyTtlSeconds: Int64?
  /// Changes that the log does not have yet.
  let unlogged: Int
  let x509: Ring
  let jwt: Ring

  init(_ node: NodeCore) {
    frameId = node.frame.name
    let bundle = node.trust.bundle
    sequence = bundle.sequence ?? 0
    fingerprint = bundle.fingerprint.description
    let authority = node.authority
    refreshHintSeconds = authority.policy.refreshHint.components.seconds
    if let agent = node.upstream {
      let snapshot = agent.snapshot
      source = UpstreamMetrics.workloadAPI
      upstream = Upstream(
        socket: agent.settings.socket, connected: agent.isConnected, updatedAt: snapshot.updatedAt.description,
        svidExpiresAt: snapshot.svid.notAfter.description)
      (caTtlSeconds, x509SvidTtlSeconds, jwtKeyTtlSeconds) = (nil, nil, nil)
      unlogged = 0
      x509 = Ring(upstream: bundle.x509Keys.map { Key(id: $0.id, expiresAt: $0.expiresAt) })
      jwt = Ring(upstream: bundle.jwtAuthorities.map { Key(id: $0.keyID, expiresAt: nil) })
      return
    }
    source = UpstreamMetrics.builtIn
    upstream = nil
    caTtlSeconds = authority.policy.caLifetime.components.seconds
    x509SvidTtlSeconds = authority.policy.x509SVIDLifetime.components.seconds
    jwtKeyTtlSeconds = authority.policy.jwtKeyLifetime.components.seconds
    unlogged = authority.unlogged.count
    x509 = Ring(authority, .x509)
    jwt = Ring(authority, .jwt)
  }
}

/// What an operator's step did.
struct AuthorityChangeView: Encodable, Sendable {
  let kind: String
  let action: String
  let authorityId: String
  let sequence: UInt64
  let fingerprint: String
  let forced: Bool
  let nextStep: String
  let nextAt: String

  init(_ change: AuthorityChange, _ authority: FrameAuthority) {
    kind = change.kind.rawValue
    action = change.action.rawValue
    authorityId = change.authorityID
    sequence = change.sequence
    fingerprint = change.fingerprint
    forced = change.forced
    let ring = AuthorityView.Ring(authority, change.kind)
    nextStep = ring.nextStep ?? ""
    nextAt = ring.nextAt ?? ""
  }
}
