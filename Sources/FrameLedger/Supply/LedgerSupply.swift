package import FrameCore
internal import FrameProtos

/// What the ledger's balances alone do not say of a former log of a peer.
package struct FormerLogHolding: Sendable {
  package let frame: FrameID
  /// The log's name.
  package let log: String
  package let state: SupplyStatement.FormerLogState
  /// Minor units of wrapped tokens here that belong to it.
  package let wrapped: Int128
  /// Of these tokens; nil when there never were any.
  package let asset: Asset?

  package init(
    frame: FrameID, log: String, state: SupplyStatement.FormerLogState, wrapped: Int128, asset: Asset?
  ) {
    self.frame = frame
    self.log = log
    self.state = state
    self.wrapped = wrapped
    self.asset = asset
  }
}

extension LedgerState {
  /// The supply as the balances have it. The audited one comes from the log itself (`SupplyRecount`); this one answers questions
  /// about the past, whose balances were replayed from it just then.
  /// - Parameters:
  ///   - size: the events that the balances are after.
  ///   - former: the former logs of peers towards which something stood then.
  package func supply(at size: UInt64, former: [FormerLogHolding] = []) -> SupplyStatement {
    var statement = SupplyStatement()
    statement.size = size
    var wrapped: [Asset: Int128] = [:]
    for (account, balance) in accounts {
      let units = Int128(balance)
      guard account.asset == nil else {
        if account.kind == .wrapped, let asset = account.asset { wrapped[asset, default: 0] += units }
        continue
      }
      switch account.kind {
      case .issuance: statement.issued -= units
      case .liquid: statement.circulating += units
      case .staked: statement.staked += units
      case .held: statement.held += units
      case .fees: statement.fees += units
      case .treasury: statement.treasury += units
      case .bridgeReserve: statement.lockedForBridge[account.owner, default: 0] += units
      case .clearing: statement.clearing[account.owner, default: 0] += units
      case .wrapped, .unspecified, .UNRECOGNIZED: break
      }
    }
    for holding in former {
      statement.formerLogs[holding.log] = holding.state
      guard let asset = holding.asset, holding.wrapped != 0 else { continue }
      wrapped[asset, default: 0] -= holding.wrapped
      statement.wrapped[holding.log] = holding.wrapped
      statement.wrappedScales[holding.log] = Int(asset.scale)
    }
    // A frame that came back with another currency has two; nothing is left of the first one by its name.
    for (asset, units) in wrapped.sorted(by: { $0.value.magnitude < $1.value.magnitude }) {
      statement.wrapped[asset.origin.name, default: 0] += units
      statement.wrappedScales[asset.origin.name] = Int(asset.scale)
    }
    return statement
  }
}
