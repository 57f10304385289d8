package import FrameCore
package import FrameProtos

/// The origin's side of one 2pc transfer after its lock, as a value: what to do next, and nothing else.
///
/// It asks for the credit until the lock's deadline, and for the outcome after it: an unknown outcome is asked for, never
/// guessed, and silence never becomes a refund (CONFORMANCE B4). It is made anew from the log after a restart, and gives
/// the same actions.
package struct TwoPhaseMachine: Sendable, Equatable {
  package enum Input: Sendable, Equatable {
    /// The lock is durable, or the node started and found it.
    case start
    /// The destination answered.
    case decided(PBTransferDecision)
    /// No answer: whether the destination acted is not known.
    case unknown
    /// A pause is over.
    case timer
    /// Our commit or abort is durable.
    case recorded
    /// Our log could not take it now.
    case notRecorded
  }

  package enum Action: Sendable, Equatable {
    case askCredit(TransferTerms)
    case askOutcome(String)
    case commit(creditedAmount: Int64, peerPosition: UInt64)
    case abort(reason: String)
    case wait(Duration)
    case finished
  }

  private enum Stage: Sendable, Equatable {
    case asking
    case deciding(Action)
    case finished
  }

  package let terms: TransferTerms
  private let deadline: FrameTime
  private let due: Int64
  private var stage = Stage.asking
  private var failures = 0
  /// The last answer that could not be used: a peer that contradicts the terms.
  package private(set) var contradiction: SettlementError?

  /// nil when there is nothing to drive: not a 2pc transfer of ours, or decided.
  package init?(_ transfer: Transfer) {
    guard transfer.role == .origin, transfer.backend == .twoPhase, transfer.phase == .locked,
      let terms = transfer.terms, let deadline = transfer.deadline
    else { return nil }
    self.terms = terms
    self.deadline = deadline
    self.due = transfer.creditedAmount
  }

  package mutating func handle(_ input: Input, now: FrameTime) -> Action {
    switch (stage, input) {
    case (.finished, _), (_, .recorded):
      stage = .finished
      return .finished
    case (.deciding(let action), .timer): return action
    case (.deciding, .notRecorded): return pause()
    case (.deciding(let action), _): return action
    case (.asking, .decided(let decision)): return decide(decision)
    case (.asking, .unknown), (.asking, .notRecorded): return pause()
    case (.asking, .start), (.asking, .timer): return ask(now)
    }
  }

  private func ask(_ now: FrameTime) -> Action { now < deadline ? .askCredit(terms) : .askOutcome(terms.id) }

  private mutating func decide(_ decision: PBTransferDecision) -> Action {
    guard decision.transferID == terms.id else {
      contradiction = .malformedDecision(peer: terms.destination, why: "it names another transfer")
      return pause()
    }
    let action: Action
    switch decision.outcome {
    case .credited:
      guard decision.creditedAmount == due else {
        contradiction = .creditedAmountMismatch(terms.id, expected: due, got: decision.creditedAmount)
        return pause()
      }
      action = .commit(creditedAmount: decision.creditedAmount, peerPosition: decision.position)
    case .refused:
      action = .abort(reason: decision.reason)
    case .unspecified, .UNRECOGNIZED:
      // A missing value proves nothing (CONFORMANCE B10).
      contradiction = .malformedDecision(peer: terms.destination, why: "it has no outcome")
      return pause()
    }
    failures = 0
    stage = .deciding(action)
    return action
  }

  private mutating func pause() -> Action {
    failures += 1
    let doublings = min(failures - 1, 12)
    return .wait(min(SettlementLimits.retryDelayMin * (1 << doublings), SettlementLimits.retryDelayMax))
  }
}
