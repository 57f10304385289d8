import FrameCore
import FrameLedger
import Synchronization

/// The operators as the network code needs them: a snapshot behind a lock, at least as new as the last command that was
/// answered.
package final class OperatorDirectory: Sendable {
  private let held = Mutex(OperatorState())

  package init() {}

  var state: OperatorState { held.withLock { $0 } }

  /// Whether the Workload API may give out this id: not that of an operator which is suspended, expired or removed, nor one of
  /// its agents. The name of an operator that the frame never had is the frame's own to use.
  package func mayHaveSVID(_ id: SPIFFEID, at now: FrameTime) -> Bool {
    do {
      try state.admit(id, at: now)
      return true
    } catch OperatorError.unknownOperator {
      return true
    } catch {
      return false
    }
  }

  /// - Returns: the state before.
  func update(_ state: OperatorState) -> OperatorState {
    held.withLock { held in
      defer { held = state }
      return held
    }
  }
}

/// Keeps operators that are suspended, expired or removed, and their agents, out of the API: a token of theirs stays valid by
/// its signature until it expires, and is worth nothing.
package struct OperatorGate: Sendable {
  private let directory: OperatorDirectory
  private let clock: any FrameClock
  private let metrics: OperatorMetrics

  package init(directory: OperatorDirectory, clock: any FrameClock, metrics: OperatorMetrics) {
    self.directory = directory
    self.clock = clock
    self.metrics = metrics
  }

  /// - Throws: `OperatorError.notActive`; a refusal for the id of an operator that the frame never had.
  func admit(_ caller: Caller) throws {
    switch caller {
    case .anonymous, .authority: return
    case .agent(_, let id): try directory.state.admit(id, at: clock.now())
    case .operator(let name, let id):
      let state = directory.state
      guard state[name] != nil else {
        let error = OperatorError.unknownOperator(name.text)
        count(error)
        throw Refusal("unknown_subject", .forbidden, error.message, remedy: error.remedy)
      }
      try state.admit(id, at: clock.now())
    }
  }

  /// Counts what was refused to a tenant, here or by the log.
  func count(_ error: any Error) {
    guard let error = error as? OperatorError, OperatorError.refusalCodes.contains(error.code) else { return }
    metrics.refusals.with(error.code).increment()
  }
}
