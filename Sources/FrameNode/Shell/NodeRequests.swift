import FrameBridge
import FrameCore
import Foundation
import FrameEvents
import FrameTreaty
import FramePeering
import FrameProjection
import FrameProtos
import FrameSettlement

/// All that peer input can reach: each verb goes to the room it belongs to.
struct NodeRequests: PeerRequests {
  let projection: ProjectionServer
  let settlement: SettlementServer
  let bridge: BridgeRelay
  let watch: PeerLogWatch
  let log: any WitnessedLog
  let directory: PeerDirectory

  /// Which log of the peer its treaty is with, or was with last.
  private func log(of peer: FrameID) -> PeerLog? {
    (directory.ended(peer)?.treaty ?? directory.treaty(peer)).map { PeerLog(peer, key: $0.peerLogKey) }
  }

  func credit(_ terms: PBTransferTerms, from peer: FrameID) async throws -> PBTransferDecision {
    try await settlement.credit(terms, from: peer, log: log(of: peer))
  }

  func resolve(transferID: String, from peer: FrameID) async throws -> PBTransferDecision {
    try await settlement.resolve(transferID: transferID, from: peer, log: log(of: peer))
  }

  func subscribe(
    after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    try await projection.subscribe(after: sequence, peer: peer, send: send)
  }

  func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement {
    try await bridge.reserveStatement(for: peer)
  }

  func addCheckpoint(_ body: Data, from peer: FrameID) async throws -> WitnessAnswer {
    try await watch.add(body, from: peer)
  }

  func consistencyProof(from first: UInt64, to second: UInt64, for peer: FrameID) async throws -> [Data] {
    try await log.consistencyProof(from: first, to: second)
  }
}
