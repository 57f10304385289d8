import FrameCore
import FrameLog

/// How the services of this room reach the one writer.
package protocol IdentityPort: Sendable {
  /// - Throws: ``EntryError``, `LogError`.
  func submit(_ command: IdentityCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed

  /// Looks at the state between batches; `body` is short and free of effects.
  /// - Throws: what `body` throws; `LogError.stopped`.
  func identity<T: Sendable>(_ body: @escaping @Sendable (IdentityState) throws -> T) async throws -> T
}
