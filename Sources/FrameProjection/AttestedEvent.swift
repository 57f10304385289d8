package import FrameCore
package import FrameTreaty
package import FrameEvents
package import FrameProtos

/// A peer's event together with the fact that the peer's log holds it.
///
/// The only way to make one is to verify an attestation by a checkpoint that is witnessed, under a key the caller takes from the
/// treaty. Commands that act on a
/// peer's event take this type and compare ``key`` with the treaty once more when they are decided, so that a proof
/// checked under an old treaty never acts under a new one (CONFORMANCE B9, B10).
package struct AttestedEvent: Sendable, Equatable {
  package let origin: FrameID
  package let event: RecordedEvent
  /// The log key it was verified with.
  package let key: LogVerifierKey
  /// Which log of its frame that is.
  package var log: PeerLog { PeerLog(origin, key: key.text) }
  /// The checkpoint that proves it; nil only in the simulator, which has no keys.
  package let checkpoint: SignedCheckpoint?

  /// - Parameters:
  ///   - attestation: event, inclusion proof and checkpoint as the peer sent them.
  ///   - origin: the peer whose log it must be in.
  ///   - witnessed: the attestation's own checkpoint, after the witness has seen it.
  /// - Throws: `LogError.badProof`, `LogError.badNote`, `LogError.damagedEvent`; ``ProjectionError/notPinnedKey(peer:)``.
  package init(verifying attestation: PBAttestation, from origin: FrameID, by witnessed: WitnessedCheckpoint) throws {
    guard witnessed.peer == origin, witnessed.key.name == origin.name else {
      throw ProjectionError.notPinnedKey(peer: origin)
    }
    self.init(
      origin: origin, event: try AttestationVerifier.prove(attestation, by: witnessed.checkpoint), key: witnessed.key,
      checkpoint: witnessed.checkpoint)
  }

  /// For the verifier above, and for the simulator, which has no keys.
  init(origin: FrameID, event: RecordedEvent, key: LogVerifierKey, checkpoint: SignedCheckpoint? = nil) {
    self.origin = origin
    self.event = event
    self.key = key
    self.checkpoint = checkpoint
  }
}
