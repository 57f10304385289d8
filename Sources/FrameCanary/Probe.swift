import FrameCore

/// One probe as a pure machine: answers and expired limits go in, the next thing to do comes out. No clock, no I/O.
struct Probe: Equatable {
  enum State: Equatable {
    case requesting
    case settling(transferID: String)
    case finished(Outcome)
  }

  enum Outcome: Equatable {
    case settled
    /// Failed for certain: nothing of it is still on its way.
    case failed(CanaryPhase, CanaryFailure)
    /// Failed for the canary, but the money may still be on its way and is looked for again later.
    case unresolved(CanaryPhase, CanaryFailure, transferID: String?)
  }

  enum Input: Equatable {
    case receipt(CanaryReceipt)
    case error(CanaryAPIError)
    case limitReached
  }

  enum Action: Equatable {
    /// Look at the transfer after a pause.
    case look(transferID: String)
    case finish(Outcome)
  }

  private(set) var state: State = .requesting

  init() {}

  /// A probe that a former round left unresolved after the node had named the transfer.
  init(settling transferID: String) { state = .settling(transferID: transferID) }

  mutating func handle(_ input: Input) -> Action {
    switch (state, input) {
    case (.finished(let outcome), _): return .finish(outcome)
    case (.requesting, .receipt(let receipt)): return settle(receipt)
    case (.requesting, .limitReached): return finish(.unresolved(.request, .timeout, transferID: nil))
    case (.requesting, .error(.noAnswer(let failure, _))):
      return finish(.unresolved(.request, failure, transferID: nil))
    case (.requesting, .error(.problem(let failure, _, _))): return finish(.failed(.request, failure))
    case (.settling, .receipt(let receipt)): return settle(receipt)
    case (.settling(let id), .limitReached): return finish(.unresolved(.settle, .timeout, transferID: id))
    // One look that went wrong says nothing about the transfer: look again until the limit.
    case (.settling(let id), .error): return .look(transferID: id)
    }
  }

  private mutating func settle(_ receipt: CanaryReceipt) -> Action {
    switch receipt.state {
    case "completed", "settled": return finish(.settled)
    case "refused": return finish(.failed(phase, .refused))
    case "compensated": return finish(.failed(phase, .compensated))
    case "pending", "in_doubt", "locked":
      state = .settling(transferID: receipt.transferID)
      return .look(transferID: receipt.transferID)
    default: return finish(.unresolved(phase, .badResponse, transferID: receipt.transferID))
    }
  }

  private var phase: CanaryPhase { state == .requesting ? .request : .settle }

  private mutating func finish(_ outcome: Outcome) -> Action {
    state = .finished(outcome)
    return .finish(outcome)
  }
}
