import FrameTreaty
import FrameCore
import FrameIdentity
import FrameEvents
import Foundation
import Synchronization

/// What changed for one peer.
package enum PeerChange: Sendable, Equatable {
  /// The treaty is established (now, or already at start).
  case established(FrameID)
  /// Nothing may be exchanged with the peer any more.
  /// - byPeer: the peer said so itself; its own call may still be answered.
  case closed(FrameID, byPeer: Bool)
  /// The pinned bundle moved. Connections that rest on an authority that is gone must end (CONFORMANCE S8).
  case pinMoved(FrameID, lostAuthorities: Bool)
  /// By an amendment the peer is reached elsewhere. It is still held to the same pin.
  case endpointsMoved(FrameID)
  /// A certificate in the peer's name was refused because its pinned bundle does not know who signed it: the peer may have
  /// rotated, or somebody else is there. Whoever can reach us can bring this about.
  case untrusted(FrameID)
}

/// The treaties as the network code needs them: a snapshot behind a lock, readable from event loops.
///
/// It is the only source of trust anchors of the federation channel (CONFORMANCE B9), and a bundle source for
/// verification: it yields a peer's pinned bundle while that peer may connect, and nothing otherwise.
package final class PeerDirectory: BundleSource {
  struct Entry: Sendable {
    var treaty: Treaty
    /// Nil when the pinned document cannot be used: then nothing of that peer verifies.
    var bundle: SPIFFEBundle?
  }

  private struct Unrecorded: Sendable {
    let treaty: String?
    let proof: EquivocationProof
  }

  private struct State {
    var version: UInt64 = 0
    var entries: [FrameID: Entry] = [:]
    var equivocations: [FrameID: PeerEquivocation] = [:]
    /// Contradictions that are not in the log yet, by the treaty that they stop.
    var unrecorded: [FrameID: Unrecorded] = [:]
    /// Treaties that have ended (`FederationState.ended`).
    var ended: [FrameID: Entry] = [:]
    var observers: [@Sendable (PeerChange) -> Void] = []
  }

  package let frame: FrameID
  private let held = Mutex(State())

  package init(frame: FrameID) { self.frame = frame }

  /// Calls `body` for every change from now on, on whatever thread brings the change; it must not block.
  package func observe(_ body: @escaping @Sendable (PeerChange) -> Void) {
    held.withLock { $0.observers.append(body) }
  }

  /// Takes over a state; an older one than the held is ignored. Observers have been told when this returns.
  package func update(_ state: FederationState) {
    let (changes, observers) = held.withLock { held -> ([PeerChange], [@Sendable (PeerChange) -> Void]) in
      guard state.version >= held.version else { return ([], []) }
      held.version = state.version
      held.equivocations = state.equivocations
      // What is in the log, or was said of a treaty that a new one has replaced, needs no memory.
      held.unrecorded = held.unrecorded.filter { peer, waiting in
        state.equivocations[peer] == nil && state.treaties[peer]?.invitationID == waiting.treaty
      }
      held.ended = state.ended.reduce(into: [:]) { ended, entry in
        let old = held.ended[entry.key]
        let bundle =
          old?.treaty.pin == entry.value.pin
          ? old?.bundle : try? SPIFFEBundle(parsing: entry.value.pin.document, of: entry.key)
        ended[entry.key] = Entry(treaty: entry.value, bundle: bundle)
      }
      var changes: [PeerChange] = []
      // Invitations that were forgotten; of nothing else does the state lose its trace.
      for peer in held.entries.keys where state.treaties[peer] == nil { held.entries[peer] = nil }
      for (peer, treaty) in state.treaties {
        let old = held.entries[peer]
        guard old?.treaty != treaty else { continue }
        let bundle =
          old?.treaty.pin == treaty.pin ? old?.bundle : try? SPIFFEBundle(parsing: treaty.pin.document, of: peer)
        held.entries[peer] = Entry(treaty: treaty, bundle: bundle)
        changes += Self.changes(from: old, to: Entry(treaty: treaty, bundle: bundle))
      }
      return (changes, held.observers)
    }
    for change in changes { for observer in observers { observer(change) } }
  }

  /// Says that a certificate in the name of `peer` was refused because nobody knows its authority.
  func untrusted(_ peer: FrameID) {
    guard isOpen(peer) else { return }
    for observer in held.withLock({ $0.observers }) { observer(.untrusted(peer)) }
  }

  private static func changes(from old: Entry?, to new: Entry) -> [PeerChange] {
    let peer = new.treaty.peer
    var changes: [PeerChange] = []
    if let old, old.treaty.pin != new.treaty.pin, mayConnect(old.treaty) {
      let lost = Set(old.bundle?.x509Authorities ?? []).subtracting(new.bundle?.x509Authorities ?? [])
      changes.append(.pinMoved(peer, lostAuthorities: !lost.isEmpty))
    }
    if let old, mayConnect(old.treaty), !mayConnect(new.treaty) {
      changes.append(.closed(peer, byPeer: new.treaty.endedByPeer))
    }
    if let old, old.treaty.state == .established, new.treaty.state == .established,
      old.treaty.theirs.federationAddress != new.treaty.theirs.federationAddress
        || old.treaty.theirs.bundleEndpoint != new.treaty.theirs.bundleEndpoint
    {
      changes.append(.endpointsMoved(peer))
    }
    if new.treaty.state == .established, old?.treaty.state != .established { changes.append(.established(peer)) }
    return changes
  }

  /// Who may open a connection to us: a peer with a treaty, and one that we invited or approved.
  private static func mayConnect(_ treaty: Treaty) -> Bool {
    switch treaty.state {
    case .established, .approved: true
    case .requested: treaty.direction == .outgoing
    case .rejected, .revoked: false
    }
  }

  /// The pinned bundle of whoever may connect: to a frame whose treaty has ended every call but the question for an
  /// outcome is refused, and it is told so.
  package func bundle(for trustDomain: FrameID) -> SPIFFEBundle? {
    held.withLock { held in
      if let entry = held.entries[trustDomain], Self.mayConnect(entry.treaty) { return entry.bundle }
      return held.ended[trustDomain]?.bundle
    }
  }

  /// Whether the peer has a treaty, or an invitation of ours or an approval that may become one.
  package func isOpen(_ peer: FrameID) -> Bool {
    held.withLock { held in held.entries[peer].map { Self.mayConnect($0.treaty) } ?? false }
  }

  /// Whether an operator of this frame has ever dealt with that one: invited it, approved it or ended a treaty with it. A
  /// frame that only sent an invitation is a stranger.
  func isAcquainted(_ peer: FrameID) -> Bool {
    held.withLock { held in
      guard let treaty = held.entries[peer]?.treaty else { return held.ended[peer] != nil }
      return treaty.state != .requested && treaty.state != .rejected || treaty.direction == .outgoing
    }
  }

  /// The treaty with a frame with which the books are still to be closed.
  package func ended(_ peer: FrameID) -> (treaty: Treaty, bundle: SPIFFEBundle)? {
    held.withLock { held in
      guard let entry = held.ended[peer], let bundle = entry.bundle else { return nil }
      return (entry.treaty, bundle)
    }
  }

  package func treaty(_ peer: FrameID) -> Treaty? { held.withLock { $0.entries[peer]?.treaty } }

  /// - Throws: ``FederationError/unknownPeer(_:)``, ``FederationError/notEstablished(_:state:)``.
  @discardableResult
  package func requireEstablished(_ peer: FrameID) throws(FederationError) -> Treaty {
    let (treaty, fraud, isSuspended) = held.withLock {
      ($0.entries[peer]?.treaty, $0.equivocations[peer], $0.unrecorded[peer] != nil)
    }
    guard let treaty else { throw .unknownPeer(peer) }
    guard treaty.state == .established else { throw .notEstablished(peer, state: treaty.state.rawValue) }
    if fraud != nil || isSuspended { throw .equivocated(peer, position: fraud?.position) }
    return treaty
  }

  /// Stops the treaty at once, in memory, for a contradiction that is yet to be recorded: whether it can be must not matter.
  func suspend(_ peer: FrameID, for proof: EquivocationProof) {
    held.withLock { held in
      guard held.equivocations[peer] == nil else { return }
      held.unrecorded[peer] = Unrecorded(treaty: held.entries[peer]?.treaty.invitationID, proof: proof)
    }
  }

  /// Contradictions that are not in the log yet.
  package var unrecorded: [FrameID: EquivocationProof] { held.withLock { $0.unrecorded.mapValues(\.proof) } }

  /// Whether the treaty with `peer` is stopped because its log has two histories.
  package func isStopped(_ peer: FrameID) -> Bool {
    held.withLock { $0.equivocations[peer] != nil || $0.unrecorded[peer] != nil }
  }

  /// The proof that stops the treaty with `peer`, if there is one.
  package func equivocation(of peer: FrameID) -> PeerEquivocation? { held.withLock { $0.equivocations[peer] } }

  package var established: [Treaty] {
    held.withLock { $0.entries.values.map(\.treaty) }.filter { $0.state == .established }
  }
}
