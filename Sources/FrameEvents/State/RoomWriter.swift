package import Foundation
package import FrameCore
package import FrameProtos

/// The one door to a frame's writer, as one room sees it: its own commands, and the part of the state that it may look at.
///
/// A command and a look at what it left are one visit. What leaves the writer are values made for the caller, never the state: a copy
/// of the state that lives on makes the next event copy it.
package protocol RoomWriter<State, Command>: Sendable {
  /// What the room may look at.
  associatedtype State
  associatedtype Command: Sendable

  /// Has a command decided and its events made durable, and looks at the state as the command has left it.
  /// - Parameter view: runs on the writer's thread right after the decision, also when the key was seen before; short, and free of
  ///   effects. What it saw is handed over once it is durable.
  /// - Throws: the rejection of the state or the guard; `LogError`, as `Writer.submit(_:then:)`.
  func submit<View: Sendable>(
    _ command: Command, actor: SPIFFEID, key: IdempotencyKey, then view: @escaping @Sendable (State) -> View
  ) async throws -> (committed: Committed, view: View)

  /// Submits commands in this order, each under its key; each stands or falls alone.
  /// - Returns: one result per command, in order.
  func submit(
    _ commands: [(command: Command, key: IdempotencyKey)], actor: SPIFFEID
  ) async -> [Result<Committed, any Error>]

  /// Looks at durable state between batches; `look` is short and free of effects.
  /// - Throws: what `look` throws; `LogError.stopped`.
  func read<View: Sendable>(_ look: @escaping @Sendable (State) throws -> View) async throws -> View
}

extension RoomWriter {
  package func submit(_ command: Command, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(command, actor: actor, key: key, then: { _ in }).committed
  }
}

/// The frame's own log beside its writer: what is proved of it, and its signature.
package protocol OwnLog: Sendable {
  /// - Throws: `LogError.noSuchPosition`, `.storage`, `.damagedLog`.
  func attest(_ position: UInt64) async throws -> PBAttestation
  /// A signed checkpoint of all that is durable.
  func checkpoint() async throws -> SignedCheckpoint
  /// The newest durable size, whenever it grows; every caller its own stream.
  func changes() -> AsyncStream<UInt64>
  /// The event that is the last word about a subject; nil when there is none.
  func lastWord(about subject: String) async throws -> RecordedEvent?
  /// An Ed25519 signature by the log key over exactly `bytes`.
  func sign(_ bytes: Data) async throws -> Data
}
