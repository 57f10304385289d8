import Foundation

/// What the system's and the libraries' errors are called where people read: no numbers, no sentences of a library, nothing of
/// the machine it was built on.
public enum SystemWords {
  /// - Parameter code: an `errno`.
  public static func of(errno code: Int32) -> String {
    // A code that is not among them is rare enough for the system's own word.
    words[code] ?? String(cString: strerror(code)).lowercased()
  }

  private static let words: [Int32: String] = [
    EACCES: "permission denied", EPERM: "not permitted", ENOENT: "there is no such file or folder",
    EEXIST: "it exists already", ENOTDIR: "a part of its path is not a folder", EISDIR: "it is a folder",
    ENOTEMPTY: "the folder is not empty", EROFS: "the file system is read-only", ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up", EIO: "the disk gave an error", EFBIG: "the file would be too large",
    EMFILE: "this process has too many open files", ENFILE: "the system has too many open files",
    ENAMETOOLONG: "its name is too long", ELOOP: "too many symbolic links", EBUSY: "it is in use",
    ETXTBSY: "it is in use", EXDEV: "it is on another file system", ENOMEM: "there is not enough memory",
    EAGAIN: "it is not available now", EINTR: "it was interrupted", EINVAL: "it is not possible here",
    ENOTSUP: "it is not supported here", ECONNREFUSED: "connection refused", ECONNRESET: "the connection was reset",
    ECONNABORTED: "the connection was broken off", EPIPE: "the connection was closed",
    ENOTCONN: "it is not connected", ETIMEDOUT: "no answer in time", EHOSTUNREACH: "there is no way to the host",
    ENETUNREACH: "there is no way to the network", ENETDOWN: "the network is down", EHOSTDOWN: "the host is down",
    EADDRINUSE: "the address is in use", EADDRNOTAVAIL: "the address is not one of this machine",
    EAFNOSUPPORT: "this kind of address is not supported",
  ]

  /// The `errno` that an error of the system or of Foundation stands for.
  static func errno(of error: any Error) -> Int32? {
    if let error = error as? POSIXError { return error.code.rawValue }
    let error = error as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(truncatingIfNeeded: error.code) }
    guard error.domain == NSCocoaErrorDomain else { return nil }
    if let underlying = error.userInfo[NSUnderlyingErrorKey] as? any Error {
      // Foundation puts one of its own errors there, which is no NSError, or an NSError.
      if let cause = underlying as? POSIXError { return cause.code.rawValue }
      let cause = underlying as NSError
      if cause.domain == NSPOSIXErrorDomain { return Int32(truncatingIfNeeded: cause.code) }
    }
    switch CocoaError.Code(rawValue: error.code) {
    case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
    case .fileReadNoPermission, .fileWriteNoPermission: return EACCES
    case .fileWriteFileExists: return EEXIST
    case .fileWriteOutOfSpace: return ENOSPC
    case .fileWriteVolumeReadOnly: return EROFS
    default: return nil
    }
  }

  fileprivate static func of(cocoa error: NSError) -> String {
    if let code = errno(of: error) { return of(errno: code) }
    switch CocoaError.Code(rawValue: error.code) {
    case .fileReadTooLarge: return "it is too large"
    case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding: return "it is not UTF-8 text"
    case .fileReadCorruptFile, .propertyListReadCorrupt, .coderReadCorrupt: return "it is damaged"
    case .fileReadInvalidFileName, .fileWriteInvalidFileName: return "its name is not one that a file can have"
    case .fileReadUnknown: return "it cannot be read"
    case .fileWriteUnknown: return "it cannot be written"
    default: return "it did not work"
    }
  }

  fileprivate static func of(decoding error: DecodingError) -> String {
    func path(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
      let names = (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue)
      return names.isEmpty ? "the document" : "'\(names.joined(separator: ".").shown(200))'"
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(path(context, key)) is missing"
    case .typeMismatch(_, let context): return "\(path(context)) is of the wrong type"
    case .valueNotFound(_, let context): return "\(path(context)) has no value"
    case .dataCorrupted(let context): return "\(path(context)) is malformed"
    @unknown default: return "it is malformed"
    }
  }
}

/// An error of a library that says in our words what it means. The rooms that use the library say it.
public protocol WordedError: Error {
  /// A part of a sentence.
  var plainWords: String { get }
}

extension Error {
  /// What went wrong as a part of a sentence, for a message that says of what.
  public var words: String {
    switch self {
    case let error as any FrameError: String(error.message.reversed().drop { $0 == "." }.reversed())
    case let error as any WordedError: error.plainWords
    case is CancellationError: "it was ended before it was done"
    case let error as DecodingError: SystemWords.of(decoding: error)
    case let error as POSIXError: SystemWords.of(errno: error.code.rawValue)
    default: SystemWords.foundation(self) ?? SystemWords.kind(of: self)
    }
  }

  /// The whole of it, for logs: what went wrong, its code, and what to do.
  public var report: String { (self as? any FrameError)?.description ?? words }
}

extension SystemWords {
  /// By its type, and by its case if it has some: names that somebody who reports it can repeat, and no sentence of anybody.
  fileprivate static func kind(of error: any Error) -> String {
    let mirror = Mirror(reflecting: error)
    var name = "\(type(of: error))"
    if mirror.displayStyle == .enum, let label = mirror.children.first?.label { name += ".\(label)" }
    return "an error of the kind \(name)"
  }

  fileprivate static func foundation(_ error: any Error) -> String? {
    // Every error can be made one of Foundation's: those that were one have its domain.
    if let error = error as? CocoaError { return of(cocoa: error as NSError) }
    let error = error as NSError
    switch error.domain {
    case NSPOSIXErrorDomain: return of(errno: Int32(truncatingIfNeeded: error.code))
    case NSCocoaErrorDomain: return of(cocoa: error)
    default: return nil
    }
  }
}
