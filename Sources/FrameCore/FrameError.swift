/// What kind of failure an error is: decides the HTTP status, the gRPC status and whether a retry can help.
public enum FrameErrorKind: String, Sendable, CaseIterable {
  /// The input is malformed or violates a documented limit. Retrying unchanged cannot help. HTTP 400.
  case invalid
  /// The caller is not authenticated. HTTP 401.
  case unauthenticated
  /// The caller is known and may not do this. HTTP 403.
  case forbidden
  /// What was named does not exist. HTTP 404.
  case notFound = "not_found"
  /// It clashes with what is already recorded. HTTP 409.
  case conflict
  /// Well formed, but the state does not allow it now (funds, caps, treaty state). HTTP 422.
  case refused
  /// Too large. HTTP 413.
  case tooLarge = "too_large"
  /// The body is said to be of a type that is not taken. HTTP 415.
  case mediaType = "media_type"
  /// Too many requests, or a rate limit. HTTP 429.
  case limited
  /// A dependency (peer, disk) cannot answer now; retry later. HTTP 503.
  case unavailable
  /// Our own defect or damaged data. HTTP 500.
  case `internal`

  /// The HTTP status of the problem document (RFC 9457) for this kind.
  public var httpStatus: Int {
    switch self {
    case .invalid: 400
    case .unauthenticated: 401
    case .forbidden: 403
    case .notFound: 404
    case .conflict: 409
    case .refused: 422
    case .tooLarge: 413
    case .mediaType: 415
    case .limited: 429
    case .unavailable: 503
    case .internal: 500
    }
  }
}

/// An error that says what was wrong, with what, and what to do.
///
/// `code` is one stable `snake_case` word used everywhere: problem documents, logs and metric `reason` labels.
public protocol FrameError: Error, CustomStringConvertible {
  var code: String { get }
  var kind: FrameErrorKind { get }
  /// What was wrong, with the offending value.
  var message: String { get }
  /// What to do about it.
  var remedy: String { get }
}

extension FrameError {
  public var description: String { "\(message.sentence) [\(code)] \(remedy)" }
}

extension String {
  /// As one sentence, with one full stop at its end: messages end in what other people's errors say, with a stop or without.
  public var sentence: String {
    var text = self[...]
    while let last = text.last, last == "." || last.isWhitespace { text.removeLast() }
    return text.isEmpty || text.last == "…" ? String(text) : text + "."
  }
}

/// A concrete error value for places whose errors need no type of their own.
public struct Refusal: FrameError, Hashable {
  public let code: String
  public let kind: FrameErrorKind
  public let message: String
  public let remedy: String

  public init(_ code: String, _ kind: FrameErrorKind, _ message: String, remedy: String) {
    self.code = code
    self.kind = kind
    self.message = message
    self.remedy = remedy
  }
}
