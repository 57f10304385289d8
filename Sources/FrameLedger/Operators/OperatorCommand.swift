package import FrameCore
internal import FrameEvents
package import Foundation

/// What the frame's authority can do with its operators.
package enum OperatorCommand: Sendable, Equatable {
  /// Admits an operator, or one again that was removed.
  case license(OperatorLicence)
  /// Puts another licence in the place of the one that an operator has; a suspension stays.
  case renew(OperatorLicence)
  /// From the next decision on, nothing of the operator and its agents is accepted.
  case suspend(OperatorName, reason: String)
  case resume(OperatorName)
  /// For good. Refused while one of its agents has money.
  case remove(OperatorName, reason: String)
  /// Makes an operator's agent the frame's own, with all its money, whatever the operator's standing.
  case release(AgentName, from: OperatorName)

  /// SHA-256 of the command in a canonical form (for `CommandEnvelope`).
  package var digest: Data {
    switch self {
    case .license(let licence): CommandDigest.of(["operator.license"] + licence.digestFields)
    case .renew(let licence): CommandDigest.of(["operator.renew"] + licence.digestFields)
    case .suspend(let name, let reason): CommandDigest.of("operator.suspend", name.text, reason)
    case .resume(let name): CommandDigest.of("operator.resume", name.text)
    case .remove(let name, let reason): CommandDigest.of("operator.remove", name.text, reason)
    case .release(let agent, let name): CommandDigest.of("operator.release", name.text, agent.text)
    }
  }
}

extension OperatorLicence {
  fileprivate var digestFields: [String] {
    [
      name.text, id, scopes.sorted().map(\.rawValue).joined(separator: " "), "\(issued.unixNanoseconds)",
      "\(expires.unixNanoseconds)",
    ] + hosts.flatMap { [$0.name, $0.upstream] }
  }
}
