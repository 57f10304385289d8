import Foundation
import FrameBridge
import FrameAPI
import FrameCore
import FrameTreaty
import FramePeering
import FrameLedger
import FrameEvents
import FrameProjection
import FrameNodeState
import FrameProtos

/// The SF-3 bridge: lock and redeem by agents, issue and unlock by whoever brings a proof, and the reserves.
package struct BridgeRoutes {
  let node: NodeCore
  let relay: BridgeRelay
  let watch: PeerLogWatch
  let reserves: @Sendable () async throws -> ReservesView

  func add(to api: APIRouter) {
    addMovements(to: api)
    api.on(.get, "/api/v1/bridge/locks/{id}", .authenticated) { call in try await show(call, .lock) }
    api.on(.get, "/api/v1/bridge/redeems/{id}", .authenticated) { call in try await show(call, .redemption) }
    api.on(.get, "/api/v1/bridge/reserves", .authority) { [reserves] _ in .json(try await reserves()) }
    api.on(.post, "/api/v1/bridge/{peer}/breaker/close", .authority) { [node] call in
      let command = BridgeCommand.closeBreaker(
        peer: try FrameID(call.parameter("peer")),
        note: try APICall.short(try call.decode(NoteBody.self).note, "note", .reason))
      let done = try await node.submit(
        .bridge(command), actor: try call.actor(), key: node.freshKey("bridge/breaker/close")
      ) { ReservesView.of($0) }
      return .json(done.view)
    }
  }

  private enum Kind {
    case lock, redemption

    func item(_ id: String, in bridge: BridgePeer) -> BridgeItem? {
      self == .lock ? bridge.outbound.locks[id] : bridge.inbound.redeems[id]
    }

    func word(_ item: BridgeItem) -> String {
      let isDone = item.doneAt != nil
      return self == .lock ? (isDone ? "issued" : "locked") : (isDone ? "unlocked" : "redeemed")
    }
  }

  private func addMovements(to api: APIRouter) {
    api.on(.post, "/api/v1/bridge/lock", .authenticated) { [node] call in
      let body = try call.decode(TransferBody.self)
      try APICall.check(asset: body.asset, is: node.configuration.native)
      let to = try AgentAddress(body.to)
      let key = try call.idempotencyKey()
      let from = try call.payer(body.from)
      let id = BridgeCommand.id("lock", for: key)
      let amount = try Amount(body.amount, scale: node.configuration.native.scale)
      let (committed, item) = try await node.submit(
        .bridge(
          .lock(
            id: id, destination: to.frame, from: from, recipient: to.name, amount: amount, memo: body.memo ?? "")),
        actor: .agent(from, of: node.frame), key: key
      ) { state in Result { try Self.item(id, .lock, in: state) } }
      return .json(try item.get(), .accepted, replayed: committed.replayed)
    }
    api.on(.post, "/api/v1/bridge/redeem", .authenticated) { [node] call in
      let body = try call.decode(RedeemBody.self)
      let origin = try FrameID(body.origin)
      let to = try AgentAddress(body.to)
      guard to.frame == origin else {
        throw Refusal(
          "recipient_not_at_origin", .invalid, "'\(to)' is not an agent of \(origin).",
          remedy: "Redeemed tokens are unlocked at their origin: name an agent there.")
      }
      let key = try call.idempotencyKey()
      let from = try call.payer(body.from)
      let asset = try await node.writer.read { state in
        try Asset(state.federation.requireEstablished(origin).theirs.native)
      }
      try APICall.check(asset: body.asset, is: asset)
      let id = BridgeCommand.id("redeem", for: key)
      let (committed, item) = try await node.submit(
        .bridge(
          .redeem(
            id: id, origin: origin, from: from, recipient: to.name, amount: try Amount(body.amount, scale: asset.scale),
            memo: body.memo ?? "")),
        actor: .agent(from, of: node.frame), key: key
      ) { state in Result { try Self.item(id, .redemption, in: state) } }
      return .json(try item.get(), .accepted, replayed: committed.replayed)
    }
    api.on(.post, "/api/v1/bridge/issue", .authenticated) { call in try await prove(call) }
    api.on(.post, "/api/v1/bridge/unlock", .authenticated) { call in try await prove(call) }
  }

  /// Verifies a proof with the key that the treaty pins for the frame it claims to come from, and has it acted on.
  private func prove(_ call: APICall) async throws -> APIReply {
    guard let bytes = Data(base64Encoded: try call.decode(ProofBody.self).proof),
      let attestation = try? PBAttestation(serializedBytes: bytes),
      let claimed = try? PBEvent(serializedBytes: attestation.event)
    else { throw LogError.badProof("it is not the base64 of an attestation") }
    let (treaties, frame) = (try await node.writer.read { $0.federation.treaties }, node.frame)
    // Only chooses whose pinned key to try; the key, not this name, decides what the proof is worth (CONFORMANCE B9).
    guard
      let treaty = treaties.values.first(where: {
        claimed.counterparty(from: $0.peer) == frame.name && $0.state == .established && isFrom($0, attestation)
      })
    else { throw LogError.badProof("no peer with a treaty signed its checkpoint") }
    // Not before the checkpoint is certain to be of the history that we witness (CONFORMANCE L5, B19, B20).
    let witnessed = try await watch.read(
      attestation.checkpoint, of: treaty.peer, key: try LogVerifierKey(treaty.peerLogKey))
    let attested = try AttestedEvent(verifying: attestation, from: treaty.peer, by: witnessed)
    let committed = try await relay.prove(attested, actor: try call.actor())
    return .json(try await provenItem(attested), replayed: committed.replayed || committed.events.isEmpty)
  }

  /// The checkpoint's first line is the log's origin, which is the frame's name.
  private func isFrom(_ treaty: Treaty, _ attestation: PBAttestation) -> Bool {
    attestation.checkpoint.starts(with: Data("\(treaty.peer.name)\n".utf8))
  }

  private func provenItem(_ attested: AttestedEvent) async throws -> BridgeItemView {
    try await node.writer.read { state in
      let bridge = state.bridge.peer(attested.origin)
      if case .tokensBridgeLocked(let lock) = attested.event.event.payload,
        let item = bridge.inbound.issues[lock.lockID]
      {
        let asset = try Asset(state.federation.requireEstablished(attested.origin).theirs.native)
        return Self.view(item, .lock, state: "issued", asset: asset)
      }
      if case .wrappedTokensRedeemed(let redeem) = attested.event.event.payload,
        let item = bridge.outbound.unlocks[redeem.redeemID]
      {
        return Self.view(item, .redemption, state: "unlocked", asset: state.ledger.native)
      }
      throw BridgeError.nothingPending("that proof")
    }
  }

  private func show(_ call: APICall, _ kind: Kind) async throws -> APIReply {
    let id = call.parameter("id")
    let found = try await node.writer.read { try Self.item(id, kind, in: $0) }
    if case .agent(let caller, _) = call.caller, found.from != caller.text {
      throw Refusal(
        "not_your_account", .forbidden, "Agent '\(caller)' is not the sender.", remedy: "Use the sender's token.")
    }
    return .json(found)
  }

  /// A lock or redemption that an agent of this frame made.
  private static func item(_ id: String, _ kind: Kind, in state: NodeState) throws -> BridgeItemView {
    for (peer, bridge) in state.bridge.peers {
      guard let item = kind.item(id, in: bridge) else { continue }
      let asset =
        try kind == .lock ? state.ledger.native : Asset(state.federation.treaty(peer)?.theirs.native ?? PBAsset())
      return view(item, kind, state: kind.word(item), asset: asset)
    }
    // With a log that the peer has lost it waits, and comes home when that was decided about.
    for (_, former) in state.bridge.former.sorted(by: { $0.key < $1.key }) {
      guard let item = kind.item(id, in: former.bridge), let theirs = former.bridge.native else { continue }
      let isBack = former.isBack(kind == .lock ? .lock : .wrapped, id)
      let asset = kind == .lock ? state.ledger.native : theirs
      return view(item, kind, state: isBack ? "returned" : kind.word(item), asset: asset)
    }
    throw Refusal(
      "unknown_bridge_item", .notFound,
      "There is no \(kind == .lock ? "lock" : "redemption") '\(id.prefix(80))' here.",
      remedy: "Use the id that the lock or redeem request returned.")
  }

  private static func view(_ item: BridgeItem, _ kind: Kind, state: String, asset: Asset) -> BridgeItemView {
    BridgeItemView(
      lockId: kind == .lock ? item.id : nil, redeemId: kind == .redemption ? item.id : nil, state: state,
      peer: item.peer.name, from: item.from, recipient: item.recipient,
      amount: Amount(minorUnits: item.amount).decimal(scale: asset.scale), asset: asset.description,
      memo: item.memo, position: item.position)
  }
}

extension ReservesView {
  /// Both directions with every peer that ever had a treaty.
  package static func of(_ state: NodeState) -> ReservesView {
    let native = state.ledger.native
    func decimal(_ units: Int64, _ asset: Asset = native) -> String {
      Amount(minorUnits: units).decimal(scale: asset.scale)
    }
    return ReservesView(
      reserves: state.federation.treaties.values.sorted { $0.peer < $1.peer }.compactMap { treaty in
        guard let theirs = try? Asset(treaty.theirs.native) else { return nil }
        let bridge = state.bridge.peer(treaty.peer)
        let items =
          bridge.outbound.unissued.map { Item(kind: "lock_not_issued", id: $0.key, amount: decimal($0.value)) }
          + bridge.outbound.pendingUnlocks.map {
            Item(kind: "redemption_not_unlocked", id: $0.key, amount: decimal($0.value.amount))
          }
        return Reserve(
          peer: treaty.peer.name, asset: native.description, locked: decimal(bridge.outbound.locked),
          unlocked: decimal(bridge.outbound.unlocked), reserve: decimal(bridge.outbound.reserve),
          outstanding: decimal(bridge.outbound.outstanding), inFlight: decimal(bridge.outbound.inFlight),
          imbalance: decimal(bridge.outbound.imbalance), wrappedAsset: theirs.description,
          wrappedOutstanding: decimal(bridge.inbound.outstanding, theirs), breakerOpen: bridge.breaker != nil,
          breakerReason: bridge.breaker?.reason, inFlightItems: items.sorted { $0.id < $1.id })
      })
  }
}
