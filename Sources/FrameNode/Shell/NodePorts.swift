import Foundation
import FrameBridge
import FrameCore
import FrameFederation
import FrameLedger
import FrameLog
import FrameProjection
import FrameProtos
import FrameSettlement
import FrameWorkload

// How the rooms' shells reach the one writer: each sees its own commands and its own part of the state.

extension NodeCore: LedgerPort {
  package func submit(_ command: LedgerCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(.ledger(command), actor: actor, key: key)
  }

  package func ledger<T: Sendable>(_ body: @escaping @Sendable (LedgerState) throws -> T) async throws -> T {
    try await writer.read { try body($0.ledger) }
  }
}

extension NodeCore: FederationPort {
  package func submit(_ command: FederationCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(.federation(command), actor: actor, key: key)
  }

  package func federation() async throws -> FederationState { try await writer.read { $0.federation } }
}

extension NodeCore: ProjectionPort {
  package func submit(_ commands: [ProjectionCommand]) async -> [Result<Committed, any Error>] {
    await writer.submit(
      contentsOf: commands.map { command in
        CommandEnvelope(
          .projection(command), actor: .node(of: frame), derivedKey: command.key,
          subject: NodeCommand.projection(command).subject)
      })
  }

  package func projection<T: Sendable>(
    _ body: @escaping @Sendable (ProjectionState, FederationState) throws -> T
  ) async throws -> T {
    try await writer.read { try body($0.projection, $0.federation) }
  }

  package func attest(_ position: UInt64) async throws -> PBAttestation { try await writer.attest(position) }

  package func checkpoint() async throws -> SignedCheckpoint { try await writer.checkpoint() }

  package func changes() -> AsyncStream<UInt64> { writer.changes() }
}

extension NodeCore: SettlementPort {
  package func submit(_ command: SettlementCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(.settlement(command), actor: actor, key: key)
  }

  package func settlement<T: Sendable>(_ body: @escaping @Sendable (SettlementState) throws -> T) async throws -> T {
    try await writer.read { try body($0.settlement) }
  }

  package func lastWord(about subject: String) async throws -> RecordedEvent? {
    try await writer.lastWord(about: subject)
  }
}

extension NodeCore: BridgePort {
  package func submit(_ command: BridgeCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(.bridge(command), actor: actor, key: key)
  }

  package func bridge<T: Sendable>(
    _ body: @escaping @Sendable (BridgeState, LedgerState, FederationState) throws -> T
  ) async throws -> T {
    try await writer.read { try body($0.bridge, $0.ledger, $0.federation) }
  }

  package func sign(_ bytes: Data) async throws -> Data { signer.signature(over: bytes) }
}

extension NodeCore: WitnessedLog {
  package func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] {
    try await writer.consistencyProof(from: first, to: second)
  }
}

extension NodeCore: IdentityPort {
  package func submit(_ command: IdentityCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await submit(.identity(command), actor: actor, key: key)
  }

  package func identity<T: Sendable>(_ body: @escaping @Sendable (IdentityState) throws -> T) async throws -> T {
    try await writer.read { try body($0.identity) }
  }
}
