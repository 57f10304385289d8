package import FrameCore

/// Which way a transfer is carried (`?backend=`).
package enum TransferBackend: String, Sendable, CaseIterable {
  /// Debit and answer; SF-4 carries it; refused there means compensated here.
  case async
  /// Lock, credit, commit, while the caller waits.
  case twoPhase = "2pc"
}

/// Which side of a transfer this frame is.
package enum TransferRole: String, Sendable, CaseIterable {
  case origin, destination
}

/// Where a transfer stands on one side.
package enum TransferPhase: String, Sendable, CaseIterable {
  /// Origin, 2pc: the money is held; the destination decides.
  case locked
  /// Origin, async: the money has left; the destination decides.
  case initiated
  /// Origin: the destination credited, the books are closed.
  case completed
  /// Origin, 2pc: refused there, released here.
  case aborted
  /// Origin, async: refused there, paid back here.
  case compensated
  /// Destination: credited; final.
  case credited
  /// Destination: refused; final, also for a credit that arrives later.
  case refused

  package var isOpen: Bool { self == .locked || self == .initiated }
}

/// What this frame holds on record of one transfer.
package struct Transfer: Sendable, Equatable {
  package let id: String
  /// The frame at the other end.
  package let peer: FrameID
  package let role: TransferRole
  package let backend: TransferBackend
  /// Nil only at a destination that refused a transfer it never saw, or whose terms it could not read.
  package let terms: TransferTerms?
  package internal(set) var phase: TransferPhase
  /// Minor units of the destination's native asset; what was credited, or is due.
  package internal(set) var creditedAmount: Int64
  /// Stable code of a refusal, else "".
  package internal(set) var reason = ""
  /// 2pc: after it the origin asks for the outcome instead of the credit.
  package let deadline: FrameTime?
  package let openedAt: FrameTime
  package let openPosition: UInt64
  package internal(set) var closedAt: FrameTime?
  package internal(set) var closePosition: UInt64?
  /// Position of the destination's decision in its log, where known.
  package internal(set) var peerPosition: UInt64?
}

/// What a caller learns of a transfer.
package struct TransferReceipt: Sendable, Equatable {
  /// One word for the caller, whatever the backend.
  package enum State: String, Sendable {
    /// Not decided yet, or not known here yet: it will be, without the caller doing anything.
    case pending
    case completed
    /// Not made: the sender has the money.
    case refused
  }

  package let transfer: Transfer
  /// The command was a repeat; this is what its first run brought about.
  package let replayed: Bool

  package init(_ transfer: Transfer, replayed: Bool = false) {
    self.transfer = transfer
    self.replayed = replayed
  }

  package var state: State {
    switch transfer.phase {
    case .locked, .initiated: .pending
    case .completed, .credited: .completed
    case .aborted, .compensated, .refused: .refused
    }
  }

  /// 2pc, and the destination may or may not have credited it: it is being asked.
  package var isInDoubt: Bool { transfer.phase == .locked }
}
