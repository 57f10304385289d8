import Foundation
import FrameAPI
import FrameCore
import FrameTreaty
import FramePeering
import FrameNodeState
import FrameIdentity

/// WS3 for the operator: invite, look, approve or reject, revoke.
package struct PeerRoutes {
  let node: NodeCore
  package let federation: FederationService
  /// What is seen of a peer now.
  let sight: @Sendable (FrameID) -> ReachabilityView.Sight

  func add(to api: APIRouter) {
    api.on(.get, "/api/v1/peers", .authority) { [federation] _ in
      .json(PeersView(peers: try await federation.treaties().map(view)))
    }
    api.on(.post, "/api/v1/peers/invitations", .authority) { [federation, node] call in
      let body = try call.decode(InvitationBody.self)
      let treaty = try await federation.invite(
        try FrameID(body.trustDomain), at: body.bundleEndpoint,
        by: try body.profile.map { try BundleProfile($0) } ?? .spiffe,
        expecting: try body.expectFingerprint.map { try BundleFingerprint($0) }, actor: try call.actor(),
        key: node.freshKey("ws3/invite"))
      return .json(view(treaty), .accepted)
    }
    api.on(.get, "/api/v1/peers/{peer}", .authority) { [federation] call in
      let treaty = try await federation.treaty(try peer(call))
      federation.markRead(treaty)
      return .json(view(treaty))
    }
    api.on(.post, "/api/v1/peers/{peer}/approve", .authority) { [federation, node] call in
      let treaty = try await federation.approve(
        try peer(call), fingerprint: try BundleFingerprint(call.decode(FingerprintBody.self).fingerprint),
        actor: try call.actor(), key: node.freshKey("ws3/approve"))
      return .json(view(treaty))
    }
    api.on(.post, "/api/v1/peers/{peer}/reject", .authority) { [federation, node] call in
      let treaty = try await federation.reject(
        try peer(call), reason: try call.reason(), actor: try call.actor(), key: node.freshKey("ws3/reject"))
      return .json(view(treaty))
    }
    api.on(.post, "/api/v1/peers/{peer}/revoke", .authority) { [federation, node] call in
      let treaty = try await federation.revoke(
        try peer(call), reason: try call.reason(), actor: try call.actor(), key: node.freshKey("ws3/revoke"))
      return .json(view(treaty))
    }
  }

  private func peer(_ call: APICall) throws -> FrameID { try FrameID(call.parameter("peer")) }

  private func view(_ treaty: Treaty) -> PeerView {
    PeerView(
      treaty, native: node.configuration.native, sight: sight(treaty.peer), now: node.clock.now(),
      trouble: federation.trouble(with: treaty.peer), isStopped: federation.isStopped(treaty.peer),
      servedLogKey: federation.servedLogKey(of: treaty.peer))
  }
}
