import Foundation
import FrameCore
import FrameIdentity
import FrameLedger
import FrameEvents
import FrameLog
import FrameMetrics
import FrameSettlement
import FrameConfiguration
import FrameWorkload

/// What the routes and the adapters share: the writer and what stands around it.
package struct NodeCore: Sendable {
  package let configuration: NodeConfiguration
  package let writer: Writer<NodeState>
  /// The keys in the data folder. They sign for the frame unless ``upstream`` is there; then they sign what only this node and
  /// its own command line read (docs/decisions/0027).
  package let authority: FrameAuthority
  /// The authority elsewhere that gives the node its identity; nil: it is ``authority``.
  package let upstream: UpstreamIdentity?
  package let signer: LogSigner
  package let registry: MetricRegistry
  package let clock: any FrameClock

  package init(
    configuration: NodeConfiguration, writer: Writer<NodeState>, authority: FrameAuthority, upstream: UpstreamIdentity?,
    signer: LogSigner, registry: MetricRegistry, clock: any FrameClock
  ) {
    self.configuration = configuration
    self.writer = writer
    self.authority = authority
    self.upstream = upstream
    self.signer = signer
    self.registry = registry
    self.clock = clock
  }

  package var frame: FrameID { configuration.frameID }

  /// Who vouches for the frame's ids.
  package var trust: any TrustSource { upstream ?? authority }

  /// The authority, to do what only an authority can.
  /// - Parameter what: that, for the refusal: `keys are rotated`.
  /// - Throws: `IdentityElsewhere` when it is another's.
  package func issuer(_ what: String) throws -> FrameAuthority {
    if let upstream { throw IdentityElsewhere(frame: frame, socket: upstream.settings.socket, what: what) }
    return authority
  }

  package func submit(_ command: NodeCommand, actor: SPIFFEID, key: IdempotencyKey) async throws -> Committed {
    try await writer.submit(CommandEnvelope(command, actor: actor, key: key))
  }

  /// The same, with a look at the state as the command has left it (`Writer.submit(_:then:)`).
  package func submit<View: Sendable>(
    _ command: NodeCommand, actor: SPIFFEID, key: IdempotencyKey, then view: @escaping @Sendable (NodeState) -> View
  ) async throws -> (committed: Committed, view: View) {
    try await writer.submit(CommandEnvelope(command, actor: actor, key: key), then: view)
  }

  /// A key for a command that is idempotent by itself (its second run is refused or changes nothing).
  package func freshKey(_ what: String) -> IdempotencyKey {
    IdempotencyKey(derived: "\(what)/\(UniqueID.make(at: clock.now()))")
  }
}

extension NodeCommand {
  /// By what the last word about it is found, if there is one (`FrameState.subject(of:)`).
  var subject: String? {
    switch self {
    case .settlement(let command): command.subject
    case .projection(.receive(_, let attested)):
      SettlementState.subject(ofIncoming: attested.event.event, from: attested.origin)
    case .ledger, .operators, .federation, .bridge, .identity: nil
    }
  }

  var weight: Int { if case .ledger(let command) = self { command.weight } else { 1 } }

  /// What tells two commands with the same idempotency key apart; each room says it for its own.
  var digest: Data {
    switch self {
    case .ledger(let command): command.digest
    case .operators(let command): command.digest
    case .federation(let command): command.digest
    case .projection(let command): CommandDigest.of(command.key)
    case .settlement(let command): command.digest
    case .bridge(let command): command.digest
    case .identity(let command): command.digest
    }
  }
}
