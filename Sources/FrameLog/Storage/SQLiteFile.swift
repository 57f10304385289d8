internal import FrameEvents
internal import Foundation
internal import FrameCore
internal import GRDB
internal import GRDBSQLite

/// Where the log's database is and how it is opened.
enum SQLiteFile {
  static let name = "log.sqlite"
  static var libraryVersion: String { String(cString: sqlite3_libversion()) }

  /// "FRME": marks the file as a frame's log.
  static let applicationID: Int32 = 0x4652_4d45
  /// Pages in the write-ahead log after which the writer moves them into the database: 16 MiB.
  static let checkpointPages = 4_096
  /// What the write-ahead log's file is cut back to after it was larger.
  static let journalBytes = 64 << 20

  /// One step of the schema. Steps are only ever added.
  struct Migration: Sendable {
    let version: Int32
    let sql: String
  }

  static let migrations = [
    Migration(
      version: 1,
      sql: """
        CREATE TABLE events (
          position INTEGER PRIMARY KEY,
          bytes BLOB NOT NULL
        ) STRICT
        """)
  ]

  static func url(in directory: URL) -> URL { directory.appendingPathComponent(name) }

  /// Makes durable what is there, and opens the one connection that writes and moves the write-ahead log into the database (CONFORMANCE L8).
  /// - Throws: `LogError.noRoom`, `LogError.storage`, `LogError.damagedLog`.
  static func openWriter(in directory: URL) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "frame.log.writer"
    configuration.prepareDatabase { db in
      let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      guard mode == "wal" else { throw LogError.storage("write-ahead logging is not available (mode \(mode ?? "?"))") }
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA wal_autocheckpoint = \(checkpointPages)")
      try db.execute(sql: "PRAGMA journal_size_limit = \(journalBytes)")
    }
    return try opening(directory) { path in
      try DatabaseRoom.require(for: path)
      try JournalFile.settle(of: path)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try queue.writeWithoutTransaction { db in
        // SQLite falls back to reading when it may not write, and would say so at the first commit only.
        guard sqlite3_db_readonly(db.sqliteConnection, "main") == 0 else {
          throw LogError.storage("\(path) is read-only")
        }
        try migrate(db)
      }
      try DatabaseRoom.reserveIndex(of: path)
      try syncDirectory(directory)
      return queue
    }
  }

  /// Opens a connection that cannot write: read-only file, query-only, never checkpoints (CONFORMANCE L8).
  /// - Throws: `LogError.noRoom`, `LogError.storage`.
  static func openReader(in directory: URL) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "frame.log.reader"
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA query_only = 1")
      try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
    }
    return try opening(directory) { path in
      try DatabaseRoom.require(for: path, readOnly: true)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      _ = try queue.read { try checkVersion($0) }
      return queue
    }
  }

  private static func opening(_ directory: URL, _ body: (String) throws -> DatabaseQueue) throws -> DatabaseQueue {
    let path = url(in: directory).path
    do {
      return try body(path)
    } catch let error as DatabaseError {
      throw LogError(error, at: path)
    }
  }

  private static func migrate(_ db: Database) throws {
    let present = try checkVersion(db)
    for step in migrations where step.version > present {
      try db.inTransaction(.immediate) {
        try db.execute(sql: step.sql)
        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        try db.execute(sql: "PRAGMA user_version = \(step.version)")
        return .commit
      }
    }
  }

  @discardableResult
  private static func checkVersion(_ db: Database) throws -> Int32 {
    let present = try Int32.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    let owner = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    guard present == 0 || owner == applicationID else { throw LogError.damagedLog("\(name) is not a frame's log") }
    let known = migrations.last?.version ?? 0
    guard present <= known else {
      throw LogError.newerFormat("\(name) has version \(present), the newest known is \(known)")
    }
    return present
  }

  /// Makes the file's name durable, not just its content.
  static func syncDirectory(_ directory: URL) throws {
    let file = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw LogError.storage("\(directory.path): \(SystemWords.of(errno: errno))") }
    defer { close(file) }
    guard fsync(file) == 0 else { throw LogError.storage("\(directory.path): \(SystemWords.of(errno: errno))") }
  }
}
