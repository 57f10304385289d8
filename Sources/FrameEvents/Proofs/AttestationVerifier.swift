package import Foundation
package import FrameProtos

/// Decides whether what a peer attests is in that peer's log.
///
/// The key comes from the pinned treaty, never from the message (CONFORMANCE B9); leaf and node hashes have separate
/// domains (B13); a missing, zero or default value proves nothing (B10).
package enum AttestationVerifier {
  /// Checks, in this order: the checkpoint's signature and origin, the position against its size, the inclusion proof
  /// against its root, that the leaf is an event, and that the event itself claims the proven position.
  /// - Throws: `LogError.badNote`, `LogError.badProof`, `LogError.damagedEvent`.
  package static func verify(_ attestation: PBAttestation, key: LogVerifierKey) throws -> RecordedEvent {
    try prove(attestation, key: key).event
  }

  /// As ``verify(_:key:)``, with the checkpoint that proves it: whoever relies on it must still know that the log has but one
  /// history (``Witness/require(_:key:prove:)``).
  /// - Throws: as ``verify(_:key:)``.
  package static func prove(
    _ attestation: PBAttestation, key: LogVerifierKey
  ) throws -> (event: RecordedEvent, checkpoint: SignedCheckpoint) {
    let checkpoint = try verify(checkpoint: attestation.checkpoint, key: key)
    return (try prove(attestation, by: checkpoint), checkpoint)
  }

  /// As ``prove(_:key:)``, for whoever has verified the attestation's checkpoint already, and shown it to the witness: what a
  /// log has signed must be witnessed also when the proof that came with it is worth nothing.
  /// - Throws: `LogError.badNote` when it is another checkpoint; `LogError.badProof`, `LogError.damagedEvent`.
  package static func prove(_ attestation: PBAttestation, by checkpoint: SignedCheckpoint) throws -> RecordedEvent {
    guard attestation.checkpoint == checkpoint.note else { throw LogError.badNote("it is another checkpoint") }
    guard attestation.position < checkpoint.size else {
      throw LogError.badProof("position \(attestation.position) is not below the checkpoint's size \(checkpoint.size)")
    }
    guard !attestation.event.isEmpty, attestation.event.count <= EventFormat.maximumBytes else {
      throw LogError.badProof("the event has \(attestation.event.count) bytes")
    }
    guard let proof = MerkleProof.hashes(attestation.proof, atMost: MerkleProof.maximumLength) else {
      throw LogError.badProof("its \(attestation.proof.count) hashes are too many, or not of 32 bytes")
    }
    let root = MerkleProof.root(
      leaf: .leaf(attestation.event), index: attestation.position, size: checkpoint.size, proof: proof)
    guard let root, root.data == checkpoint.root else {
      throw LogError.badProof("position \(attestation.position) does not lead to the root of size \(checkpoint.size)")
    }
    let recorded = try RecordedEvent(bytes: attestation.event)
    guard recorded.position == attestation.position else {
      throw LogError.badProof("the event says position \(recorded.position), the proof \(attestation.position)")
    }
    return recorded
  }

  /// What an attestation proves.
  package struct Proven: Sendable {
    package let position: UInt64
    package let eventType: String
    /// The checkpoint that it is proven by.
    package let checkpoint: SignedCheckpoint
  }

  /// Checks an attestation as the API gives it out: a serialised message.
  /// - Throws: `LogError.badNote`, `LogError.badProof`, `LogError.damagedEvent`.
  package static func verify(serialized bytes: Data, key: LogVerifierKey) throws -> Proven {
    guard let attestation = try? PBAttestation(serializedBytes: bytes) else {
      throw LogError.badProof("it is not an attestation")
    }
    let recorded = try verify(attestation, key: key)
    return Proven(
      position: recorded.position, eventType: recorded.event.eventType.name,
      checkpoint: try verify(checkpoint: attestation.checkpoint, key: key))
  }

  /// - Throws: `LogError.badNote`.
  package static func verify(checkpoint note: Data, key: LogVerifierKey) throws -> SignedCheckpoint {
    try SignedCheckpoint(note: note, key: key)
  }
}
