import FrameAPI
import FrameAudit
import FrameBridge
import FrameCore
import FrameIdentity
import FrameLedger
import FrameLog
import FrameNodeState
import FramePeering
import FrameSettlement
import FrameWorkload
import Logging

/// What the REST API stands on, room by room, and its routes.
package struct RESTParts: Sendable {
  package var node: NodeCore
  // Who may call.
  package var gate: OperatorGate
  package var operators: OperatorService
  package var identityMetrics: IdentityMetrics
  // Money.
  package var ledgerMetrics: LedgerMetrics
  package var auditor: SupplyAuditor
  package var history: AccountHistory
  package var coordinator: TransferCoordinator
  package var relay: BridgeRelay
  // Peers.
  package var federation: FederationService
  package var watch: PeerLogWatch
  package var cosignatures: Cosignatures
  /// What is seen of a peer now, outside of its treaty.
  package var sight: @Sendable (FrameID) -> ReachabilityView.Sight
  // The frame's own.
  package var rotation: AuthorityRotation
  package var entries: EntryBook
  package var names: SNIMapComposer
  /// Reads frame.yaml again.
  package var reload: @Sendable () async throws -> Reloaded
  package var apiMetrics: APIMetrics
  package var tileMetrics: TileMetrics
  package var logger: Logger

  package init(
    node: NodeCore, gate: OperatorGate, operators: OperatorService, identityMetrics: IdentityMetrics,
    ledgerMetrics: LedgerMetrics, auditor: SupplyAuditor, history: AccountHistory, coordinator: TransferCoordinator,
    relay: BridgeRelay, federation: FederationService, watch: PeerLogWatch, cosignatures: Cosignatures,
    sight: @escaping @Sendable (FrameID) -> ReachabilityView.Sight, rotation: AuthorityRotation, entries: EntryBook,
    names: SNIMapComposer, reload: @escaping @Sendable () async throws -> Reloaded, apiMetrics: APIMetrics,
    tileMetrics: TileMetrics, logger: Logger
  ) {
    self.node = node
    self.gate = gate
    self.operators = operators
    self.identityMetrics = identityMetrics
    self.ledgerMetrics = ledgerMetrics
    self.auditor = auditor
    self.history = history
    self.coordinator = coordinator
    self.relay = relay
    self.federation = federation
    self.watch = watch
    self.cosignatures = cosignatures
    self.sight = sight
    self.rotation = rotation
    self.entries = entries
    self.names = names
    self.reload = reload
    self.apiMetrics = apiMetrics
    self.tileMetrics = tileMetrics
    self.logger = logger
  }

  /// The REST API with all its routes. The document must have each of them (`OpenAPITests`).
  package func routes() -> APIRouter {
    let authenticator = BearerAuthenticator(
      frame: node.frame, bundles: node.trust, local: LocalTokens(node), clock: node.clock, metrics: identityMetrics)
    let api = APIRouter(
      authenticate: { try await authenticator.authenticate($0) }, gate: gate, metrics: apiMetrics, logger: logger)
    FrameRoutes(node: node).add(to: api)
    MoneyRoutes(node: node, metrics: ledgerMetrics).add(to: api)
    TransferBatchRoutes(node: node, metrics: ledgerMetrics).add(to: api)
    HoldRoutes(node: node, metrics: ledgerMetrics).add(to: api)
    OperatorRoutes(node: node, operators: operators).add(to: api)
    SNIRoutes(names: names, reload: reload).add(to: api)
    HistoryRoutes(node: node, history: history).add(to: api)
    TransferRoutes(node: node, coordinator: coordinator).add(to: api)
    BridgeRoutes(
      node: node, relay: relay, watch: watch,
      reserves: { [node] in try await node.writer.read { ReservesView.of($0) } }
    ).add(to: api)
    PeerRoutes(node: node, federation: federation, sight: sight).add(to: api)
    TreatyRoutes(node: node, federation: federation).add(to: api)
    FormerLogRoutes(node: node, federation: federation).add(to: api)
    LogRoutes(node: node, audit: audit).add(to: api)
    TileRoutes(node: node, cosignatures: cosignatures, metrics: tileMetrics).add(to: api)
    WitnessRoutes(node: node, watch: watch, cosignatures: cosignatures).add(to: api)
    AuthorityRoutes(node: node, keeper: rotation).add(to: api)
    EntryRoutes(node: node, entries: entries).add(to: api)
    return api
  }

  private func audit(_ wish: AuditWish) async throws -> AuditView {
    let report: AuditReport
    switch wish {
    case .full: report = try await auditor.auditFully()
    case .latest:
      if let latest = auditor.lastReport { report = latest } else { report = try await auditor.auditNow() }
    case .now: report = try await auditor.auditNow()
    }
    let drift = try await node.writer.read { $0.ledger.drift }
    return AuditView(report, native: node.configuration.native, drift: drift)
  }
}
