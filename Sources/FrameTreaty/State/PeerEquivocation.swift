import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// That a peer's log has shown two histories (CONFORMANCE B19). While it stands, nothing is exchanged with the peer; a treaty
/// that is established anew, by both operators, ends it. The proof stays in the log.
package struct PeerEquivocation: Sendable, Equatable {
  /// Where ``filed`` is set, its notes are empty here.
  package let proof: EquivocationProof
  /// SHA-256 of the file that has the proof, when its notes do not fit an event (`EvidenceFolder`).
  package let filed: Data?
  /// Of the event in our log.
  package let position: UInt64
  package let time: FrameTime
}

extension PeerEquivocation: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(proof)
    output.write(filed)
    output.write(position)
    output.write(time)
  }

  package init(from input: inout SnapshotInput) throws {
    proof = try input.read()
    filed = try input.read()
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
    let verdict: EquivocationProof.Verdict
    do { verdict = try proof.verify(key: LogVerifierKey(treaty.peerLogKey)) } catch {
      throw .equivocationUnproven(peer, why: (error as? any FrameError)?.message ?? error.words)
    }
    var payload = PBPeerEquivocationProven()
    payload.peer = peer.name
    payload.kind = proof.kind.rawValue
    payload.logVerifierKey = treaty.peerLogKey
    payload.firstSize = verdict.firstSize
    payload.firstRoot = verdict.firstRoot
    payload.secondSize = verdict.secondSize
    payload.secondRoot = verdict.secondRoot
    if proof.fitsEvent {
      payload.first = Data(proof.first.utf8)
      payload.second = Data(proof.second.utf8)
    } else {
      // Whoever reports it has it in a file; were that lost, the treaty would still be stopped.
      payload.evidenceSha256 = proof.digest
      payload.evidenceBytes = UInt64(proof.document.count)
    }
    payload.proof = proof.proof.compactMap { Data(base64Encoded: $0) }
    return [EventDraft(.peerEquivocationProven(payload))]
  }

  mutating func evolve(_ e: PBPeerEquivocationProven, _ recorded: RecordedEvent) {
    guard let peer = try? FrameID(e.peer), let kind = EquivocationProof.Kind(rawValue: e.kind) else { return }
    let proof = EquivocationProof(
      kind: kind, key: e.logVerifierKey, first: e.first, second: e.second, proof: e.proof)
    equivocations[peer] = PeerEquivocation(
      proof: proof, filed: e.evidenceSha256.isEmpty ? nil : e.evidenceSha256, position: recorded.position,
      time: recorded.clock)
  }
}
