internal import FrameEvents
package import Foundation
internal import FrameCore
internal import Synchronization

/// An exclusive hold on a log's directory, so that two nodes never write one log, and nothing that needs a stopped node is done
/// beside a running one. The kernel ends it with the process.
package final class DirectoryLock: Sendable {
  private let descriptor: Mutex<Int32?>

  /// Creates the directory (0700) when it does not exist.
  /// - Throws: `LogError.inUse`, `LogError.storage`.
  package init(_ directory: URL) throws {
    do {
      try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw LogError.storage("\(directory.path) cannot be created: \(error.words)")
    }
    let path = directory.appendingPathComponent("lock").path
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw LogError.storage("\(path): \(SystemWords.of(errno: errno))") }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(file)
      guard code == EWOULDBLOCK else { throw LogError.storage("\(path): \(SystemWords.of(errno: code))") }
      throw LogError.inUse(directory.path)
    }
    descriptor = Mutex(file)
  }

  /// Lets go of it; a second time does nothing.
  package func release() {
    descriptor.withLock { file in
      if let file { close(file) }
      file = nil
    }
  }

  deinit { release() }
}
