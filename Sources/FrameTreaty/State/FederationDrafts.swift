import FrameCore
import FrameEvents
import FrameProtos
import Foundation

// The treaty's events and the checks that every decision shares.
extension FederationState {
  static func requested(
    _ id: String, _ peer: FrameID, outgoing: Bool, inviter: PBFrameDescription, invitee: PBFrameDescription,
    pin: PinnedBundle, expires: FrameTime, source: String = "", displaced: FrameID? = nil
  ) -> EventDraft {
    var payload = PBFrameInvitationRequested()
    payload.invitationID = id
    payload.peer = peer.name
    payload.outgoing = outgoing
    payload.inviter = inviter
    payload.invitee = invitee
    if outgoing { payload.invitee.bundleFingerprint = pin.fingerprint }
    payload.peerBundle = pin.document
    payload.expiresUnixNs = expires.unixNanoseconds
    payload.source = source
    payload.displaced = displaced?.name ?? ""
    return EventDraft(.frameInvitationRequested(payload))
  }

  static func approved(
    _ id: String, _ peer: FrameID, approver: PBFrameDescription, pin: PinnedBundle
  ) -> EventDraft {
    var payload = PBFrameInvitationApproved()
    payload.invitationID = id
    payload.peer = peer.name
    payload.approver = approver
    payload.peerBundle = pin.document
    payload.fingerprint = pin.fingerprint
    return EventDraft(.frameInvitationApproved(payload))
  }

  static func rejected(_ id: String, _ peer: FrameID, byPeer: Bool, reason: String) -> EventDraft {
    var payload = PBFrameInvitationRejected()
    payload.invitationID = id
    payload.peer = peer.name
    payload.byPeer = byPeer
    payload.reason = bounded(reason)
    return EventDraft(.frameInvitationRejected(payload))
  }

  static func established(
    _ id: String, _ peer: FrameID, ours: PBFrameDescription, theirs: PBFrameDescription, pin: PinnedBundle,
    document: Data
  ) -> EventDraft {
    var payload = PBFrameFederationEstablished()
    payload.invitationID = id
    payload.peer = peer.name
    payload.ours = ours
    payload.theirs = theirs
    payload.peerBundle = pin.document
    payload.fingerprint = pin.fingerprint
    payload.document = document
    return EventDraft(.frameFederationEstablished(payload))
  }

  static func bounded(_ reason: String) -> String {
    guard !TextLimit.note.admits(reason) else { return reason }
    return String(String.UnicodeScalarView(reason.unicodeScalars.prefix(TextLimit.note.most)))
  }
}

extension FederationState {
  /// The frame a description names, when the description can be used at all.
  func checked(_ description: PBFrameDescription) throws(FederationError) -> FrameID {
    let peer = try DescriptionRules.check(description)
    guard peer != frame else { throw .selfPeering(peer) }
    return peer
  }

  func checkPin(_ pin: PinnedBundle, _ peer: FrameID) throws(FederationError) {
    guard pin.document.count <= Self.bundleBytesMax else {
      throw .bundleTooLarge(bytes: pin.document.count, limit: Self.bundleBytesMax)
    }
    // A missing value proves nothing (CONFORMANCE B10).
    guard !pin.document.isEmpty, !pin.fingerprint.isEmpty else { throw .bundleUnusable(peer, why: "it is empty") }
    guard pin.sequence <= UInt64(Int64.max) else { throw .bundleUnusable(peer, why: "its sequence is \(pin.sequence)") }
  }

  func requireAuthority(_ context: DecisionContext) throws(FederationError) {
    guard context.actor == .authority(of: frame) else { throw .notAuthority(context.actor) }
  }

  func requirePeer(_ peer: FrameID, _ context: DecisionContext) throws(FederationError) {
    guard context.actor == .node(of: peer) else { throw .notThePeer(context.actor, peer: peer) }
  }

  func requireNode(_ context: DecisionContext) throws(FederationError) {
    guard context.actor == .node(of: frame) else { throw .notThePeer(context.actor, peer: frame) }
  }
}

/// What every frame description must satisfy before anything is done with it.
package enum DescriptionRules {
  static let textBytesMax = 512
  static let subscriptionsMax = 32

  package static func check(_ d: PBFrameDescription) throws(FederationError) -> FrameID {
    let id: FrameID
    do { id = try FrameID(d.frameID) } catch { throw .descriptionInvalid(error.message) }
    do {
      let native = try Asset(d.native)
      guard native.origin == id else { throw FederationError.descriptionInvalid("its currency is another frame's") }
    } catch let error as FederationError {
      throw error
    } catch let error as IdentifierError {
      throw .descriptionInvalid(error.message)
    } catch {
      throw .descriptionInvalid("its currency cannot be read")
    }
    for text in [d.bundleEndpoint, d.federationAddress, d.logVerifierKey, d.apiURL, d.bundleFingerprint]
    where text.utf8.count > textBytesMax {
      throw .descriptionInvalid("a field is longer than \(textBytesMax) bytes")
    }
    // They become lines of the treaty's text.
    for text in [d.bundleEndpoint, d.federationAddress, d.logVerifierKey, d.apiURL, d.bundleFingerprint]
    where !text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
      throw .descriptionInvalid("a field has characters other than printable ASCII")
    }
    _ = try FederationError.address(url: d.bundleEndpoint)
    _ = try FederationError.address(d.federationAddress)
    _ = try BundleProfile(d.bundleEndpointProfile)
    guard let key = try? LogVerifierKey(d.logVerifierKey), key.name == id.name else {
      throw .descriptionInvalid("the log verifier key is not an Ed25519 key in the frame's name")
    }
    try check(d.terms)
    return id
  }

  package static func check(_ terms: PBTreatyTerms) throws(FederationError) {
    guard terms.netDebitCap >= 0, terms.bridgeCap >= 0, terms.bridgeRatePerMinute >= 0 else {
      throw .descriptionInvalid("a limit is negative")
    }
    guard terms.subscriptions.count <= subscriptionsMax else {
      throw .descriptionInvalid("more than \(subscriptionsMax) subscriptions")
    }
    let known = Set(EventType.all.map(\.name))
    for name in terms.subscriptions where !known.contains(name) {
      throw .descriptionInvalid("'\(name.prefix(60))' is not an event type")
    }
  }
}

/// Reads `spiffe_sequence` of a bundle document that was validated before it was pinned.
enum BundleSequence {
  static func read(_ document: Data) -> UInt64 {
    (try? TextTree(json: document, JSONReader.Limits(bytes: FederationState.bundleBytesMax, strictDepth: 1)))?[
      "spiffe_sequence"]?
      .wholeNumber ?? 0
  }
}
