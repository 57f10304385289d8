import FrameBridge
import FrameCore
import FrameFederation
import FramePeerAPI
import FrameProjection
import FrameProtos
import FrameSettlement

/// All that peer input can reach: each verb goes to the room it belongs to.
struct NodeVerbs: PeerVerbs {
  let projection: ProjectionServer
  let settlement: SettlementServer
  let bridge: BridgeRelay

  func credit(_ terms: PBTransferTerms, from peer: FrameID) async throws -> PBTransferDecision {
    try await settlement.credit(terms, from: peer)
  }

  func resolve(transferID: String, from peer: FrameID) async throws -> PBTransferDecision {
    try await settlement.resolve(transferID: transferID, from: peer)
  }

  func subscribe(
    after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    try await projection.subscribe(after: sequence, peer: peer, send: send)
  }

  func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement {
    try await bridge.reserveStatement(for: peer)
  }
}
