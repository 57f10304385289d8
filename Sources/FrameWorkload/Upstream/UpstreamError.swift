import FrameCore
import FrameIdentity
import GRPCCore

/// Why what an agent gives cannot be this node's identity.
package enum UpstreamError: FrameError, Hashable {
  /// It has given nothing usable in time.
  case unavailable(socket: String, within: Duration, why: String)
  /// All SVIDs it gives are of other trust domains than this frame's.
  case otherTrustDomain(socket: String, expected: SPIFFEID, found: [String])
  /// None of its SVIDs is the node's.
  case noNodeID(socket: String, expected: SPIFFEID, found: [String])
  /// It has no bundle of this trust domain, or an empty one.
  case noBundle(socket: String, FrameID)
  /// What it gives does not hold.
  case unusable(socket: String, why: String)
  /// It has accepted the connection and says nothing.
  case silent(socket: String)
  /// It should have sent another SVID long ago.
  case overdue(socket: String)
  /// It has ended a stream.
  case ended(socket: String)

  package var code: String {
    switch self {
    case .unavailable: "identity_source_unavailable"
    case .otherTrustDomain: "identity_source_other_trust_domain"
    case .noNodeID: "identity_source_no_node_id"
    case .noBundle: "identity_source_no_bundle"
    case .unusable: "identity_source_unusable"
    case .silent: "identity_source_silent"
    case .overdue: "identity_source_overdue"
    case .ended: "identity_source_ended"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .unavailable, .silent, .overdue, .ended: .unavailable
    default: .refused
    }
  }
  package var message: String {
    switch self {
    case .unavailable(let socket, let within, let why):
      "The agent at \(socket) has given this node no identity within \(within.components.seconds) s: \(why)"
    case .otherTrustDomain(let socket, let expected, let found):
      "The agent at \(socket) gives \(Self.list(found)), which is not of the trust domain \(expected.trustDomain)."
    case .noNodeID(let socket, let expected, let found):
      "The agent at \(socket) gives \(Self.list(found)) and not '\(expected)'."
    case .noBundle(let socket, let frame): "The agent at \(socket) gives no bundle of \(frame)."
    case .unusable(let socket, let why): "What the agent at \(socket) gives does not hold: \(why)"
    case .silent(let socket): "The agent at \(socket) does not answer."
    case .overdue(let socket): "The agent at \(socket) does not renew the node's SVID."
    case .ended(let socket): "The agent at \(socket) has ended the stream."
    }
  }
  package var remedy: String {
    switch self {
    case .unavailable, .silent, .overdue, .ended:
      "Check that it runs, that this node's user may use its socket (identity.upstream.socket in frame.yaml), and that its authority has an entry for this process."
    case .otherTrustDomain:
      "A frame is its own trust domain: name its agent in identity.upstream.socket, or correct frame_id."
    case .noNodeID(_, let expected, _): "Make an entry for this process with the SPIFFE ID '\(expected)'."
    case .noBundle, .unusable: "Look at what it gives, for example with 'spire-agent api fetch x509'."
    }
  }

  /// Nothing that the agent may say later makes it right: the configuration is wrong.
  var isFinal: Bool { if case .otherTrustDomain = self { true } else { false } }

  private static func list(_ ids: [String]) -> String {
    let shown = ids.prefix(4).map { "'\($0.prefix(200))'" }.joined(separator: ", ")
    return ids.isEmpty ? "no SVID" : shown + (ids.count > 4 ? " and \(ids.count - 4) more" : "")
  }
}

/// What a failure counts as.
enum UpstreamFailure: String, CaseIterable {
  /// No connection, or it broke.
  case unreachable
  /// The agent has no identity for this process.
  case permissionDenied = "permission_denied"
  /// What came is not usable; what was there before stays.
  case refused
  /// It could not be stored.
  case storage
  /// The agent says nothing, or answers with another error.
  case agent

  init(_ error: any Error) {
    switch error {
    case let error as RPCError:
      switch error.code {
      case .unavailable, .cancelled: self = .unreachable
      case .permissionDenied: self = .permissionDenied
      default: self = .agent
      }
    case let error as UpstreamError:
      switch error {
      case .unavailable: self = .unreachable
      case .silent, .overdue, .ended: self = .agent
      default: self = .refused
      }
    case is KeyFileError: self = .storage
    case is any FrameError: self = .refused
    default: self = .unreachable
    }
  }

  /// One sentence for people.
  static func explain(_ error: any Error) -> String {
    switch error {
    case let error as any FrameError: error.message
    case let error as RPCError where error.code == .permissionDenied:
      "it has no identity for this process (\(error.message))."
    case let error as RPCError: "\(error.message) (\(error.code))."
    default: error.words
    }
  }
}
