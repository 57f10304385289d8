import Foundation
import FrameCore
import FrameEvents
import FrameProjection
import FrameProtos

@testable import FrameTreaty

extension WitnessedCheckpoint {
  /// Of a note that no witness has seen, for tests of what comes after it.
  static func unseen(_ note: Data, of peer: FrameID, key: LogVerifierKey) throws -> WitnessedCheckpoint {
    WitnessedCheckpoint(try AttestationVerifier.verify(checkpoint: note, key: key), of: peer, key: key)
  }
}

extension AttestedEvent {
  init(unseen attestation: PBAttestation, from origin: FrameID, key: LogVerifierKey) throws {
    try self.init(
      verifying: attestation, from: origin, by: .unseen(attestation.checkpoint, of: origin, key: key))
  }
}
