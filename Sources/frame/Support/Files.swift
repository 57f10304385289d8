import Foundation
import FrameCore

/// Files that the command line is told to read.
enum Files {
  /// - Throws: ``CLIError/noFile(path:why:)``, ``CLIError/noAccess(path:why:)``.
  static func read(_ path: String) throws -> Data {
    try requireAccess(path)
    do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw CLIError.noFile(path: path, why: error.words)
    }
  }

  /// What is not there and what this user may not see are two things: the one is made, the other is asked for as another user.
  /// - Throws: ``CLIError/noFile(path:why:)``, ``CLIError/noAccess(path:why:)``.
  static func requireAccess(_ path: String) throws {
    guard access(path, R_OK) != 0 else { return }
    let code = errno
    let why = SystemWords.of(errno: code)
    throw [EACCES, EPERM].contains(code) ? CLIError.noAccess(path: path, why: why) : .noFile(path: path, why: why)
  }
}
