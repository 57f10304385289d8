import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FramePeering
import FrameEvents
import FrameNodeState
import FrameProtos

/// What stands towards logs that peers have lost or left, for the operators who decide about it (decision 0034).
package struct FormerLogRoutes {
  let node: NodeCore
  package let federation: FederationService

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
    return try call.decode(NoteBody.self).note
  }

  private func reason(_ call: APICall) throws -> String {
    return call.body.isEmpty ? "" : try call.decode(ReasonBody.self).reason ?? ""
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

extension FormerLogView {
  /// Items that are listed at most; the counts say how many there are.
  static let itemsMax = 200

  init(_ former: FormerLog, _ state: NodeState, native: Asset, items listed: Bool) {
    func decimal(_ units: Int64) -> String { Amount(minorUnits: units).decimal(scale: native.scale) }
    let figures =
      former.state == .unbooked
      ? state.settlement.standing(of: former.log).joined(with: state.bridge.standing(of: former.log)) : former.figures
    let wrapped = try? Asset(figures.wrappedAsset)
    func foreign(_ units: Int64) -> String? {
      wrapped.map { "\(Amount(minorUnits: units).decimal(scale: $0.scale)) \($0)" }
    }
    self.init(
      log: former.log.name, frameId: former.log.frame.name, state: former.state.rawValue,
      since: former.since.description, logVerifierKey: former.key, newLogVerifierKey: former.newKey,
      asset: native.description, clearing: decimal(figures.clearing), sent: decimal(figures.sent),
      held: decimal(figures.held), transfers: figures.transfers, reserve: decimal(figures.reserve),
      returnable: decimal(figures.returnable), items: figures.items, wrapped: foreign(figures.wrapped),
      redeeming: foreign(figures.redeeming), proposalId: former.proposalID.isEmpty ? nil : former.proposalID,
      withdrawnAt: former.withdrawnAt?.description, decidedAt: former.decidedAt?.description,
      note: former.note.isEmpty ? nil : former.note,
      open: listed ? Self.open(former.log, state, native: native) : nil)
  }

  /// What is in flight, and what is still to be returned.
  private static func open(_ log: PeerLog, _ state: NodeState, native: Asset) -> [Item] {
    let waiting = state.settlement.openTransfers(of: log).prefix(itemsMax).map { transfer in
      Item(
        kind: transfer.backend.rawValue, id: transfer.id, to: transfer.terms?.from.text ?? "",
        amount: Amount(minorUnits: transfer.terms?.amount.minorUnits ?? 0).decimal(scale: native.scale), asset: nil)
    }
    let bridge = state.bridge.former[log]
    let returns = (bridge?.returns ?? []).prefix(itemsMax).map { item in
      let asset = item.kind == .wrapped ? bridge?.bridge.native : nil
      return Item(
        kind: word(item.kind), id: item.id, to: item.to,
        amount: Amount(minorUnits: item.amount).decimal(scale: asset?.scale ?? native.scale),
        asset: asset?.description)
    }
    return waiting + returns
  }

  private static func word(_ kind: PBFormerLogItemReturned.Kind) -> String {
    switch kind {
    case .lock: "lock"
    case .wrapped: "wrapped"
    case .redemption, .unspecified, .UNRECOGNIZED: "redemption"
    }
  }
}

extension FormerLogClaimView {
  init(_ claim: FormerLogClaim, _ state: NodeState, native: Asset) {
    self.init(
      proposalId: claim.proposalID,
      frameId: claim.peer.name,
      log: claim.log.name,
      state: claim.state.rawValue,
      since: claim.since.description,
      asset: native.description,
      clearing: state.federation.clearing(of: claim).map { Amount(minorUnits: $0).decimal(scale: native.scale) },
      reserve: Amount(minorUnits: claim.figures.wrapped).decimal(scale: native.scale),
      redeeming: Amount(minorUnits: claim.figures.redeeming).decimal(scale: native.scale),
      note: claim.note.isEmpty ? nil : claim.note,
      reason: claim.reason.isEmpty ? nil : claim.reason,
      answeredAt: claim.answeredAt?.description)
  }
}
