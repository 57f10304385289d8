import FrameCore
import FrameEvents
import Foundation

/// A checkpoint that a peer's log signed and that is certain, on disk, to be of the one history of that log.
///
/// What a peer attests is acted on by way of this type only, and only ``PeerLogWatch`` makes it: no check that stands before
/// the witness can keep a contradiction from it (CONFORMANCE B19).
package struct WitnessedCheckpoint: Sendable, Equatable {
  package let checkpoint: SignedCheckpoint
  package let peer: FrameID
  /// The log key that the treaty pins.
  package let key: LogVerifierKey

  package init(_ checkpoint: SignedCheckpoint, of peer: FrameID, key: LogVerifierKey) {
    self.checkpoint = checkpoint
    self.peer = peer
    self.key = key
  }
}

/// What the notes that came together are worth, each for itself.
package struct WitnessedCheckpoints: Sendable {
  private let byNote: [Data: Result<WitnessedCheckpoint, any Error>]

  package init(byNote: [Data: Result<WitnessedCheckpoint, any Error>]) { self.byNote = byNote }

  /// - Throws: `LogError.badNote` when the log did not sign it.
  package func checkpoint(_ note: Data) throws -> WitnessedCheckpoint {
    guard let found = byNote[note] else { throw LogError.badNote("it was not shown to the witness") }
    return try found.get()
  }
}

/// Shows what a peer calls checkpoints of its log to the witness; `PeerLogWatch.read` is the real one. It throws when one of
/// them is not of the history that was witnessed.
package typealias CheckpointReader =
  @Sendable (_ notes: [Data], _ peer: FrameID, _ key: LogVerifierKey) async throws -> WitnessedCheckpoints
