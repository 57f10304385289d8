import Foundation

/// Why nothing could be written at a place: in words, and by whom it can be mended. One rule for every command.
public struct WriteFailure: Sendable, Hashable {
  /// A part of a sentence.
  public let why: String
  /// `forbidden`: this user may not. `unavailable`: it could be, if the disk had room or worked. `invalid`: nothing can ever be made
  /// there.
  public let kind: FrameErrorKind

  private init(why: String, kind: FrameErrorKind) {
    self.why = why
    self.kind = kind
  }

  /// This user may not, for a reason that no `errno` tells.
  public init(denied why: String) {
    self.why = why
    kind = .forbidden
  }

  /// - Parameter code: an `errno`.
  public init(errno code: Int32) {
    why = code == ENOENT ? "nothing can be made there" : SystemWords.of(errno: code)
    kind =
      switch code {
      case EACCES, EPERM, EROFS: .forbidden
      case ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP, EINVAL, ENOTSUP: .invalid
      default: .unavailable
      }
  }

  public init(_ error: any Error) {
    if let code = SystemWords.errno(of: error) {
      self.init(errno: code)
    } else {
      self.init(why: error.words, kind: .unavailable)
    }
  }

  public var remedy: String {
    switch kind {
    case .forbidden: "Choose a folder you own, or fix its permissions."
    case .invalid: "Choose a folder in which files can be made."
    default: "Make room or mend the disk, or choose a folder elsewhere."
    }
  }
}
