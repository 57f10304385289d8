import FrameTreaty
import FrameCore
import GRPCCore

/// Errors across the federation channel: a gRPC status for machines that know only gRPC, and our own stable code beside it.
enum PeerStatus {
  /// Trailing metadata that carries the error's stable code.
  static let codeKey = "frame-error-code"

  /// What a failed call answers. Errors that are not ours say nothing of our inside.
  static func rpcError(for error: any Error) -> RPCError {
    if let error = error as? RPCError { return error }
    if error is CancellationError { return RPCError(code: .unavailable, message: "The call was ended by this frame.") }
    guard let error = error as? any FrameError else {
      return RPCError(code: .internalError, message: "An internal error.")
    }
    return RPCError(
      code: status(error.kind), message: String(error.message.sentence.prefix(1000)),
      metadata: [codeKey: "\(error.code)"])
  }

  static func status(_ kind: FrameErrorKind) -> RPCError.Code {
    switch kind {
    case .invalid: .invalidArgument
    case .unauthenticated: .unauthenticated
    case .forbidden: .permissionDenied
    case .notFound: .notFound
    case .conflict: .alreadyExists
    case .refused: .failedPrecondition
    case .tooLarge: .outOfRange
    case .mediaType: .invalidArgument
    case .limited: .resourceExhausted
    case .unavailable: .unavailable
    case .internal: .internalError
    }
  }

  /// What a failed call to `peer` means to us.
  static func callError(_ error: RPCError, from peer: FrameID) -> PeerCallError {
    let text = error.metadata[stringValues: codeKey].first { _ in true }
    switch error.code {
    case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .failedPrecondition, .outOfRange,
      .unimplemented, .unauthenticated:
      return .refused(peer: peer, code: code(text, error), message: error.message)
    default:
      // Cancelled, deadline, unavailable, exhausted, internal, …: the peer may have acted or not, or may act later.
      return .unavailable(
        peer: peer, why: isAnswer(error) ? "\(code(text, error)): \(error.message.shown(200))" : words(error))
    }
  }

  /// Whether the peer itself said so; everything else is the connection's end, or its silence.
  static func isAnswer(_ error: RPCError) -> Bool { error.metadata[stringValues: codeKey].contains { _ in true } }

  /// Why no answer came, in short.
  static func words(_ error: RPCError) -> String {
    // What the transport says of it names its own parts; the last cause is the reason.
    var error = error
    while let cause = error.cause as? RPCError { error = cause }
    if let cause = error.cause { return cause.words }
    return switch error.code {
    case .deadlineExceeded: "no answer in time"
    case .cancelled: "the call was broken off"
    case .resourceExhausted: "it has too much to do"
    case .unavailable: "there is no connection"
    default: "the call failed (\(code(nil, error)))"
    }
  }

  /// The peer's word for it, if it looks like one of ours; it ends in logs and metric labels.
  private static func code(_ text: String?, _ error: RPCError) -> String {
    let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    if let text, (1...60).contains(text.utf8.count),
      text.utf8.allSatisfy({ lower.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") })
    {
      return text
    }
    return "grpc_\(String(describing: error.code).lowercased().filter { $0.isLetter })"
  }
}

/// The method names as metric labels.
enum PeerMethod: String, CaseIterable, Sendable {
  case notifyApproval = "NotifyApproval"
  case notifyRejection = "NotifyRejection"
  case notifyRevocation = "NotifyRevocation"
  case proposeAmendment = "ProposeAmendment"
  case notifyAmendment = "NotifyAmendment"
  case withdrawAmendment = "WithdrawAmendment"
  case subscribe = "Subscribe"
  case credit = "CreditTransfer"
  case resolve = "ResolveTransfer"
  case reserveStatement = "GetReserveStatement"
  case addCheckpoint = "AddCheckpoint"
  case consistencyProof = "GetConsistencyProof"
}

/// Limits of the federation channel (CONFORMANCE B21).
package enum PeerLimits {
  /// Largest request a peer may send; terms and notices are far smaller.
  static let requestBytesMax = 256 * 1024
  /// Largest answer we take: an attested event (65,535 bytes) with proof and checkpoint.
  static let responseBytesMax = 512 * 1024
  /// What a peer may send on a stream before we have read it.
  static let windowBytes = 128 * 1024
  static let streamsPerConnectionMax = 128
  static let callsPerPeerMax = 256
  static let connectionsPerPeerMax = 8
  /// Connections whose handshake is not done yet.
  static let handshakesMax = 256
  /// How long a connection may outlive the treaty that its peer has just ended.
  static let farewell: Duration = .milliseconds(250)
  /// From the end of accepting to the stop of the transport.
  static let handover: Duration = .milliseconds(300)
  /// How long calls in progress may take to finish when the node stops.
  static let shutdownGrace: Duration = .seconds(2)
  static let handshakeTimeout: Duration = .seconds(10)
  /// The call that a new connection must carry before anything else goes over it.
  static let moveTimeout: Duration = .seconds(5)
  /// Between two tries to go over to a new connection.
  static let moveRetryFirst: Duration = .seconds(1)
  static let moveRetryMax: Duration = .seconds(60)
  /// Between two connections that are tried because somebody waits.
  static let hurryInterval: Duration = .milliseconds(250)
  /// The same while the peer is reached elsewhere, and the old connection may be dead already.
  static let relocationRetryMax: Duration = .seconds(10)
  /// How long calls in progress may keep a connection that has been left; longer than any of them may take.
  static let moveGrace: Duration = .seconds(15)
  /// Before each further try of a call whose connection we closed under it, within the call's own deadline.
  static let pausesAfterCut: [Duration] = [.zero, .milliseconds(50), .milliseconds(250), .seconds(1)]
}
