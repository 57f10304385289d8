import FrameTreaty
import FrameCore
import FrameIdentity
import FramePeerAPI
import FrameProtos
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import Logging

/// What a peer may tell us about the treaty itself; ``FederationService`` implements it.
package protocol TreatyRequests: Sendable {
  func approvalNotified(_ notice: PBApprovalNotice, by peer: FrameID) async throws -> PBApprovalReply
  func rejectionNotified(_ notice: PBRejectionNotice, by peer: FrameID) async throws
  func revocationNotified(_ notice: PBRevocationNotice, by peer: FrameID) async throws
  func amendmentProposed(_ proposal: PBAmendmentProposal, by peer: FrameID) async throws -> PBAmendmentDecision
  func amendmentDecided(_ decision: PBAmendmentDecision, by peer: FrameID) async throws
  func amendmentWithdrawn(_ withdrawal: PBAmendmentWithdrawal, by peer: FrameID) async throws -> PBAmendmentDecision
}

/// The FramePeer service: authenticates, authorises by treaty state, delegates, and maps errors. It holds no logic of its
/// own, and nothing that a peer sends reaches further than ``TreatyRequests`` and ``PeerRequests`` (CONFORMANCE B11).
struct PeerService: PBFramePeer.SimpleServiceProtocol {
  let directory: PeerDirectory
  let treaties: any TreatyRequests
  let verbs: any PeerRequests
  let calls: ActiveCalls
  let limits: CallLimits
  let clock: any FrameClock
  let metrics: PeeringMetrics
  let logger: Logger

  /// In which relation the caller must stand to us.
  private enum Requirement { case mayNotify, established, witnessed, settling }

  func notifyApproval(request: PBApprovalNotice, context: ServerContext) async throws -> PBApprovalReply {
    try await serve(.notifyApproval, .mayNotify, context) { try await treaties.approvalNotified(request, by: $0) }
  }

  func notifyRejection(request: PBRejectionNotice, context: ServerContext) async throws -> PBAcknowledgement {
    try await serve(.notifyRejection, .mayNotify, context) { peer in
      try await treaties.rejectionNotified(request, by: peer)
      return PBAcknowledgement()
    }
  }

  func notifyRevocation(request: PBRevocationNotice, context: ServerContext) async throws -> PBAcknowledgement {
    try await serve(.notifyRevocation, .mayNotify, context) { peer in
      try await treaties.revocationNotified(request, by: peer)
      return PBAcknowledgement()
    }
  }

  func proposeAmendment(request: PBAmendmentProposal, context: ServerContext) async throws -> PBAmendmentDecision {
    try await serve(.proposeAmendment, .established, context) { try await treaties.amendmentProposed(request, by: $0) }
  }

  func notifyAmendment(request: PBAmendmentDecision, context: ServerContext) async throws -> PBAcknowledgement {
    try await serve(.notifyAmendment, .established, context) { peer in
      try await treaties.amendmentDecided(request, by: peer)
      return PBAcknowledgement()
    }
  }

  func withdrawAmendment(request: PBAmendmentWithdrawal, context: ServerContext) async throws -> PBAmendmentDecision {
    try await serve(.withdrawAmendment, .established, context) { peer in
      try await treaties.amendmentWithdrawn(request, by: peer)
    }
  }

  func subscribe(
    request: PBSubscribeRequest, response: RPCWriter<PBProjectionMessage>, context: ServerContext
  ) async throws {
    try await serve(.subscribe, .established, context) { peer in
      let treaty = try directory.requireEstablished(peer)
      try Self.requireLog(request.logVerifierKey, treaty.ours.logVerifierKey, peer, whose: directory.frame)
      try Self.requireLog(request.callerLogVerifierKey, treaty.peerLogKey, peer, whose: peer)
      try await verbs.subscribe(after: request.afterSequence, peer: peer) { message in
        // Each message asks again: between a revoke and the end of the stream nothing more goes out.
        try directory.requireEstablished(peer)
        do { try await response.write(message) } catch {
          // Whoever asked has gone; how a write fails then is the transport's affair.
          throw CancellationError()
        }
      }
    }
  }

  func creditTransfer(request: PBCreditRequest, context: ServerContext) async throws -> PBTransferDecision {
    try await serve(.credit, .established, context) { peer in
      let treaty = try directory.requireEstablished(peer)
      try Self.requireLog(request.logVerifierKey, treaty.ours.logVerifierKey, peer, whose: directory.frame)
      return try await verbs.credit(request.terms, from: peer)
    }
  }

  func resolveTransfer(request: PBResolveRequest, context: ServerContext) async throws -> PBTransferDecision {
    // Also after the treaty: whoever holds money for a transfer must be able to learn what became of it.
    try await serve(.resolve, .settling, context) { peer in
      guard (1...128).contains(request.transferID.utf8.count) else {
        throw Refusal(
          "invalid_transfer_id", .invalid, "The transfer id is empty or longer than 128 bytes.",
          remedy: "Ask with the id of a transfer.")
      }
      // What another log would have answered, this one cannot know.
      let treaty = try directory.ended(peer)?.treaty ?? directory.requireEstablished(peer)
      try Self.requireLog(request.logVerifierKey, treaty.ours.logVerifierKey, peer, whose: directory.frame)
      return try await verbs.resolve(transferID: request.transferID, from: peer)
    }
  }

  func getReserveStatement(
    request: PBReserveStatementRequest, context: ServerContext
  ) async throws -> PBSignedReserveStatement {
    try await serve(.reserveStatement, .established, context) { try await verbs.reserveStatement(for: $0) }
  }

  func addCheckpoint(request: PBAddCheckpointRequest, context: ServerContext) async throws -> PBAddCheckpointReply {
    // Of a treaty that is stopped too: the peer is to learn why.
    try await serve(.addCheckpoint, .witnessed, context) { peer in
      PBAddCheckpointReply(try await verbs.addCheckpoint(request.body, from: peer))
    }
  }

  func getConsistencyProof(
    request: PBConsistencyProofRequest, context: ServerContext
  ) async throws -> PBConsistencyProofReply {
    try await serve(.consistencyProof, .established, context) { peer in
      var reply = PBConsistencyProofReply()
      reply.hashes = try await verbs.consistencyProof(from: request.first, to: request.second, for: peer)
      return reply
    }
  }

  /// A caller that names a log must mean the one there is; one of an older version names none (decision 0034).
  private static func requireLog(
    _ named: String, _ key: String, _ peer: FrameID, whose: FrameID
  ) throws(FederationError) {
    guard named.isEmpty || named == key else { throw .anotherLog(peer, whose: whose) }
  }

  private func serve<T: Sendable>(
    _ method: PeerMethod, _ requirement: Requirement, _ context: ServerContext,
    _ body: @escaping @Sendable (FrameID) async throws -> T
  ) async throws -> T {
    let start = ContinuousClock.now
    var label = ""
    do {
      let peer = try authenticate(context)
      label = peer.name
      guard limits.allow(peer, method, at: clock.now()) else { throw FederationError.rateLimited(source: peer.name) }
      let directory = directory
      let result = try await calls.run(peer) {
        try Self.authorise(peer, requirement, directory)
        return try await body(peer)
      }
      metrics.served.with(label, method.rawValue, "ok").increment()
      metrics.servedDuration.with(label, method.rawValue).observe(ContinuousClock.now - start)
      return result
    } catch {
      let status = PeerStatus.rpcError(for: error)
      let code = (error as? any FrameError)?.code ?? (error is CancellationError ? "cancelled" : "internal")
      metrics.served.with(label, method.rawValue, code).increment()
      if !label.isEmpty, (error as? any FrameError)?.kind == .limited {
        metrics.excess.with(label, "calls").increment()
      }
      if status.code == .internalError {
        logger.error("Call failed", metadata: ["peer": "\(label)", "method": "\(method)", "error": "\(error.report)"])
      } else {
        logger.debug("Call refused", metadata: ["peer": "\(label)", "method": "\(method)", "error": "\(error.report)"])
      }
      throw status
    }
  }

  /// The caller is who its validated certificate says.
  private func authenticate(_ context: ServerContext) throws(FederationError) -> FrameID {
    guard let transport = context.transportSpecific as? HTTP2ServerTransport.Posix.Context,
      let leaf = transport.peerCertificateChain?.leaf
    else { throw .unauthenticatedPeer("it presented no certificate") }
    let id: SPIFFEID
    do { id = try SPIFFEID(uriNameOf: leaf) } catch { throw .unauthenticatedPeer(error.message) }
    guard id == .node(of: id.trustDomain) else { throw .unauthenticatedPeer("'\(id)' is not a frame's node") }
    return id.trustDomain
  }

  private static func authorise(
    _ peer: FrameID, _ requirement: Requirement, _ directory: PeerDirectory
  ) throws(FederationError) {
    switch requirement {
    case .established: try directory.requireEstablished(peer)
    case .witnessed:
      if !directory.isStopped(peer) { try directory.requireEstablished(peer) }
    case .mayNotify:
      guard let treaty = directory.treaty(peer) else { throw .unknownPeer(peer) }
      // A frame that ended the treaty at the same time may still say so.
      guard directory.isOpen(peer) || treaty.state == .revoked else {
        throw .notEstablished(peer, state: treaty.state.rawValue)
      }
    case .settling:
      if directory.ended(peer) == nil { try directory.requireEstablished(peer) }
    }
  }
}
