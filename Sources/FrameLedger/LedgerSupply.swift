internal import FrameProtos

extension LedgerState {
  /// The supply as the balances have it. The audited one comes from the log itself (`SupplyFold`); this one answers questions
  /// about the past, whose balances were replayed from it just then.
  /// - Parameter size: the events that the balances are after.
  package func supply(at size: UInt64) -> SupplyStatement {
    var statement = SupplyStatement()
    statement.size = size
    for (account, balance) in accounts {
      let units = Int128(balance)
      guard account.asset == nil else {
        if account.kind == .wrapped, let asset = account.asset {
          statement.wrapped[asset.origin.name, default: 0] += units
          statement.wrappedScales[asset.origin.name] = Int(asset.scale)
        }
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
    return statement
  }
}
