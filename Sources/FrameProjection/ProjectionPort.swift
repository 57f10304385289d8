package import FrameFederation
package import FrameLog
package import FrameProtos

/// What the projection needs of the node: the writer and its log.
package protocol ProjectionPort: Sendable {
  /// Submits in this order, as this node, each under its ``ProjectionCommand/key``.
  func submit(_ commands: [ProjectionCommand]) async -> [Result<Committed, any Error>]
  /// Reads durable state.
  func projection<T: Sendable>(
    _ body: @escaping @Sendable (ProjectionState, FederationState) throws -> T
  ) async throws -> T
  func attest(_ position: UInt64) async throws -> PBAttestation
  func checkpoint() async throws -> SignedCheckpoint
  /// The newest durable size, whenever it grows; every caller its own stream.
  func changes() -> AsyncStream<UInt64>
}
