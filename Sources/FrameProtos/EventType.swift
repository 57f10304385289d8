public import FrameCore

/// The type of an event, derived from which payload it carries, so that the two can never disagree.
public struct EventType: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  init(_ name: String) { self.name = name }
  public var description: String { name }

  public static let frameFounded = EventType("FrameFounded")
  public static let agentRegistered = EventType("AgentRegistered")
  public static let tokensIssued = EventType("TokensIssued")
  public static let tokensBurned = EventType("TokensBurned")
  public static let tokensTransferred = EventType("TokensTransferred")
  public static let holdCreated = EventType("HoldCreated")
  public static let holdCaptured = EventType("HoldCaptured")
  public static let holdReleased = EventType("HoldReleased")
  public static let holdExpired = EventType("HoldExpired")
  public static let feesCollected = EventType("FeesCollected")
  public static let crossFrameTransferInitiated = EventType("CrossFrameTransferInitiated")
  public static let crossFrameTransferSettled = EventType("CrossFrameTransferSettled")
  public static let crossFrameTransferRefused = EventType("CrossFrameTransferRefused")
  public static let crossFrameTransferCompensated = EventType("CrossFrameTransferCompensated")
  public static let crossRegistryTransferLocked = EventType("CrossRegistryTransferLocked")
  public static let crossRegistryTransferCredited = EventType("CrossRegistryTransferCredited")
  public static let crossRegistryTransferCompleted = EventType("CrossRegistryTransferCompleted")
  public static let crossRegistryTransferRefused = EventType("CrossRegistryTransferRefused")
  public static let crossRegistryTransferAborted = EventType("CrossRegistryTransferAborted")
  public static let tokensBridgeLocked = EventType("TokensBridgeLocked")
  public static let wrappedTokensIssued = EventType("WrappedTokensIssued")
  public static let wrappedTokensRedeemed = EventType("WrappedTokensRedeemed")
  public static let tokensBridgeUnlocked = EventType("TokensBridgeUnlocked")
  public static let bridgeBreakerOpened = EventType("BridgeBreakerOpened")
  public static let bridgeBreakerClosed = EventType("BridgeBreakerClosed")
  public static let frameInvitationRequested = EventType("FrameInvitationRequested")
  public static let frameInvitationApproved = EventType("FrameInvitationApproved")
  public static let frameInvitationRejected = EventType("FrameInvitationRejected")
  public static let frameFederationEstablished = EventType("FrameFederationEstablished")
  public static let frameFederationRevoked = EventType("FrameFederationRevoked")
  public static let peerBundleRotated = EventType("PeerBundleRotated")
  public static let peerBundleRepinned = EventType("PeerBundleRepinned")
  public static let treatyAmendmentProposed = EventType("TreatyAmendmentProposed")
  public static let treatyAmendmentAccepted = EventType("TreatyAmendmentAccepted")
  public static let treatyAmendmentRejected = EventType("TreatyAmendmentRejected")
  public static let treatyAmendmentWithdrawn = EventType("TreatyAmendmentWithdrawn")
  public static let peerEventProjected = EventType("PeerEventProjected")
  public static let agentFrozen = EventType("AgentFrozen")
  public static let agentUnfrozen = EventType("AgentUnfrozen")
  public static let supplyDriftDetected = EventType("SupplyDriftDetected")
  public static let supplyDriftCleared = EventType("SupplyDriftCleared")
  public static let operatorLicensed = EventType("OperatorLicensed")
  public static let operatorSuspended = EventType("OperatorSuspended")
  public static let operatorResumed = EventType("OperatorResumed")
  public static let operatorRemoved = EventType("OperatorRemoved")
  public static let operatorAgentReleased = EventType("OperatorAgentReleased")
  public static let peerEquivocationProven = EventType("PeerEquivocationProven")
  public static let authorityPrepared = EventType("AuthorityPrepared")
  public static let authorityActivated = EventType("AuthorityActivated")
  public static let authorityTainted = EventType("AuthorityTainted")
  public static let authorityRevoked = EventType("AuthorityRevoked")
  public static let authorityRetired = EventType("AuthorityRetired")
  public static let registrationEntryCreated = EventType("RegistrationEntryCreated")
  public static let registrationEntryRemoved = EventType("RegistrationEntryRemoved")
  /// A payload this version does not know (written by a newer one). From a peer it is kept and never acted on; in the frame's
  /// own log it keeps the writer from opening.
  public static let unknown = EventType("Unknown")

  /// Every type this version can write.
  public static let all: [EventType] = [
    .frameFounded, .agentRegistered, .tokensIssued, .tokensBurned, .tokensTransferred, .holdCreated, .holdCaptured,
    .holdReleased, .holdExpired, .feesCollected, .crossFrameTransferInitiated,
    .crossFrameTransferSettled, .crossFrameTransferRefused, .crossFrameTransferCompensated,
    .crossRegistryTransferLocked, .crossRegistryTransferCredited, .crossRegistryTransferCompleted,
    .crossRegistryTransferRefused, .crossRegistryTransferAborted, .tokensBridgeLocked, .wrappedTokensIssued,
    .wrappedTokensRedeemed, .tokensBridgeUnlocked, .bridgeBreakerOpened, .bridgeBreakerClosed,
    .frameInvitationRequested, .frameInvitationApproved, .frameInvitationRejected, .frameFederationEstablished,
    .frameFederationRevoked, .peerBundleRotated, .peerBundleRepinned, .treatyAmendmentProposed,
    .treatyAmendmentAccepted, .treatyAmendmentRejected, .treatyAmendmentWithdrawn, .peerEventProjected,
    .agentFrozen, .agentUnfrozen, .supplyDriftDetected, .supplyDriftCleared,
    .operatorLicensed, .operatorSuspended, .operatorResumed, .operatorRemoved, .operatorAgentReleased,
    .peerEquivocationProven,
    .authorityPrepared, .authorityActivated, .authorityTainted, .authorityRevoked, .authorityRetired,
    .registrationEntryCreated, .registrationEntryRemoved,
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
    }
  }
}

extension PBEvent {
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
