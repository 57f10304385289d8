package import FrameCore
package import FrameLog

/// What the settlement room needs of the node: the writer.
package protocol SettlementPort: Sendable {
  /// - Throws: the rejection, `LogError`.
  func submit(_ command: SettlementCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed
  /// Reads durable state.
  func settlement<T: Sendable>(_ body: @escaping @Sendable (SettlementState) throws -> T) async throws -> T
  /// The event of our log that is the last word about a subject; nil when there is none.
  func lastWord(about subject: String) async throws -> RecordedEvent?
}

extension SettlementPort {
  /// For commands that the node derives from facts.
  func submit(derived command: SettlementCommand, actor: SPIFFEID) async throws -> Committed {
    try await submit(command, actor: actor, key: IdempotencyKey(derived: command.derivedKey ?? ""))
  }
}
