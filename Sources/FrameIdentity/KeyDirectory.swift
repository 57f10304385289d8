import Foundation
import FrameCore

/// The folder that holds a frame's private keys: mode 0700, every file 0600.
///
/// It comes into being whole or not at all: ``create(_:)`` fills a sibling folder, syncs it and renames it into place, so a
/// crash never leaves half of an identity behind. Single files are replaced the same way (write, fsync, rename, fsync).
/// Calls block on the disk: make them at start, or from a thread that may block.
package struct KeyDirectory: Sendable, Hashable {
  package let path: String
  /// Whether a file that others than its owner could read or write is refused.
  private let requiresPrivate: Bool

  package init(path: String) { self.init(path: path, requiresPrivate: true) }

  private init(path: String, requiresPrivate: Bool) {
    self.path = path
    self.requiresPrivate = requiresPrivate
  }

  /// Keys as they are kept elsewhere, on a medium that may have no modes: to be looked at, not to be used in place.
  package static func kept(at path: String) -> KeyDirectory { KeyDirectory(path: path, requiresPrivate: false) }

  /// A key file may not be larger than this many bytes.
  package static let fileLimit = 64 * 1024

  /// Whether the folder exists and has anything in it.
  package var exists: Bool {
    let entries = try? FileManager.default.contentsOfDirectory(atPath: path)
    return !(entries ?? []).isEmpty
  }

  /// Creates the folder with exactly these files, atomically.
  /// - Throws: ``KeyFileError/alreadyExists(_:)`` or ``KeyFileError/io(_:operation:errno:)``.
  package func create(_ files: [String: Data]) throws(KeyFileError) {
    guard !exists else { throw .alreadyExists(path) }
    let parent = (path as NSString).deletingLastPathComponent
    let staging = KeyDirectory(path: path + ".new")
    try? FileManager.default.removeItem(atPath: staging.path)
    do {
      try FileManager.default.createDirectory(
        atPath: parent.isEmpty ? "." : parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
      )
    } catch { throw .io(parent, operation: "create", errno: errno) }
    guard mkdir(staging.path, 0o700) == 0 else { throw .io(staging.path, operation: "create", errno: errno) }
    for (name, contents) in files.sorted(by: { $0.key < $1.key }) { try staging.write(contents, to: name) }
    guard rename(staging.path, path) == 0 else { throw .io(path, operation: "rename", errno: errno) }
    try Self.sync(directory: parent.isEmpty ? "." : parent)
  }

  /// Who else than its owner may be able to read a file.
  package enum Readers: Sendable {
    case nobody
    /// Whom root lets in by an ACL, for a file of root's own: its mask stands where the mode has the group's rights. So a
    /// service manager passes secrets on (`LoadCredential=`), and root reads everything anyway.
    case thoseOfRoot

    func allow(_ status: stat) -> Bool {
      let others = status.st_mode & 0o077
      return others == 0 || (self == .thoseOfRoot && others == 0o040 && status.st_uid == 0 && status.st_gid == 0)
    }
  }

  /// Reads one key file, refusing it when anyone but its owner, and `readers`, could.
  /// - Throws: ``KeyFileError``.
  package func read(_ name: String, readers: Readers = .nobody) throws(KeyFileError) -> Data {
    let file = path + "/" + name
    // A FIFO would wait for its other end.
    let descriptor = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR ? .missing(file) : .io(file, operation: "open", errno: errno)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .io(file, operation: "inspect", errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .damaged(file, why: "it is not a regular file") }
    guard !requiresPrivate || readers.allow(status) else {
      throw .permissions(file, mode: UInt32(status.st_mode & 0o7777))
    }
    guard status.st_size <= Self.fileLimit else {
      throw .damaged(file, why: "it is larger than \(Self.fileLimit) bytes")
    }
    var bytes = [UInt8](repeating: 0, count: Self.fileLimit + 1)
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        // `buffer[filled...]` is not empty here, so it has a base address.
        Foundation.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .io(file, operation: "read", errno: errno) }
      if count == 0 { break }
      filled += count
    }
    guard filled <= Self.fileLimit else { throw .damaged(file, why: "it is larger than \(Self.fileLimit) bytes") }
    return Data(bytes[..<filled])
  }

  /// Writes or replaces one key file: after this returns, the disk has either the old or the new contents, never a mix.
  /// - Throws: ``KeyFileError/io(_:operation:errno:)``.
  package func write(_ contents: Data, to name: String) throws(KeyFileError) {
    let file = path + "/" + name
    let staging = file + ".new"
    unlink(staging)
    let descriptor = open(staging, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .io(staging, operation: "create", errno: errno) }
    defer { close(descriptor) }
    var written = 0
    while written < contents.count {
      let count = contents.withUnsafeBytes { buffer in
        Foundation.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .io(staging, operation: "write", errno: errno) }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw .io(staging, operation: "sync", errno: errno) }
    guard rename(staging, file) == 0 else { throw .io(file, operation: "rename", errno: errno) }
    try Self.sync(directory: path)
  }

  private static func sync(directory: String) throws(KeyFileError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .io(directory, operation: "open", errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .io(directory, operation: "sync", errno: errno) }
  }
}

/// A key file that cannot be used.
package enum KeyFileError: FrameError, Hashable {
  case missing(String)
  case damaged(String, why: String)
  case permissions(String, mode: UInt32)
  case alreadyExists(String)
  case io(String, operation: String, errno: Int32)
  /// The keys belong to another frame than the one that is starting.
  case otherFrame(String, expected: FrameID, found: String)

  package var code: String {
    switch self {
    case .missing: "key_file_missing"
    case .damaged: "key_file_damaged"
    case .permissions: "key_file_permissions"
    case .alreadyExists: "key_directory_exists"
    case .io(_, _, EACCES), .io(_, _, EPERM): "key_file_forbidden"
    case .io: "key_file_io"
    case .otherFrame: "key_file_other_frame"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .alreadyExists: .conflict
    default: .internal
    }
  }
  package var message: String {
    switch self {
    case .missing(let path): "The key file \(path) does not exist."
    case .damaged(let path, let why): "The key file \(path) is damaged: \(why)."
    case .permissions(let path, let mode):
      "The key file \(path) has mode 0\(String(mode, radix: 8)): others can use it."
    case .alreadyExists(let path): "The key folder \(path) already has keys in it."
    case .io(let path, let operation, let code): "Cannot \(operation) \(path): \(SystemWords.of(errno: code))."
    case .otherFrame(let path, let expected, let found):
      "The keys in \(path) are those of '\(found)', not of '\(expected)'."
    }
  }
  package var remedy: String {
    switch self {
    case .missing: "Create the frame with 'frame init', or restore the keys folder from its backup."
    case .damaged: "Restore it from the backup of the keys folder; a frame cannot change its keys in place."
    case .permissions(let path, _): "Run: chmod 0600 \(path)"
    case .alreadyExists: "Choose another data folder, or start the frame that lives in this one."
    case .io: "Check the disk and that the node's user owns the data folder."
    case .otherFrame: "Correct frame_id or data_dir in the configuration."
    }
  }
}
