package import FrameCore
package import FrameProtos

/// Who may emit which event, and between which kinds of account its postings may move money (DESIGN §5). What is not in
/// the table is refused.
package struct EmissionPolicy: Sendable {
  /// What an actor is to this frame.
  package enum Role: String, Sendable, CaseIterable {
    /// `spiffe://<frame>/authority`
    case authority
    /// `spiffe://<frame>/node`
    case node
    /// `spiffe://<frame>/agent/<name>`
    case agent
    /// `spiffe://<frame>/operator/<name>`: a tenant. It registers its agents and emits nothing else; above all it never
    /// issues. What its agents emit, its licence bounds as well (`LicenceScope`).
    case `operator`
    /// `spiffe://<another frame>/node`: a peer, through one of the peer verbs.
    case peer

    fileprivate var bit: UInt8 {
      switch self {
      case .authority: 1
      case .node: 2
      case .agent: 4
      case .operator: 8
      case .peer: 16
      }
    }
  }

  /// Money may go from an account of the first kind to one of the second.
  package struct Flow: Sendable, Hashable {
    package let from: PBAccountKind
    package let to: PBAccountKind
  }

  package struct Rule: Sendable {
    package let roles: Set<Role>
    /// An agent may emit it only about its own money.
    package let ownMoneyOnly: Bool
    package let flows: Set<Flow>
    /// The same two sets as bits: they are asked for every event.
    fileprivate let roleBits: UInt8
    fileprivate let flowBits: UInt128

    package init(roles: Set<Role>, ownMoneyOnly: Bool, flows: Set<Flow>) {
      self.roles = roles
      self.ownMoneyOnly = ownMoneyOnly
      self.flows = flows
      roleBits = roles.reduce(0) { $0 | $1.bit }
      flowBits = flows.reduce(0) { $0 | Self.bit($1.from, $1.to) }
    }

    fileprivate func allows(_ role: Role) -> Bool { roleBits & role.bit != 0 }
    fileprivate func allows(from: PBAccountKind, to: PBAccountKind) -> Bool { flowBits & Self.bit(from, to) != 0 }

    /// No bit for a kind that this version does not know. Eleven kinds are as many as 128 bits have room for.
    private static func bit(_ from: PBAccountKind, _ to: PBAccountKind) -> UInt128 {
      let kinds = 0..<11
      guard kinds.contains(from.rawValue), kinds.contains(to.rawValue) else { return 0 }
      return 1 << UInt128(from.rawValue * kinds.count + to.rawValue)
    }
  }

  package let rules: [EventType: Rule]

  package init(rules: [EventType: Rule]) { self.rules = rules }

  /// The frame's policy.
  package static let standard = EmissionPolicy(rules: [
    // The ledger
    .frameFounded: rule([.authority, .node]),
    .agentRegistered: rule([.authority, .node, .operator]),
    .tokensIssued: rule([.authority], (.issuance, .treasury)),
    .tokensBurned: rule([.authority], (.treasury, .issuance)),
    .tokensTransferred: rule(
      [.authority, .agent], own: true, (.treasury, .liquid), (.liquid, .liquid), (.liquid, .clearing), (.liquid, .fees)),
    .feesCollected: rule([.authority], (.fees, .treasury)),
    // Holds: who of these it may be, and how much, the hold itself says (`HoldBook.check`)
    .holdCreated: rule([.agent], own: true, (.liquid, .held)),
    .holdCaptured: rule([.agent, .authority], (.held, .liquid)),
    .holdReleased: rule([.agent, .authority], (.held, .liquid)),
    .holdExpired: rule([.node, .agent, .authority], (.held, .liquid)),
    // The authority's hand on an agent, and the audit's on the mint
    .agentFrozen: rule([.authority]),
    .agentUnfrozen: rule([.authority]),
    .supplyDriftDetected: rule([.node, .authority]),
    .supplyDriftCleared: rule([.authority]),
    .peerEquivocationProven: rule([.node]),
    // Cross-registry transfer, asynchronous
    .crossFrameTransferInitiated: rule([.agent], own: true),
    .crossFrameTransferSettled: rule([.node, .peer], (.clearing, .liquid)),
    .crossFrameTransferRefused: rule([.node, .peer]),
    .crossFrameTransferCompensated: rule([.node, .peer], (.clearing, .liquid)),
    // Cross-registry transfer, two-phase
    .crossRegistryTransferLocked: rule([.agent], own: true, (.liquid, .held)),
    .crossRegistryTransferCredited: rule([.node, .peer], (.clearing, .liquid)),
    .crossRegistryTransferCompleted: rule([.node, .peer, .agent], own: true, (.held, .clearing)),
    .crossRegistryTransferRefused: rule([.node, .peer]),
    .crossRegistryTransferAborted: rule([.node, .peer, .agent], own: true, (.held, .liquid)),
    // SF-3 bridge: whoever brings the proof may have it acted on; the proof decides, not the messenger
    .tokensBridgeLocked: rule([.agent], own: true, (.liquid, .bridgeReserve)),
    .wrappedTokensIssued: rule([.node, .peer, .agent, .authority], (.issuance, .wrapped)),
    .wrappedTokensRedeemed: rule([.agent], own: true, (.wrapped, .issuance)),
    .tokensBridgeUnlocked: rule([.node, .peer, .agent, .authority], (.bridgeReserve, .liquid)),
    .bridgeBreakerOpened: rule([.node, .peer, .agent, .authority]),
    .bridgeBreakerClosed: rule([.authority]),
    // WS3 treaty
    .frameInvitationRequested: rule([.authority, .node, .peer]),
    .frameInvitationApproved: rule([.authority, .node, .peer]),
    .frameInvitationRejected: rule([.authority, .node, .peer]),
    .frameFederationEstablished: rule([.authority, .node, .peer]),
    .frameFederationRevoked: rule([.authority, .node, .peer]),
    .peerBundleRotated: rule([.authority, .node, .peer]),
    .peerBundleRepinned: rule([.authority]),
    .treatyAmendmentProposed: rule([.authority, .peer]),
    .treatyAmendmentAccepted: rule([.authority, .peer]),
    .treatyAmendmentRejected: rule([.authority, .peer]),
    .treatyAmendmentWithdrawn: rule([.peer]),
    // Logs that peers have lost or left: booked with the treaty that tells of it, decided by operators, carried out by the node
    .peerLogReplaced: rule(
      [.authority, .node, .peer], (.clearing, .clearing), (.bridgeReserve, .bridgeReserve)),
    .formerLogProposed: rule([.authority]),
    .formerLogWithdrawn: rule([.authority]),
    .formerLogAnswered: rule(
      [.authority, .node], (.treasury, .clearing), (.clearing, .treasury), (.treasury, .bridgeReserve)),
    .formerLogDecided: rule(
      [.authority, .node], (.clearing, .clearing), (.bridgeReserve, .clearing), (.clearing, .treasury),
      (.treasury, .clearing), (.bridgeReserve, .treasury)),
    .formerLogItemReturned: rule([.node], (.bridgeReserve, .liquid), (.issuance, .wrapped)),
    // The frame's own identity: its keys change by themselves or by its authority's hand, who gets an SVID only by the latter
    .authorityPrepared: rule([.authority, .node]),
    .authorityActivated: rule([.authority, .node]),
    .authorityTainted: rule([.authority, .node]),
    .authorityRevoked: rule([.authority, .node]),
    .authorityRetired: rule([.authority, .node]),
    .registrationEntryCreated: rule([.authority]),
    .registrationEntryRemoved: rule([.authority]),
    // SF-4 projection: never a posting
    .peerEventProjected: rule([.node, .peer]),
    // Operators
    .operatorLicensed: rule([.authority]),
    .operatorSuspended: rule([.authority]),
    .operatorResumed: rule([.authority]),
    .operatorRemoved: rule([.authority]),
    .operatorAgentReleased: rule([.authority]),
  ])

  private static func rule(
    _ roles: Set<Role>, own: Bool = false, _ flows: (PBAccountKind, PBAccountKind)...
  ) -> Rule {
    Rule(roles: roles, ownMoneyOnly: own, flows: Set(flows.map { Flow(from: $0.0, to: $0.1) }))
  }

  /// Whether an agent may pay another one, and a fee, out of its own money.
  var allowsPayments: Bool {
    guard let rule = rules[.tokensTransferred] else { return false }
    return rule.allows(.agent) && rule.ownMoneyOnly && rule.allows(from: .liquid, to: .liquid)
      && rule.allows(from: .liquid, to: .fees)
  }

  package static func role(of actor: SPIFFEID, in frame: FrameID) -> Role? {
    guard actor.trustDomain == frame else { return actor.subject == .node ? .peer : nil }
    return switch actor.subject {
    case .authority: .authority
    case .node: .node
    case .agent: .agent
    case .operator: .operator
    case .other: nil
    }
  }

  /// Checks role, ownership, and that the money the event claims to move goes between allowed kinds of account.
  /// - Throws: `LedgerError.emissionForbidden`, `.notOwner`, `.postingsRefused`.
  func check(_ type: EventType, _ claim: MoneyClaim, actor: SPIFFEID, frame: FrameID) throws {
    guard let rule = rules[type], let role = Self.role(of: actor, in: frame), rule.allows(role) else {
      throw LedgerError.emissionForbidden(event: type.name, actor: actor.description)
    }
    if rule.ownMoneyOnly, let spender = claim.spender {
      switch role {
      case .agent where !actor.isAgent(spender, of: frame):
        throw LedgerError.notOwner(actor: actor.description, agent: spender.isEmpty ? "the treasury" : spender)
      case .authority where !spender.isEmpty:
        throw LedgerError.notOwner(actor: actor.description, agent: spender)
      case .agent, .authority, .node, .operator, .peer: break
      }
    }
    for movement in claim.movements {
      guard rule.allows(from: movement.from.kind, to: movement.to.kind) else {
        throw LedgerError.postingsRefused(
          event: type.name, why: "money may not go from \(movement.from.kind.word) to \(movement.to.kind.word)")
      }
    }
  }
}
