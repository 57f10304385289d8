package import Foundation
package import FrameLedger
package import FrameEvents

/// Something in a log that must not be there. A log is immutable, so a finding stays.
package struct AuditFinding: Sendable, Equatable {
  /// Stable `snake_case` word.
  package let code: String
  /// Of the event that shows it; nil when it is about the log as a whole.
  package let position: UInt64?
  package let message: String

  package init(_ code: String, at position: UInt64?, _ message: String) {
    self.code = code
    self.position = position
    self.message = message
  }
}

/// What an audit of a log found, and the log size it is true at.
package struct AuditReport: Sendable, Equatable {
  package let frame: String
  /// Events 0 ..< size were audited.
  package let size: UInt64
  /// RFC 6962 root of those events, recomputed from the stored bytes. 32 bytes.
  package let root: Data
  package let statement: SupplyStatement
  /// Delta of the supply equation at the worst position; 0 in a sound log.
  package let worstDelta: Int128
  package let accounts: Int
  package let agents: Int
  /// Holds that have not ended.
  package let openHolds: Int
  /// The signed checkpoint that the root was compared with, and agreed; nil when there was none to compare.
  package let checkpoint: SignedCheckpoint?
  /// The first `SupplyRecount.maximumFindings`, in order.
  package let findings: [AuditFinding]
  /// How many there are in all.
  package let findingCount: Int

  package var isClean: Bool { findingCount == 0 }

  package var checkpointSize: UInt64? { checkpoint?.size }
}
