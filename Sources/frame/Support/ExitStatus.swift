import ArgumentParser
import FrameCore

/// How a command ends, for scripts: by what they can do about it. The numbers are those of sysexits.h where it has a fitting one.
enum ExitStatus: Int32, CaseIterable {
  case done = 0
  /// What the command checks does not hold: an audit that is not clean, a reserve that does not balance, a demo that failed.
  case failed = 1
  case usage = 64
  /// What was given is not valid: an amount, a file, a setting. HTTP 400, 413.
  case invalid = 65
  /// What was named does not exist. HTTP 404.
  case notFound = 66
  /// The token is missing, expired or not one of the frame's. HTTP 401.
  case unauthorised = 67
  /// The node does not answer.
  case unreachable = 68
  /// The node answers that it, or a peer or disk that it needs, cannot do it now. HTTP 503.
  case unavailable = 69
  /// A defect, damaged data, or an answer that this version does not understand. HTTP 500.
  case `internal` = 70
  /// It clashes with what is there already. HTTP 409.
  case conflict = 73
  /// Too many requests, or a rate limit: later. HTTP 429.
  case limited = 75
  /// The state does not allow it now: funds, caps, the treaty's state. HTTP 422.
  case refused = 76
  /// The caller may not do this, or this user may not read that file. HTTP 403.
  case forbidden = 77

  /// What a check of a file says when it does not hold.
  private static let unproven: Set = [
    "bad_note", "bad_proof", "bad_tile", "licence_unverified", "licence_not_valid_now", "treaty_document_invalid",
  ]

  /// Of files on this machine, which a node would not answer about: where their kind says what a caller of the API may know, a person
  /// here is told more.
  private static let ofFiles: [String: ExitStatus] = [
    "key_file_missing": .notFound, "key_file_permissions": .invalid, "key_file_other_frame": .invalid,
    "key_file_forbidden": .forbidden, "key_file_io": .unavailable,
  ]

  init(_ error: any FrameError) {
    if !(error is ProblemDocument), let status = Self.unproven.contains(error.code) ? .failed : Self.ofFiles[error.code]
    {
      self = status
      return
    }
    switch error as? CLIError {
    case .nodeUnreachable: self = .unreachable
    case .auditFailed, .childDied, .timedOut, .unexpected: self = .failed
    default: self.init(error.kind)
    }
  }

  init(_ kind: FrameErrorKind) {
    self =
      switch kind {
      case .invalid, .tooLarge, .mediaType: .invalid
      case .unauthenticated: .unauthorised
      case .forbidden: .forbidden
      case .notFound: .notFound
      case .conflict: .conflict
      case .refused: .refused
      case .limited: .limited
      case .unavailable: .unavailable
      case .internal: .internal
      }
  }

  /// For `frame --help`.
  static let help = """
    Exit codes:
      0   done
      1   what was checked does not hold (audit, proof, reserves)
      64  wrong usage
      65  not valid: an amount, a file, a setting, a place for files
      66  there is no such thing: agent, transfer, file, folder, frame
      67  not authorised: no token, or not a valid one
      68  the node does not answer
      69  the node, or what it needs, cannot do it now
      70  a defect or damaged data
      73  it clashes with what is there already
      75  too much at once: try later
      76  refused as things stand: funds, caps, a treaty's state
      77  not permitted to this caller or user
    """
}
