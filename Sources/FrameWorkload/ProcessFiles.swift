import CFrameSystem
import Foundation
import FrameCore

/// Stands for one process as long as it is held (pidfd): its number can be another's, this cannot.
final class ProcessHandle: Sendable {
  private let descriptor: Int32

  /// - Returns: nil for what is no descriptor.
  init?(takingOwnershipOf descriptor: Int32) {
    guard descriptor >= 0 else { return nil }
    self.descriptor = descriptor
  }

  /// - Returns: nil when there is no such process, or the system has no handles.
  convenience init?(of pid: Int32) { self.init(takingOwnershipOf: frame_pidfd_open(pid)) }

  deinit { close(descriptor) }

  /// A handle becomes readable when its process ends.
  var isAlive: Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) == 0
  }
}

/// Which file something is, whatever it is called.
struct FileIdentity: Sendable, Hashable {
  let device: UInt64
  let inode: UInt64

  /// - Returns: nil when there is none at the path, links followed.
  init?(at path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    device = UInt64(info.st_dev)
    inode = UInt64(info.st_ino)
  }
}

/// What `/proc` says of processes, proc(5).
struct ProcessFiles: Sendable {
  /// `/proc`, or something else in tests.
  var root = "/proc"

  struct Running: Sendable, Equatable {
    /// As the node's own mount namespace names it, links resolved.
    let path: String
    let identity: FileIdentity
  }

  /// What a process runs now, if its paths are ours and the file at the path is the one that it runs.
  func running(_ pid: Int32, _ handle: ProcessHandle?) -> Result<Running, LocalCaller.PathRefusal> {
    // A process of another process namespace has no number here.
    guard pid > 0, let handle else { return .failure(.unknown) }
    let folder = "\(root)/\(pid)"
    guard let theirs = FileIdentity(at: "\(folder)/ns/mnt"), let ours = FileIdentity(at: "\(root)/self/ns/mnt"),
      let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/exe"),
      let identity = FileIdentity(at: "\(folder)/exe"),
      // As long as it has not ended, all this was said of it and not of another with its number.
      handle.isAlive
    else { return .failure(.unknown) }
    guard theirs == ours else { return .failure(.otherNamespace) }
    guard path.hasPrefix("/"), FileIdentity(at: path) == identity else { return .failure(.otherFile) }
    return .success(Running(path: path, identity: identity))
  }
}

/// What a user namespace shows for ids that it has no number for, user_namespaces(7).
struct LocalIDs: Sendable, Equatable {
  /// Nil where every id has its number.
  let unmappedUser: UInt32?
  let unmappedGroup: UInt32?

  static let system = LocalIDs(root: "/proc")

  init(unmappedUser: UInt32?, unmappedGroup: UInt32?) {
    self.unmappedUser = unmappedUser
    self.unmappedGroup = unmappedGroup
  }

  init(root: String) {
    func unmapped(_ map: String, _ overflow: String) -> UInt32? {
      func words(_ path: String) -> [UInt64] {
        let text = (try? String(contentsOfFile: root + path, encoding: .utf8)) ?? ""
        return text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
      }
      // The first namespace maps all of them onto themselves.
      if words(map) == [0, 0, UInt64(UInt32.max)] { return nil }
      return words(overflow).first.flatMap { UInt32(exactly: $0) } ?? 65_534
    }
    self.init(
      unmappedUser: unmapped("/self/uid_map", "/sys/kernel/overflowuid"),
      unmappedGroup: unmapped("/self/gid_map", "/sys/kernel/overflowgid"))
  }
}

extension Selector {
  /// Why no process could ever, or anybody could, be what a path selector names; nil for all that may be used.
  ///
  /// Looks at the disk: not on the cooperative pool.
  var obstacle: String? {
    guard kind == .path else { return nil }
    var info = stat()
    guard stat(value, &info) == 0 else { return SystemWords.of(errno: errno) }
    guard info.st_mode & S_IFMT == S_IFREG, info.st_mode & 0o111 != 0 else { return "it is not a program" }
    guard info.st_mode & 0o002 == 0 else { return "anyone may change it" }
    guard let resolved = realpath(value, nil) else { return SystemWords.of(errno: errno) }
    defer { free(resolved) }
    let real = String(cString: resolved)
    return real == value ? nil : "it leads to \(real.prefix(200))"
  }
}
