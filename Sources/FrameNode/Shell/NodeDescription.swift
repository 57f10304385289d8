import FrameCore
import FrameIdentity
import FrameEvents
import FrameConfiguration
import FrameProtos

extension NodeConfiguration {
  /// The event types a frame asks its peers for: the outcomes of transfers and every leg of the bridge.
  package static let subscriptions: [EventType] = [
    .crossFrameTransferInitiated, .crossFrameTransferSettled, .crossFrameTransferRefused, .tokensBridgeLocked,
    .wrappedTokensIssued, .wrappedTokensRedeemed, .tokensBridgeUnlocked,
  ]

  /// What this frame says of itself in an invitation or an approval.
  /// - Parameter peer: the currency of whom it is for; nil: anybody. Limits in a currency that is not known are none.
  /// - Throws: a `Refusal` when the limits of frame.yaml cannot be said in that currency.
  func description(bundle: SPIFFEBundle, logKey: LogVerifierKey, for peer: Asset?) throws -> PBFrameDescription {
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
    if let peer {
      let limits = try treaty.bridge(in: peer)
      description.terms.bridgeCap = limits.cap.minorUnits
      description.terms.bridgeRatePerMinute = limits.ratePerMinute.minorUnits
    }
    description.apiURL = advertised.apiURL
    return description
  }
}
