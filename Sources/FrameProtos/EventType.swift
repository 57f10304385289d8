public import FrameCore

/// The type of an event, derived from which payload it carries, so that the two can never disagree.
public enum EventType: String, CaseIterable, Hashable, Sendable, CustomStringConvertible {
  case frameFounded = "FrameFounded"
  case agentRegistered = "AgentRegistered"
  case tokensIssued = "TokensIssued"
  case tokensBurned = "TokensBurned"
  case tokensTransferred = "TokensTransferred"
  case holdCreated = "HoldCreated"
  case holdCaptured = "HoldCaptured"
  case holdReleased = "HoldReleased"
  case holdExpired = "HoldExpired"
  case feesCollected = "FeesCollected"
  case crossFrameTransferInitiated = "CrossFrameTransferInitiated"
  case crossFrameTransferSettled = "CrossFrameTransferSettled"
  case crossFrameTransferRefused = "CrossFrameTransferRefused"
  case crossFrameTransferCompensated = "CrossFrameTransferCompensated"
  case crossRegistryTransferLocked = "CrossRegistryTransferLocked"
  case crossRegistryTransferCredited = "CrossRegistryTransferCredited"
  case crossRegistryTransferCompleted = "CrossRegistryTransferCompleted"
  case crossRegistryTransferRefused = "CrossRegistryTransferRefused"
  case crossRegistryTransferAborted = "CrossRegistryTransferAborted"
  case tokensBridgeLocked = "TokensBridgeLocked"
  case wrappedTokensIssued = "WrappedTokensIssued"
  case wrappedTokensRedeemed = "WrappedTokensRedeemed"
  case tokensBridgeUnlocked = "TokensBridgeUnlocked"
  case bridgeBreakerOpened = "BridgeBreakerOpened"
  case bridgeBreakerClosed = "BridgeBreakerClosed"
  case frameInvitationRequested = "FrameInvitationRequested"
  case frameInvitationApproved = "FrameInvitationApproved"
  case frameInvitationRejected = "FrameInvitationRejected"
  case frameFederationEstablished = "FrameFederationEstablished"
  case frameFederationRevoked = "FrameFederationRevoked"
  case peerBundleRotated = "PeerBundleRotated"
  case peerBundleRepinned = "PeerBundleRepinned"
  case treatyAmendmentProposed = "TreatyAmendmentProposed"
  case treatyAmendmentAccepted = "TreatyAmendmentAccepted"
  case treatyAmendmentRejected = "TreatyAmendmentRejected"
  case treatyAmendmentWithdrawn = "TreatyAmendmentWithdrawn"
  case peerEventProjected = "PeerEventProjected"
  case agentFrozen = "AgentFrozen"
  case agentUnfrozen = "AgentUnfrozen"
  case supplyDriftDetected = "SupplyDriftDetected"
  case supplyDriftCleared = "SupplyDriftCleared"
  case operatorLicensed = "OperatorLicensed"
  case operatorSuspended = "OperatorSuspended"
  case operatorResumed = "OperatorResumed"
  case operatorRemoved = "OperatorRemoved"
  case operatorAgentReleased = "OperatorAgentReleased"
  case peerEquivocationProven = "PeerEquivocationProven"
  case authorityPrepared = "AuthorityPrepared"
  case authorityActivated = "AuthorityActivated"
  case authorityTainted = "AuthorityTainted"
  case authorityRevoked = "AuthorityRevoked"
  case authorityRetired = "AuthorityRetired"
  case registrationEntryCreated = "RegistrationEntryCreated"
  case registrationEntryRemoved = "RegistrationEntryRemoved"
  case peerLogReplaced = "PeerLogReplaced"
  case formerLogProposed = "FormerLogProposed"
  case formerLogWithdrawn = "FormerLogWithdrawn"
  case formerLogAnswered = "FormerLogAnswered"
  case formerLogDecided = "FormerLogDecided"
  case formerLogItemReturned = "FormerLogItemReturned"
  /// A payload this version does not know (written by a newer one). From a peer it is kept and never acted on; in the frame's
  /// own log it keeps the writer from opening.
  case unknown = "Unknown"

  public var name: String { rawValue }
  public var description: String { rawValue }

  /// Every type this version can write.
  public static let all = allCases.filter { $0 != .unknown }

  /// Those that go to the peer they concern whatever its subscriptions are: what two operators decide about a former log
  /// changes running totals, and has its place in the order of the stream.
  public static let sentAlways: Set<EventType> = [
    .formerLogProposed, .formerLogWithdrawn, .formerLogAnswered, .formerLogDecided,
  ]
}

extension PBEvent.OneOf_Payload {
  public var eventType: EventType {
    switch self {
    case .frameFounded: .frameFounded
    case .agentRegistered: .agentRegistered
    case .tokensIssued: .tokensIssued
    case .tokensBurned: .tokensBurned
    case .tokensTransferred: .tokensTransferred
    case .holdCreated: .holdCreated
    case .holdCaptured: .holdCaptured
    case .holdReleased: .holdReleased
    case .holdExpired: .holdExpired
    case .feesCollected: .feesCollected
    case .crossFrameTransferInitiated: .crossFrameTransferInitiated
    case .crossFrameTransferSettled: .crossFrameTransferSettled
    case .crossFrameTransferRefused: .crossFrameTransferRefused
    case .crossFrameTransferCompensated: .crossFrameTransferCompensated
    case .crossRegistryTransferLocked: .crossRegistryTransferLocked
    case .crossRegistryTransferCredited: .crossRegistryTransferCredited
    case .crossRegistryTransferCompleted: .crossRegistryTransferCompleted
    case .crossRegistryTransferRefused: .crossRegistryTransferRefused
    case .crossRegistryTransferAborted: .crossRegistryTransferAborted
    case .tokensBridgeLocked: .tokensBridgeLocked
    case .wrappedTokensIssued: .wrappedTokensIssued
    case .wrappedTokensRedeemed: .wrappedTokensRedeemed
    case .tokensBridgeUnlocked: .tokensBridgeUnlocked
    case .bridgeBreakerOpened: .bridgeBreakerOpened
    case .bridgeBreakerClosed: .bridgeBreakerClosed
    case .frameInvitationRequested: .frameInvitationRequested
    case .frameInvitationApproved: .frameInvitationApproved
    case .frameInvitationRejected: .frameInvitationRejected
    case .frameFederationEstablished: .frameFederationEstablished
    case .frameFederationRevoked: .frameFederationRevoked
    case .peerBundleRotated: .peerBundleRotated
    case .peerBundleRepinned: .peerBundleRepinned
    case .treatyAmendmentProposed: .treatyAmendmentProposed
    case .treatyAmendmentAccepted: .treatyAmendmentAccepted
    case .treatyAmendmentRejected: .treatyAmendmentRejected
    case .treatyAmendmentWithdrawn: .treatyAmendmentWithdrawn
    case .peerEventProjected: .peerEventProjected
    case .agentFrozen: .agentFrozen
    case .agentUnfrozen: .agentUnfrozen
    case .supplyDriftDetected: .supplyDriftDetected
    case .supplyDriftCleared: .supplyDriftCleared
    case .operatorLicensed: .operatorLicensed
    case .operatorSuspended: .operatorSuspended
    case .operatorResumed: .operatorResumed
    case .operatorRemoved: .operatorRemoved
    case .operatorAgentReleased: .operatorAgentReleased
    case .peerEquivocationProven: .peerEquivocationProven
    case .authorityPrepared: .authorityPrepared
    case .authorityActivated: .authorityActivated
    case .authorityTainted: .authorityTainted
    case .authorityRevoked: .authorityRevoked
    case .authorityRetired: .authorityRetired
    case .registrationEntryCreated: .registrationEntryCreated
    case .registrationEntryRemoved: .registrationEntryRemoved
    case .peerLogReplaced: .peerLogReplaced
    case .formerLogProposed: .formerLogProposed
    case .formerLogWithdrawn: .formerLogWithdrawn
    case .formerLogAnswered: .formerLogAnswered
    case .formerLogDecided: .formerLogDecided
    case .formerLogItemReturned: .formerLogItemReturned
    }
  }
}

extension PBEvent: EventFields {}

extension EventFields {
  public var eventType: EventType { payload?.eventType ?? .unknown }

  /// The peer frame an event of `frame`'s log is addressed to (SF-4 sends an event only to the peer it concerns), or nil.
  ///
  /// A settlement or refusal is addressed to the origin only from the destination's log, where the decision was made.
  public func counterparty(from frame: FrameID) -> String? {
    switch payload {
    case .crossFrameTransferInitiated(let p): p.terms.destination
    case .crossFrameTransferSettled(let p): p.terms.destination == frame.name ? p.terms.origin : nil
    case .crossFrameTransferRefused(let p): p.terms.destination == frame.name ? p.terms.origin : nil
    case .tokensBridgeLocked(let p): p.destination
    case .wrappedTokensIssued(let p): p.origin
    case .wrappedTokensRedeemed(let p): p.origin
    case .tokensBridgeUnlocked(let p): p.destination
    case .formerLogProposed(let p): p.peer
    case .formerLogWithdrawn(let p): p.peer
    case .formerLogAnswered(let p): p.peer
    case .formerLogDecided(let p): p.peer
    default: nil
    }
  }
}

extension PBAsset {
  public init(_ asset: Asset) {
    self.init()
    origin = asset.origin.name
    code = asset.code
    scale = UInt32(asset.scale)
  }
}

extension Asset {
  /// - Throws: ``IdentifierError`` when a field breaks its grammar.
  public init(_ message: PBAsset) throws(IdentifierError) {
    try self.init(
      origin: FrameID(message.origin), code: message.code, scale: Int(clamping: message.scale))
  }
}
