package import FrameCore
package import FrameLog

/// How the ledger's own services reach the one writer.
package protocol LedgerPort: Sendable {
  /// - Throws: `LedgerError`, `LogError`.
  func submit(_ command: LedgerCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed

  /// Looks at the ledger between batches; `body` is short and free of effects.
  /// - Throws: what `body` throws; `LogError.stopped`.
  func ledger<T: Sendable>(_ body: @escaping @Sendable (LedgerState) throws -> T) async throws -> T
}
