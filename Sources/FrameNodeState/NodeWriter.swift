import Foundation
import FrameBridge
import FrameCore
import FrameTreaty
import FramePeering
import FrameLedger
import FrameEvents
import FrameProjection
import FrameProtos
import FrameSettlement
import FrameWorkload

/// The frame's writer as one room sees it.
struct NodeWriter<State, Command: Sendable>: RoomWriter {
  let node: NodeCore
  /// The room's part of the state.
  let part: @Sendable (NodeState) -> State
  let command: @Sendable (Command) -> NodeCommand

  func submit<View: Sendable>(
    _ command: Command, actor: SPIFFEID, key: IdempotencyKey, then view: @escaping @Sendable (State) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await node.submit(self.command(command), actor: actor, key: key) { [part] in view(part($0)) }
  }

  func submit(
    _ commands: [(command: Command, key: IdempotencyKey)], actor: SPIFFEID
  ) async -> [Result<Committed, any Error>] {
    await node.writer.submit(
      contentsOf: commands.map { CommandEnvelope(self.command($0.command), actor: actor, key: $0.key) })
  }

  func read<View: Sendable>(_ look: @escaping @Sendable (State) throws -> View) async throws -> View {
    try await node.writer.read { [part] in try look(part($0)) }
  }
}

// Each room's door: its own commands, and what it may look at.
extension NodeCore {
  package var ledger: any LedgerWriter { NodeWriter(node: self, part: { $0.ledger }, command: { .ledger($0) }) }

  package var federation: any FederationWriter {
    NodeWriter(node: self, part: { $0.federation }, command: { .federation($0) })
  }

  package var projection: any ProjectionWriter {
    NodeWriter(node: self, part: { ($0.projection, $0.federation) }, command: { .projection($0) })
  }

  package var settlement: any SettlementWriter {
    NodeWriter(node: self, part: { $0.settlement }, command: { .settlement($0) })
  }

  package var bridge: any BridgeWriter {
    NodeWriter(node: self, part: { ($0.bridge, $0.ledger, $0.federation) }, command: { .bridge($0) })
  }

  package var identity: any IdentityWriter { NodeWriter(node: self, part: { $0.identity }, command: { .identity($0) }) }
}

extension NodeCore: OwnLog, WitnessedLog {
  package func attest(_ position: UInt64) async throws -> PBAttestation { try await writer.attest(position) }

  package func checkpoint() async throws -> SignedCheckpoint { try await writer.checkpoint() }

  package func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data] {
    try await writer.consistencyProof(from: first, to: second)
  }

  package func changes() -> AsyncStream<UInt64> { writer.changes() }

  package func lastWord(about subject: String) async throws -> RecordedEvent? {
    try await writer.lastWord(about: subject)
  }

  package func sign(_ bytes: Data) async throws -> Data { signer.signature(over: bytes) }
}

extension CommandEnvelope where Command == NodeCommand {
  convenience init(_ command: NodeCommand, actor: SPIFFEID, key: IdempotencyKey) {
    self.init(
      command, actor: actor, key: key, digest: command.digest, weight: command.weight, subject: command.subject)
  }
}
