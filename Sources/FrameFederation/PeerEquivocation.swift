import FrameCore
import FrameLog
import FrameProtos
import Foundation

/// That a peer's log has shown two histories (CONFORMANCE B19). While it stands, nothing is exchanged with the peer; a treaty
/// that is established anew, by both operators, ends it. The proof stays in the log.
package struct PeerEquivocation: Sendable, Equatable {
  package let proof: EquivocationProof
  /// Of the event in our log.
  package let position: UInt64
  package let time: FrameTime
}

extension PeerEquivocation: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(proof)
    output.write(position)
    output.write(time)
  }

  package init(from input: inout SnapshotInput) throws {
    proof = try input.read()
    position = try input.read()
    time = try input.read()
  }
}

extension FederationState {
  /// - Throws: ``FederationError``; `LogError` when the notes do not contradict each other under the treaty's key.
  func report(_ proof: EquivocationProof, of peer: FrameID) throws(FederationError) -> [EventDraft] {
    guard let treaty = treaties[peer] else { throw .unknownPeer(peer) }
    guard treaty.state == .established else { throw .notEstablished(peer, state: treaty.state.rawValue) }
    if equivocations[peer] != nil { return [] }
    // Whoever reports it, it is decided by the signatures and by the key that the treaty pins.
    do { _ = try proof.verify(key: LogVerifierKey(treaty.peerLogKey)) } catch {
      throw .equivocationUnproven(peer, why: (error as? any FrameError)?.message ?? error.words)
    }
    var payload = PBPeerEquivocationProven()
    payload.peer = peer.name
    payload.kind = proof.kind.rawValue
    payload.logVerifierKey = treaty.peerLogKey
    payload.first = Data(proof.first.utf8)
    payload.second = Data(proof.second.utf8)
    payload.proof = proof.proof.compactMap { Data(base64Encoded: $0) }
    return [EventDraft(.peerEquivocationProven(payload))]
  }

  mutating func evolve(_ e: PBPeerEquivocationProven, _ recorded: RecordedEvent) {
    guard let peer = try? FrameID(e.peer), let kind = EquivocationProof.Kind(rawValue: e.kind) else { return }
    let proof = EquivocationProof(
      kind: kind, key: e.logVerifierKey, first: e.first, second: e.second, proof: e.proof)
    equivocations[peer] = PeerEquivocation(proof: proof, position: recorded.position, time: recorded.clock)
  }
}
