package import FrameCore
package import FrameFederation
package import FrameLedger
package import FrameLog
package import Foundation

/// What the bridge needs of the node: the writer, and the log's own signature.
package protocol BridgePort: Sendable {
  /// - Throws: the rejection, `LogError`.
  func submit(_ command: BridgeCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed
  /// Reads durable state.
  func bridge<T: Sendable>(
    _ body: @escaping @Sendable (BridgeState, LedgerState, FederationState) throws -> T
  ) async throws -> T
  func checkpoint() async throws -> SignedCheckpoint
  /// An Ed25519 signature by the log key over exactly `bytes`.
  func sign(_ bytes: Data) async throws -> Data
}
