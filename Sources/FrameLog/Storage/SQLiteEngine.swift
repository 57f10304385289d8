package import FrameEvents
package import Foundation
internal import GRDB
internal import GRDBSQLite

/// The log in one SQLite table, written by one connection.
package final class SQLiteEngine: StorageEngine {
  private let database: DatabaseQueue

  /// - Throws: `LogError.storage`, `LogError.damagedLog`.
  package init(directory: URL) throws {
    database = try SQLiteFile.openWriter(in: directory)
  }

  package func size() throws -> UInt64 { try reading(EventTable.size) }

  package func scan(from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws {
    try reading { try EventTable.scan($0, from: first, limit: limit, body) }
  }

  private func reading<T>(_ body: (Database) throws -> T) throws -> T {
    do { return try database.writeWithoutTransaction(body) } catch let error as DatabaseError { throw LogError(error) }
  }

  @discardableResult
  package func append(_ events: [RecordedEvent]) throws -> Duration {
    try insert { insert in
      for event in events { try insert(event.position, event.bytes) }
    }
  }

  /// Stores bytes that nobody has decided, at the positions from `first` on: a benchmark's baseline.
  package func append(_ bytes: some Collection<Data>, at first: UInt64) throws {
    try insert { insert in
      for (offset, bytes) in bytes.enumerated() { try insert(first + UInt64(offset), bytes) }
    }
  }

  /// One durable transaction.
  /// - Returns: how long it took from written to durable.
  @discardableResult
  private func insert(_ rows: ((UInt64, Data) throws -> Void) throws -> Void) throws -> Duration {
    try database.writeWithoutTransaction { db in
      var written = ContinuousClock.now
      try db.inTransaction(.immediate) {
        let statement = try db.cachedStatement(sql: "INSERT INTO events (position, bytes) VALUES (?, ?)")
          .sqliteStatement
        try rows { position, bytes in try Self.insert(position, bytes, statement, db) }
        written = .now
        return .commit
      }
      return ContinuousClock.now - written
    }
  }

  /// Binds by hand: no argument array and no copy of the bytes on the hot path.
  private static func insert(_ position: UInt64, _ bytes: Data, _ statement: OpaquePointer, _ db: Database) throws {
    let code = bytes.withUnsafeBytes { bytes in
      sqlite3_bind_int64(statement, 1, Int64(bitPattern: position))
      // No destructor (SQLITE_STATIC): the bytes outlive the step, and the reset below lets go of them.
      sqlite3_bind_blob(statement, 2, bytes.baseAddress, Int32(bytes.count), nil)
      let code = sqlite3_step(statement)
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
      return code
    }
    guard code == SQLITE_DONE else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
    }
  }

  /// Moves all of the write-ahead log into the database first: readers may still be open, and then closing alone would not.
  package func close() throws {
    defer { try? database.close() }
    try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
  }
}

/// The reads that the writer and the readers share.
enum EventTable {
  /// Positions are gap-free from 0, so the newest one tells the size; the count is checked while replaying.
  static func size(_ db: Database) throws -> UInt64 {
    let last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(position) FROM events"))
    return last.map { UInt64(bitPattern: $0) &+ 1 } ?? 0
  }

  static func scan(_ db: Database, from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws {
    guard let start = Int64(exactly: first) else { return }
    let statement = try db.cachedStatement(
      sql: "SELECT position, bytes FROM events WHERE position >= ? ORDER BY position LIMIT ?")
    let rows = try Row.fetchCursor(statement, arguments: [start, limit])
    while let row = try rows.next() {
      // The position is the row's own number, always an integer; the bytes are whatever the file says, and a damaged one
      // may say something else than the schema.
      let position = UInt64(bitPattern: row[0] as Int64)
      guard sqlite3_column_type(statement.sqliteStatement, 1) == SQLITE_BLOB else {
        throw LogError.damagedLog("position \(position) holds no bytes")
      }
      try body(position, row[1] as Data)
    }
  }
}
