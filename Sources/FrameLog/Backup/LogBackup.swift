internal import FrameEvents
package import Foundation
internal import FrameCore
internal import GRDB

/// Copies of a log's files, taken while its node runs.
package enum LogBackup {
  /// The files of a log folder that a copy has; the lock and SQLite's own side files are left out.
  package static let checkpointName = CheckpointFile.name
  package static let databaseName = SQLiteFile.name

  /// Copies the log in one read transaction on a connection of its own, which neither writes nor moves the write-ahead log
  /// (CONFORMANCE L8); the node goes on writing meanwhile. Blocks.
  ///
  /// The checkpoint is copied first, so that the log covers it.
  /// - Parameter target: exists; holds no log.
  /// - Throws: `LogError.storage`, `LogError.damagedLog`.
  package static func copy(_ source: URL, to target: URL) throws {
    let checkpoint = source.appendingPathComponent(checkpointName)
    if FileManager.default.fileExists(atPath: checkpoint.path) {
      try storing(target) {
        try FileManager.default.copyItem(at: checkpoint, to: target.appendingPathComponent(checkpointName))
      }
    }
    let reader = try SQLiteFile.openReader(in: source)
    defer { try? reader.close() }
    try storing(target) {
      try DatabaseRoom.require(for: target.appendingPathComponent(databaseName).path)
      let copy = try DatabaseQueue(path: target.appendingPathComponent(databaseName).path)
      defer { try? copy.close() }
      try reader.backup(to: copy)
      // The copy is one file: its write-ahead log would be another.
      try copy.writeWithoutTransaction { _ = try String.fetchOne($0, sql: "PRAGMA journal_mode = DELETE") }
    }
    try SQLiteFile.syncDirectory(target)
  }

  private static func storing(_ target: URL, _ body: () throws -> Void) throws {
    do { try body() } catch let error as LogError { throw error } catch let error as DatabaseError {
      throw LogError(error, at: target.path)
    } catch {
      throw LogError.storage("\(target.path): \(error.words)")
    }
  }
}
