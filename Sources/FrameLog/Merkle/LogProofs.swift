package import FrameEvents
package import Foundation

/// That an event is in the log of a certain size (RFC 6962 §2.1.1).
package struct InclusionProof: Sendable {
  package let position: UInt64
  package let size: UInt64
  /// The leaf hash of the event at `position`.
  package let leaf: Data
  /// The root of the log of `size` events.
  package let root: Data
  package let hashes: [Data]
  /// What was signed about exactly this size, when it is the newest that was.
  package let checkpoint: SignedCheckpoint?
}

/// That the log of one size extends that of another (RFC 6962 §2.1.2).
package struct ConsistencyProof: Sendable {
  package let from: UInt64
  package let to: UInt64
  package let fromRoot: Data
  package let toRoot: Data
  package let hashes: [Data]
}
