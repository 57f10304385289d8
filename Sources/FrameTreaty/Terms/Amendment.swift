import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// A proposal to change the terms of a treaty, or where its proposer is reached.
///
/// The proposer signs the amended treaty, so its consent is in the proposal; the other frame's decision, once it is in its
/// log, is the decision. Until the proposer has heard it, it may neither propose nor accept anything else, so the two
/// frames' revisions never part.
package struct Amendment: Sendable, Equatable {
  package enum State: String, Sendable { case pending, accepted, rejected, withdrawn }

  package let id: String
  /// Of the proposer's proposals to this treaty, from 1.
  package let number: UInt64
  /// The revision that the treaty has once it is accepted.
  package let revision: UInt32
  /// What we would hold the peer to, and ask it to send us.
  package let ours: PBTreatyTerms
  /// What the peer would hold us to, and asks us to send.
  package let theirs: PBTreatyTerms
  /// The amended treaty, signed by the proposer; once it is accepted, by both. It alone says where the proposer would be
  /// reached (``Treaty/move(of:in:)``).
  package internal(set) var document: Data
  package let expires: FrameTime
  /// The proposer's words for the other operator.
  package let note: String
  package internal(set) var state = State.pending
  package internal(set) var reason = ""
  /// When the state last changed.
  package internal(set) var since: FrameTime

  package func isOpen(at now: FrameTime) -> Bool { state == .pending && now <= expires }
}

/// What is proposed, before it is recorded.
package struct AmendmentOffer: Sendable {
  package var treatyID: String
  package var id: String
  package var number: UInt64
  package var revision: UInt32
  package var ours: PBTreatyTerms
  package var theirs: PBTreatyTerms
  package var document: Data
  package var expires: FrameTime
  package var note: String

  package init(
    treatyID: String, id: String, number: UInt64, revision: UInt32, ours: PBTreatyTerms, theirs: PBTreatyTerms,
    document: Data, expires: FrameTime, note: String
  ) {
    self.treatyID = treatyID
    self.id = id
    self.number = number
    self.revision = revision
    self.ours = ours
    self.theirs = theirs
    self.document = document
    self.expires = expires
    self.note = note
  }
}

/// What can happen to an amendment; each names the actor it needs.
package enum AmendmentCommand: Sendable {
  /// The operator proposes.
  case propose(AmendmentOffer)
  /// The peer proposes; `ours` and `theirs` are already as we see them.
  case receive(AmendmentOffer)
  /// The operator accepts what the peer proposed. The document carries both signatures.
  case accept(id: String, document: Data)
  /// The operator rejects what the peer proposed.
  case reject(id: String, reason: String)
  /// The peer has decided about what we proposed, or dropped it at our request.
  case decided(id: String, Amendment.State, document: Data, reason: String)
  /// The peer drops what it proposed.
  case withdraw(treatyID: String, id: String, number: UInt64, reason: String)

  func digest(_ peer: FrameID) -> Data {
    switch self {
    case .propose(let offer): CommandDigest.of("ws3.amend", peer.name, offer.id)
    case .receive(let offer): CommandDigest.of("ws3.amendment", peer.name, offer.treatyID, offer.id)
    case .accept(let id, _): CommandDigest.of("ws3.amendment-accept", peer.name, id)
    case .reject(let id, let reason): CommandDigest.of("ws3.amendment-reject", peer.name, id, reason)
    case .decided(let id, let state, _, _):
      CommandDigest.of("ws3.amendment-decided", peer.name, id, state.rawValue)
    case .withdraw(let treaty, let id, _, _): CommandDigest.of("ws3.amendment-withdraw", peer.name, treaty, id)
    }
  }
}

/// Changes of terms that an operator asks for; nil leaves a term as it is. Minor units.
package struct TermChanges: Sendable {
  /// How far the peer may run into debt with us, of our currency.
  package var netDebitCap: Int64?
  /// The most of the peer's currency that may be outstanding here, of its currency.
  package var bridgeCap: Int64?
  /// The most of the peer's currency issued here in a minute, of its currency.
  package var bridgeRatePerMinute: Int64?
  /// All event types that are asked for; nil leaves them as they are but for the two below.
  package var subscriptions: [String]?
  /// Event types to ask for as well.
  package var subscribe: [String] = []
  /// Event types to ask for no more.
  package var unsubscribe: [String] = []

  package init() {}

  /// - Throws: ``FederationError/amendmentInvalid(_:)`` when something is to be dropped that was not asked for.
  package func apply(to terms: PBTreatyTerms) throws(FederationError) -> PBTreatyTerms {
    var terms = terms
    if let netDebitCap { terms.netDebitCap = netDebitCap }
    if let bridgeCap { terms.bridgeCap = bridgeCap }
    if let bridgeRatePerMinute { terms.bridgeRatePerMinute = bridgeRatePerMinute }
    if let subscriptions { terms.subscriptions = subscriptions }
    for name in unsubscribe where !terms.subscriptions.contains(name) {
      throw .amendmentInvalid("there is no subscription to '\(name.prefix(60))'")
    }
    terms.subscriptions.removeAll { unsubscribe.contains($0) }
    for name in subscribe where !terms.subscriptions.contains(name) { terms.subscriptions.append(name) }
    return terms
  }
}

extension Amendment.State: SnapshotValue {}

extension Amendment: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(id)
    output.write(number)
    output.write(revision)
    output.write(ours)
    output.write(theirs)
    output.write(document)
    output.write(expires)
    output.write(note)
    output.write(state)
    output.write(reason)
    output.write(since)
  }

  package init(from input: inout SnapshotInput) throws {
    id = try input.read()
    number = try input.read()
    revision = try input.read()
    ours = try input.read()
    theirs = try input.read()
    document = try input.read()
    expires = try input.read()
    note = try input.read()
    state = try input.read()
    reason = try input.read()
    since = try input.read()
  }
}
