package import FrameBridge
package import FrameFederation
package import FrameLedger
package import FrameProjection
package import FrameSettlement

/// Every command the node's writer takes: one case a room.
package enum NodeCommand: Sendable {
  case ledger(LedgerCommand)
  case federation(FederationCommand)
  case projection(ProjectionCommand)
  case settlement(SettlementCommand)
  case bridge(BridgeCommand)
}
