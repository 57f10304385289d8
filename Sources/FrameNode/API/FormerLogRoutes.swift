import Foundation
import FrameCore
import FrameFederation
import FrameLog
import FrameProtos

/// What stands towards logs that peers have lost or left, for the operators who decide about it (decision 0034).
struct FormerLogRoutes {
  let node: NodeCore
  let federation: FederationService

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/former-logs", .authority) { _ in .json(try await list(of: nil)) }
    api.on(.get, "/api/v1/peers/{peer}/former-logs", .authority) { call in .json(try await list(of: try peer(call))) }
    api.on(.get, "/api/v1/peers/{peer}/former-logs/{log}", .authority) { call in .json(try await show(try log(call))) }
    api.on(.post, "/api/v1/peers/{peer}/former-logs/{log}/recognise", .authority) { [node] call in
      let (note, log) = (try note(call), try log(call))
      return try await decide(.propose(log: log, id: UniqueID.make(at: node.clock.now()), note: note), log, call)
    }
    api.on(.post, "/api/v1/peers/{peer}/former-logs/{log}/withdraw", .authority) { call in
      let (reason, log) = (try reason(call), try log(call))
      return try await decide(.withdraw(log: log, reason: reason), log, call)
    }
    api.on(.post, "/api/v1/peers/{peer}/former-logs/{log}/write-off", .authority) { call in
      let (note, log) = (try note(call), try log(call))
      return try await decide(.writeOff(log: log, note: note), log, call)
    }
    api.on(.post, "/api/v1/peers/{peer}/former-log-claims/{id}/accept", .authority) { call in
      try await answer(.accept(proposalID: call.parameter("id")), call)
    }
    api.on(.post, "/api/v1/peers/{peer}/former-log-claims/{id}/reject", .authority) { call in
      try await answer(.reject(proposalID: call.parameter("id"), reason: try reason(call)), call)
    }
  }

  // What a request says is read before what it is about: a mistake in it is told whether that exists or not.

  private func note(_ call: APICall) throws -> String {
    struct Body: Decodable { let note: String }
    return try call.decode(Body.self).note
  }

  private func reason(_ call: APICall) throws -> String {
    struct Body: Decodable { let reason: String? }
    return call.body.isEmpty ? "" : try call.decode(Body.self).reason ?? ""
  }

  private func peer(_ call: APICall) throws -> FrameID { try FrameID(call.parameter("peer")) }

  /// By its 16 digits.
  private func log(_ call: APICall) throws -> PeerLog {
    let peer = try peer(call)
    let id = call.parameter("log")
    guard let log = PeerLog(name: "\(peer)+\(id)") else { throw FederationError.formerLogUnknown(id) }
    return log
  }

  private func decide(_ command: FormerLogCommand, _ log: PeerLog, _ call: APICall) async throws -> APIReply {
    try await federation.decide(command, with: log.frame, actor: try call.actor(), key: node.freshKey("former-log"))
    return .json(try await show(log))
  }

  private func answer(_ command: FormerLogCommand, _ call: APICall) async throws -> APIReply {
    let peer = try peer(call)
    try await federation.decide(command, with: peer, actor: try call.actor(), key: node.freshKey("former-log"))
    return .json(try await list(of: peer))
  }

  private func list(of peer: FrameID?) async throws -> FormerLogsView {
    let native = node.configuration.native
    return try await node.writer.read { state in
      let logs = state.federation.logs
      let peers = peer.map { [$0] } ?? state.federation.treaties.keys.sorted()
      return FormerLogsView(
        formerLogs: peers.flatMap { logs.former(of: $0) }.map {
          FormerLogView($0, state, native: native, items: false)
        },
        claims: peers.flatMap { logs.claims(of: $0) }.map { FormerLogClaimView($0, state, native: native) })
    }
  }

  private func show(_ log: PeerLog) async throws -> FormerLogView {
    let native = node.configuration.native
    return try await node.writer.read { state in
      guard let former = state.federation.logs.former[log] else { throw FederationError.formerLogUnknown(log.name) }
      return FormerLogView(former, state, native: native, items: true)
    }
  }
}

struct FormerLogsView: Encodable, Sendable {
  let formerLogs: [FormerLogView]
  let claims: [FormerLogClaimView]
}

/// What stands towards one log that a peer has lost or left.
struct FormerLogView: Encodable, Sendable {
  struct Item: Encodable, Sendable {
    let kind: String
    let id: String
    /// Who gets it back, or is paid.
    let to: String
    let amount: String
    /// Of wrapped tokens; the rest is in our own currency.
    let asset: String?
  }

  /// Items that are listed at most; the counts say how many there are.
  static let itemsMax = 200

  let log: String
  let frameId: String
  let state: String
  let since: String
  let logVerifierKey: String
  let newLogVerifierKey: String
  /// Of all amounts but `wrapped`, which says its own.
  let asset: String
  /// Owed to it (negative: by it), without what is in flight.
  let clearing: String
  let sent: String
  let held: String
  let transfers: UInt64
  let reserve: String
  let returnable: String
  let items: UInt64
  let wrapped: String?
  /// In `wrapped`: redeemed here, and not seen as unlocked there.
  let redeeming: String?
  let proposalId: String?
  let withdrawnAt: String?
  let decidedAt: String?
  let note: String?
  /// What is in flight, or still to be returned; only when one log is asked for.
  let open: [Item]?

  init(_ former: FormerLog, _ state: NodeState, native: Asset, items listed: Bool) {
    func decimal(_ units: Int64) -> String { Amount(minorUnits: units).decimal(scale: native.scale) }
    let figures =
      former.state == .unbooked
      ? state.settlement.standing(of: former.log).joined(with: state.bridge.standing(of: former.log)) : former.figures
    log = former.log.name
    frameId = former.log.frame.name
    self.state = former.state.rawValue
    since = former.since.description
    logVerifierKey = former.key
    newLogVerifierKey = former.newKey
    asset = native.description
    clearing = decimal(figures.clearing)
    sent = decimal(figures.sent)
    held = decimal(figures.held)
    transfers = figures.transfers
    reserve = decimal(figures.reserve)
    returnable = decimal(figures.returnable)
    items = figures.items
    let asset = try? Asset(figures.wrappedAsset)
    func foreign(_ units: Int64) -> String? {
      asset.map { "\(Amount(minorUnits: units).decimal(scale: $0.scale)) \($0)" }
    }
    wrapped = foreign(figures.wrapped)
    redeeming = foreign(figures.redeeming)
    proposalId = former.proposalID.isEmpty ? nil : former.proposalID
    withdrawnAt = former.withdrawnAt?.description
    decidedAt = former.decidedAt?.description
    note = former.note.isEmpty ? nil : former.note
    guard listed else {
      open = nil
      return
    }
    let waiting = state.settlement.openTransfers(of: former.log).prefix(Self.itemsMax).map { transfer in
      Item(
        kind: transfer.backend.rawValue, id: transfer.id, to: transfer.terms?.from.text ?? "",
        amount: decimal(transfer.terms?.amount.minorUnits ?? 0), asset: nil)
    }
    let bridge = state.bridge.former[former.log]
    let returns = (bridge?.returns ?? []).prefix(Self.itemsMax).map { item in
      let asset = item.kind == .wrapped ? bridge?.bridge.native : nil
      return Item(
        kind: Self.word(item.kind), id: item.id, to: item.to,
        amount: Amount(minorUnits: item.amount).decimal(scale: asset?.scale ?? native.scale),
        asset: asset?.description)
    }
    open = waiting + returns
  }

  private static func word(_ kind: PBFormerLogItemReturned.Kind) -> String {
    switch kind {
    case .lock: "lock"
    case .wrapped: "wrapped"
    case .redemption, .unspecified, .UNRECOGNIZED: "redemption"
    }
  }
}

/// What a peer asks of us about a log that we have lost, in our own currency.
struct FormerLogClaimView: Encodable, Sendable {
  let proposalId: String
  let frameId: String
  let log: String
  let state: String
  let since: String
  /// Of both amounts.
  let asset: String
  /// What we would owe the peer (negative: it would owe us), booked against our treasury.
  let clearing: String?
  /// What we would lock from our treasury, behind what the peer's agents hold.
  let reserve: String
  /// In `reserve`: what the peer's agents were redeeming with the lost log, for all that the peer knows.
  let redeeming: String
  let note: String?
  let reason: String?
  let answeredAt: String?

  init(_ claim: FormerLogClaim, _ state: NodeState, native: Asset) {
    proposalId = claim.proposalID
    frameId = claim.peer.name
    log = claim.log.name
    self.state = claim.state.rawValue
    since = claim.since.description
    asset = native.description
    clearing = state.federation.clearing(of: claim).map { Amount(minorUnits: $0).decimal(scale: native.scale) }
    reserve = Amount(minorUnits: claim.figures.wrapped).decimal(scale: native.scale)
    redeeming = Amount(minorUnits: claim.figures.redeeming).decimal(scale: native.scale)
    note = claim.note.isEmpty ? nil : claim.note
    reason = claim.reason.isEmpty ? nil : claim.reason
    answeredAt = claim.answeredAt?.description
  }
}
