package import FrameProtos

/// What an operator's licence lets the operator and its agents do.
package enum LicenceScope: String, Sendable, CaseIterable, Comparable {
  /// Register agents of its own.
  case agents
  /// Its agents move native money, within the frame and to peers.
  case transfers
  /// Its agents lock, redeem and bring proofs at the SF-3 bridge.
  case bridge

  /// What a licence must cover before an operator or its agent may emit an event of this type.
  package static func required(for type: EventType) -> LicenceScope {
    switch type {
    case .agentRegistered: .agents
    case .tokensBridgeLocked, .wrappedTokensIssued, .wrappedTokensRedeemed, .tokensBridgeUnlocked,
      .bridgeBreakerOpened:
      .bridge
    // Whatever else the emission policy lets an agent emit is about its own money.
    default: .transfers
    }
  }

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
