import FrameBridge
import FrameTreaty
import FrameLedger
import FrameProjection
import FrameSettlement
import FrameWorkload

/// Every command the node's writer takes: one case a room.
package enum NodeCommand: Sendable {
  case ledger(LedgerCommand)
  case operators(OperatorCommand)
  case federation(FederationCommand)
  case projection(ProjectionCommand)
  case settlement(SettlementCommand)
  case bridge(BridgeCommand)
  case identity(IdentityCommand)
}
