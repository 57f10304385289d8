package import FrameCore

/// What is refused about, or to, an operator.
package enum OperatorError: FrameError, Hashable {
  case unknownOperator(String)
  case exists(OperatorName)
  /// The frame has agents of its own whose names begin with it.
  case nameTaken(OperatorName, agent: AgentName)
  case invalidLicence(String)
  case hostTaken(String, by: String)
  /// The operator's standing lets neither it nor its agents do anything.
  case notActive(OperatorName, OperatorStanding)
  case scopeMissing(OperatorName, LicenceScope, event: String)
  case notYourAgent(String, operator: String)
  case hasMoney(OperatorName, agent: AgentName)
  /// Something of an agent is not at its end: it may yet bring money back to that name. The first few, and how many there are.
  case underWay(OperatorName, items: [String], count: Int)
  case licenceUnverified(String)
  case licenceNotValidNow(id: String, from: String, to: String)

  package var code: String {
    switch self {
    case .unknownOperator: "unknown_operator"
    case .exists: "operator_exists"
    case .nameTaken: "operator_name_taken"
    case .invalidLicence: "invalid_licence"
    case .hostTaken: "host_name_taken"
    case .notActive(_, let standing): "operator_\(standing.rawValue)"
    case .scopeMissing: "licence_scope_missing"
    case .notYourAgent: "not_your_agent"
    case .hasMoney: "operator_has_money"
    case .underWay: "operator_has_money_under_way"
    case .licenceUnverified: "licence_unverified"
    case .licenceNotValidNow: "licence_not_valid_now"
    }
  }

  /// The codes with which an operator or its agents are refused, for the metric's `reason`.
  package static let refusalCodes = [
    "unknown_operator", "operator_suspended", "operator_removed", "operator_expired", "licence_scope_missing",
    "not_your_agent",
  ]

  package var kind: FrameErrorKind {
    switch self {
    case .unknownOperator: .notFound
    case .exists, .nameTaken, .hostTaken: .conflict
    case .invalidLicence: .invalid
    case .notActive, .scopeMissing, .notYourAgent: .forbidden
    case .hasMoney, .underWay, .licenceUnverified, .licenceNotValidNow: .refused
    }
  }

  package var message: String {
    switch self {
    case .unknownOperator(let name): "There is no operator '\(name)' in this frame."
    case .exists(let name): "An operator '\(name)' exists already."
    case .nameTaken(let name, let agent): "The frame's own agent '\(agent)' bears the name '\(name)'."
    case .invalidLicence(let why): "The licence cannot be issued: \(why)."
    case .hostTaken(let host, let owner): "The host name '\(host)' is taken by \(owner)."
    case .notActive(let name, let standing): "Operator '\(name)' is \(standing.rawValue)."
    case .scopeMissing(let name, let scope, let event):
      "The licence of operator '\(name)' has no scope '\(scope.rawValue)', which \(event) needs."
    case .notYourAgent(let agent, let name): "'\(agent)' is not an agent of '\(name)'."
    case .hasMoney(let name, let agent): "Agent '\(agent)' of operator '\(name)' still has money."
    case .underWay(let name, let items, let count):
      "Money of operator '\(name)' is under way: " + items.joined(separator: "; ")
        + (count > items.count ? "; and \(count - items.count) more." : ".")
    case .licenceUnverified(let why): "The licence document does not verify: \(why)."
    case .licenceNotValidNow(let id, let from, let to): "Licence \(id) is valid from \(from) to \(to)."
    }
  }

  package var remedy: String {
    switch self {
    case .unknownOperator: "Check the name; frame operator list shows all."
    case .exists: "Use another name, or frame operator renew."
    case .nameTaken: "Use another name for the operator."
    case .invalidLicence:
      "Name at least one scope (\(LicenceScope.allCases.map(\.rawValue).joined(separator: ", "))), at most"
        + " \(OperatorLicence.hostsMax) host names as name=host:port, and an expiry within three years."
    case .hostTaken:
      "Use another host name, or take this one away there first: an operator's with frame operator renew, one in sni.map with frame sni reload after."
    case .notActive(_, .expired): "Ask the frame's authority for a new licence (frame operator renew)."
    case .notActive: "Ask the frame's authority; frame operator show tells why."
    case .scopeMissing: "Ask the frame's authority for a licence with that scope (frame operator renew)."
    case .notYourAgent: "An operator's agents are named <operator>.<name>; use one of them."
    case .hasMoney: "Have the money moved out, or release the agent to the frame (frame operator release), first."
    case .underWay:
      "Wait until each has ended, or release the agents to the frame (frame operator release) first; suspending the operator stops it meanwhile."
    case .licenceUnverified: "Use the document as the frame gave it, and the verifier key that the frame publishes."
    case .licenceNotValidNow: "Ask the frame's authority for a new licence (frame operator renew)."
    }
  }
}
