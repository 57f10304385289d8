import FrameCore
import FrameIdentity
import FrameEvents
import FrameProtos

extension NodeConfiguration {
  /// The event types a frame asks its peers for: the outcomes of transfers and every leg of the bridge.
  package static let subscriptions: [EventType] = [
    .crossFrameTransferInitiated, .crossFrameTransferSettled, .crossFrameTransferRefused, .tokensBridgeLocked,
    .wrappedTokensIssued, .wrappedTokensRedeemed, .tokensBridgeUnlocked,
  ]

  /// What this frame says of itself in an invitation or an approval.
  func description(bundle: SPIFFEBundle, logKey: LogVerifierKey) -> PBFrameDescription {
    var description = PBFrameDescription()
    description.frameID = frameID.name
    description.native = PBAsset(native)
    description.bundleEndpoint = advertised.bundleEndpoint
    description.bundleEndpointProfile = bundleEndpoint.profile.rawValue
    description.bundleFingerprint = bundle.fingerprint.description
    description.federationAddress = advertised.federationAddress
    description.logVerifierKey = logKey.text
    description.terms.subscriptions = Self.subscriptions.map(\.name)
    description.terms.netDebitCap = treaty.netDebitCap.minorUnits
    description.terms.bridgeCap = treaty.bridgeCap.minorUnits
    description.terms.bridgeRatePerMinute = treaty.bridgeRatePerMinute.minorUnits
    description.apiURL = advertised.apiURL
    return description
  }
}
