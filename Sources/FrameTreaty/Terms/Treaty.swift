import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// Where a treaty stands (DESIGN §10). `none` is the absence of a treaty.
package enum TreatyState: String, Sendable, CaseIterable {
  case requested, approved, rejected, established, revoked
}

/// The bundle a peer is held to, as fetched: the whole trust in that peer.
package struct PinnedBundle: Sendable, Equatable {
  /// The JWKS document, verbatim.
  package let document: Data
  /// `SHA256:<hex>` over its X.509 authorities.
  package let fingerprint: String
  /// `spiffe_sequence`; 0 when the document has none.
  package let sequence: UInt64

  package init(document: Data, fingerprint: String, sequence: UInt64) {
    self.document = document
    self.fingerprint = fingerprint
    self.sequence = sequence
  }
}

/// The relationship with one peer, as the log tells it.
package struct Treaty: Sendable, Equatable {
  package enum Direction: String, Sendable { case outgoing, incoming }

  package let peer: FrameID
  package internal(set) var invitationID: String
  package internal(set) var state: TreatyState
  /// Who invited: `outgoing` when we did.
  package internal(set) var direction: Direction
  /// What we said of ourselves. Its `terms` are the limits that we hold the peer to.
  package internal(set) var ours: PBFrameDescription
  /// What the peer said of itself. Its `terms.subscriptions` are the event types it asks us to send.
  package internal(set) var theirs: PBFrameDescription
  package internal(set) var pin: PinnedBundle
  /// When an invitation that is still `requested` lapses.
  package internal(set) var expires: FrameTime
  package internal(set) var endedByPeer = false
  package internal(set) var reason = ""
  /// When the state last changed.
  package internal(set) var since: FrameTime
  /// How often the terms were amended.
  package internal(set) var revision: UInt32 = 0
  /// The treaty as it stands, signed by both (``TreatyDocument``); empty before it is established.
  package internal(set) var document = Data()
  /// The last amendment that we proposed, open or not.
  package internal(set) var proposed: Amendment?
  /// The last amendment that the peer proposed, open or not.
  package internal(set) var received: Amendment?
  /// The network that an invitation of theirs came from; "" when that cannot be told.
  package internal(set) var source = ""
  /// When the peer's proposals of the last hour came.
  var amendmentTimes: [FrameTime] = []

  package var pinnedBundle: Data { pin.document }
  package var fingerprint: String { pin.fingerprint }
  /// The peer's log verifier key (C2SP signed-note form), from the treaty and nowhere else (CONFORMANCE B9).
  package var peerLogKey: String { theirs.logVerifierKey }
  /// The limits that we hold this peer to.
  package var terms: PBTreatyTerms { ours.terms }
  /// The event types that the peer subscribed to at this frame.
  package var subscription: Set<String> { Set(theirs.terms.subscriptions) }

  /// Requested, and past its time.
  package func isExpired(at now: FrameTime) -> Bool { state == .requested && now > expires }

  /// Over: a new invitation may start.
  package func isClosed(at now: FrameTime) -> Bool {
    switch state {
    case .rejected, .revoked: true
    case .requested: now > expires
    case .approved, .established: false
    }
  }
}

extension TreatyState: SnapshotValue {}
extension Treaty.Direction: SnapshotValue {}

extension PinnedBundle: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(document)
    output.write(fingerprint)
    output.write(sequence)
  }

  package init(from input: inout SnapshotInput) throws {
    document = try input.read()
    fingerprint = try input.read()
    sequence = try input.read()
  }
}

extension Treaty: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(peer)
    output.write(invitationID)
    output.write(state)
    output.write(direction)
    output.write(ours)
    output.write(theirs)
    output.write(pin)
    output.write(expires)
    output.write(endedByPeer)
    output.write(reason)
    output.write(since)
    output.write(revision)
    output.write(document)
    output.write(proposed)
    output.write(received)
    output.write(amendmentTimes)
    output.write(source)
  }

  package init(from input: inout SnapshotInput) throws {
    peer = try input.read()
    invitationID = try input.read()
    state = try input.read()
    direction = try input.read()
    ours = try input.read()
    theirs = try input.read()
    pin = try input.read()
    expires = try input.read()
    endedByPeer = try input.read()
    reason = try input.read()
    since = try input.read()
    revision = try input.read()
    document = try input.read()
    proposed = try input.read()
    received = try input.read()
    amendmentTimes = try input.read()
    source = try input.read()
  }
}
