import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FramePeering
import FrameNodeState
import FrameIdentity
import HTTPTypes

/// The terms of treaties for the operator: the signed text, amendments, and the explicit change of a pin.
package struct TreatyRoutes {
  let node: NodeCore
  package let federation: FederationService

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/peers/invitations", .authority) { [federation, node] _ in
      let now = node.clock.now()
      let open = try await federation.treaties().filter { $0.state == .requested }
      return .json(InvitationsView(invitations: open.map { InvitationView($0, now: now) }))
    }
    api.on(.get, "/api/v1/peers/{peer}/treaty", .authority) { [federation, node] call in
      .json(try TreatyView(try await federation.treaty(try peer(call)), native: node.configuration.native))
    }
    api.on(.post, "/api/v1/peers/{peer}/repin", .authority) { [federation, node] call in
      let treaty = try await federation.repin(
        try peer(call), fingerprint: try BundleFingerprint(call.decode(FingerprintBody.self).fingerprint),
        actor: try call.actor(), key: node.freshKey("ws3/repin"))
      return .json(
        PeerView(
          treaty, native: node.configuration.native, sight: nil, now: node.clock.now(),
          trouble: federation.trouble(with: treaty.peer)))
    }
    api.on(.get, "/api/v1/peers/{peer}/amendments", .authority) { [federation, node] call in
      let treaty = try await federation.treaty(try peer(call))
      return .json(AmendmentsView(amendments: AmendmentView.all(of: treaty, native: node.configuration.native)))
    }
    api.on(.post, "/api/v1/peers/{peer}/amendments", .authority) { call in try await propose(call) }
    api.on(.post, "/api/v1/peers/{peer}/amendments/{id}/accept", .authority) { [federation, node] call in
      let amendment = try await federation.acceptAmendment(
        call.parameter("id"), of: try peer(call), actor: try call.actor(), key: node.freshKey("ws3/amendment-accept"))
      return try await reply(amendment, try peer(call), .incoming)
    }
    api.on(.post, "/api/v1/peers/{peer}/amendments/{id}/reject", .authority) { [federation, node] call in
      let amendment = try await federation.rejectAmendment(
        call.parameter("id"), of: try peer(call), reason: try call.reason(), actor: try call.actor(),
        key: node.freshKey("ws3/amendment-reject"))
      return try await reply(amendment, try peer(call), .incoming)
    }
    api.on(.post, "/api/v1/peers/{peer}/amendments/{id}/withdraw", .authority) { [federation] call in
      let amendment = try await federation.withdrawAmendment(
        call.parameter("id"), from: try peer(call), reason: try call.reason(), actor: try call.actor())
      return try await reply(amendment, try peer(call), .outgoing)
    }
  }

  private func propose(_ call: APICall) async throws -> APIReply {
    let body = try call.decode(AmendmentBody.self)
    let peer = try peer(call)
    let native = node.configuration.native
    let foreign = try Asset(try await federation.treaty(peer).theirs.native)
    func units(_ name: String, _ text: String?, _ asset: Asset) throws -> Int64? {
      do { return try text.map { try Amount($0, scale: asset.scale).minorUnits } } catch let error as AmountError {
        throw Refusal(error.code, error.kind, "\(name), in \(asset): \(error.message)", remedy: error.remedy)
      }
    }
    var (ours, theirs) = (TermChanges(), TermChanges())
    ours.netDebitCap = try units("net_debit_cap", body.netDebitCap, native)
    ours.bridgeCap = try units("bridge_cap", body.bridgeCap, foreign)
    ours.bridgeRatePerMinute = try units("bridge_rate_per_minute", body.bridgeRatePerMinute, foreign)
    ours.subscriptions = body.subscriptions
    ours.subscribe = body.subscribe ?? []
    ours.unsubscribe = body.unsubscribe ?? []
    theirs.netDebitCap = try units("peer_net_debit_cap", body.peerNetDebitCap, foreign)
    theirs.bridgeCap = try units("peer_bridge_cap", body.peerBridgeCap, native)
    theirs.bridgeRatePerMinute = try units("peer_bridge_rate_per_minute", body.peerBridgeRatePerMinute, native)
    var endpoints = EndpointChanges()
    endpoints.bundleEndpoint = body.bundleEndpoint
    endpoints.federationAddress = body.federationAddress
    endpoints.apiURL = body.apiUrl
    let lifetime = body.expiresInSeconds.map { Duration.seconds(min(max($0, 0), 40 * 86_400)) }
    let amendment = try await federation.propose(
      to: peer, ours: ours, theirs: theirs, endpoints: endpoints,
      note: try APICall.short(body.note ?? "", "note", .note),
      lifetime: lifetime ?? FederationService.amendmentLifetime, actor: try call.actor(),
      key: node.freshKey("ws3/amend"))
    return try await reply(amendment, peer, .outgoing, .accepted)
  }

  private func reply(
    _ amendment: Amendment, _ peer: FrameID, _ direction: Treaty.Direction, _ status: HTTPResponse.Status = .ok
  ) async throws -> APIReply {
    let treaty = try await federation.treaty(peer)
    return .json(
      AmendmentView(amendment, of: treaty, direction: direction, native: node.configuration.native), status)
  }

  private func peer(_ call: APICall) throws -> FrameID { try FrameID(call.parameter("peer")) }
}
