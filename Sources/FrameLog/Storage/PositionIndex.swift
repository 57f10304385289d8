internal import FrameEvents
package import Foundation
internal import FrameCore
internal import GRDB
internal import Synchronization

/// Which positions of the log concern which name: a file beside the log, derived from it and good for nothing else.
///
/// It is made durable lazily and may be deleted at any time. One that is damaged, of another log, or ahead of its log is
/// thrown away and made anew; it never holds anything that the log does not. All methods block.
package final class PositionIndex: Sendable {
  package static let name = "history.sqlite"
  /// Events that one transaction takes in.
  package static let step: UInt64 = 4_096
  static let format: Int32 = 1
  /// Memory for pages of the index: enough for the pages that ten thousand busy agents write to.
  private static let cacheKibibytes = 32 << 10

  private let directory: URL
  /// Nil when closed: a closed connection must not be asked anything.
  private let database: Mutex<DatabaseQueue?>
  private let rebuiltCount = Mutex(0)

  /// Opens the index of the log that `reader` reads, or makes an empty one.
  /// - Throws: `LogError.noRoom`, `LogError.storage`.
  package init(directory: URL, of reader: LogReader) throws {
    self.directory = directory
    // Not taken for an index that is damaged: making it anew needs room too.
    try DatabaseRoom.require(for: directory.appendingPathComponent(Self.name).path)
    let opened = try? Self.open(directory)
    if let opened, (try? Self.belongs(opened, to: reader)) == true {
      database = Mutex(opened)
    } else {
      let existed = FileManager.default.fileExists(atPath: directory.appendingPathComponent(Self.name).path)
      try? opened?.close()
      database = Mutex(try Self.create(directory))
      if existed { rebuiltCount.withLock { $0 += 1 } }
    }
  }

  /// How often an index was thrown away.
  package var rebuilt: Int { rebuiltCount.withLock { $0 } }

  /// Events 0 ..< size are in the index.
  /// - Throws: `LogError.storage`.
  package func size() throws -> UInt64 { try using { try $0.read(Self.head).size } }

  /// Takes in at most one step of events, up to `end`.
  /// - Parameter names: whom the event with these stored bytes concerns, each once.
  /// - Returns: the new size.
  /// - Throws: `LogError.storage`, `.damagedLog`, and what `names` throws.
  package func extend(
    to end: UInt64, from reader: LogReader, names: (Data) throws -> [String]
  ) throws -> UInt64 {
    try using { database in
      let size = try database.read(Self.head).size
      let last = min(end, size + Self.step)
      guard last > size else { return size }
      var newest = Data()
      var rows: [(name: String, position: UInt64)] = []
      try reader.scan(from: size, to: last) { position, bytes in
        newest = bytes
        for name in try names(bytes) { rows.append((name, position)) }
      }
      let leaf = MerkleHash.leaf(newest).data
      try database.write { [rows] db in
        let find = try db.cachedStatement(sql: "SELECT id FROM names WHERE name = ?")
        let add = try db.cachedStatement(sql: "INSERT INTO names (name) VALUES (?)")
        let insert = try db.cachedStatement(sql: "INSERT INTO entries (id, position) VALUES (?, ?)")
        var ids: [String: Int64] = [:]
        for row in rows where ids[row.name] == nil {
          if let known = try Int64.fetchOne(find, arguments: [row.name]) {
            ids[row.name] = known
          } else {
            try add.execute(arguments: [row.name])
            ids[row.name] = db.lastInsertedRowID
          }
        }
        // In the order of the table, so that a step touches each of its pages once.
        let entries = rows.map { (id: ids[$0.name] ?? 0, position: Int64(bitPattern: $0.position)) }
        for entry in entries.sorted(by: { ($0.id, $0.position) < ($1.id, $1.position) }) {
          try insert.execute(arguments: [entry.id, entry.position])
        }
        try db.execute(
          sql: "UPDATE head SET size = ?, leaf = ?", arguments: [Int64(bitPattern: last), leaf])
      }
      return last
    }
  }

  /// Up to `limit` positions that concern `name`, from the newest or from the oldest on.
  /// - Parameters:
  ///   - end: only positions below it.
  ///   - edge: only positions beyond it, in the direction of reading; nil: from the very first.
  /// - Throws: `LogError.storage`.
  package func positions(
    of name: String, below end: UInt64, newestFirst: Bool, beyond edge: UInt64?, limit: Int
  ) throws -> [UInt64] {
    try using { database in
      try database.read { db in
        guard
          let id = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM names WHERE name = ?"), arguments: [name])
        else { return [] }
        let after = newestFirst ? -1 : edge.map { Int64(clamping: $0) } ?? -1
        let before = Int64(clamping: newestFirst ? min(end, edge ?? .max) : end)
        let statement = try db.cachedStatement(
          sql: """
            SELECT position FROM entries WHERE id = ? AND position > ? AND position < ?
            ORDER BY position \(newestFirst ? "DESC" : "ASC") LIMIT ?
            """)
        return try Int64.fetchAll(statement, arguments: [id, after, before, limit]).map { UInt64(bitPattern: $0) }
      }
    }
  }

  /// Later calls throw `LogError.stopped`.
  package func close() {
    database.withLock { database in
      try? database?.close()
      database = nil
    }
  }

  /// Runs `body`; an index that turns out to be damaged is replaced by an empty one, and the caller told to come again.
  private func using<T>(_ body: (DatabaseQueue) throws -> T) throws -> T {
    try database.withLock { database in
      guard let open = database else { throw LogError.stopped("its history index is closed") }
      do {
        return try body(open)
      } catch let error as DatabaseError {
        guard [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) else { throw Self.storage(error) }
        try? open.close()
        database = nil
        database = try Self.create(directory)
        rebuiltCount.withLock { $0 += 1 }
        throw LogError.storage("the history index was damaged and is being made anew")
      }
    }
  }

  // MARK: The file

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.label = "frame.log.history"
    configuration.prepareDatabase { db in
      // What the last moments before a power cut took in is read from the log again.
      try db.execute(sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "PRAGMA synchronous = NORMAL")
      try db.execute(sql: "PRAGMA cache_size = -\(cacheKibibytes)")
    }
    return configuration
  }

  private static func open(_ directory: URL) throws -> DatabaseQueue? {
    let path = directory.appendingPathComponent(name).path
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let database = try DatabaseQueue(path: path, configuration: configuration())
    _ = try database.read { try Int32.fetchOne($0, sql: "PRAGMA user_version") }
    try DatabaseRoom.reserveIndex(of: path)
    return database
  }

  /// Whether it is of this format, of this log, and not ahead of it.
  private static func belongs(_ database: DatabaseQueue, to reader: LogReader) throws -> Bool {
    guard try database.read({ try Int32.fetchOne($0, sql: "PRAGMA user_version") }) == format else { return false }
    let (size, leaf) = try database.read(head)
    guard size > 0 else { return true }
    guard try size <= reader.size() else { return false }
    var stored: Data?
    try reader.scan(from: size - 1, to: size) { stored = MerkleHash.leaf($1).data }
    return stored == leaf
  }

  private static func create(_ directory: URL) throws -> DatabaseQueue {
    let path = directory.appendingPathComponent(name).path
    try DatabaseRoom.require(for: path)
    for suffix in ["", "-wal", "-shm", "-journal"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration())
      try database.write { db in
        try db.execute(
          sql: """
            CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
            CREATE TABLE entries (
              id INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (id, position)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE head (size INTEGER NOT NULL, leaf BLOB NOT NULL) STRICT;
            INSERT INTO head (size, leaf) VALUES (0, x'');
            PRAGMA user_version = \(format);
            """)
      }
      try DatabaseRoom.reserveIndex(of: path)
      return database
    } catch let error as DatabaseError {
      throw storage(error)
    }
  }

  private static func head(_ db: Database) throws -> (size: UInt64, leaf: Data) {
    // A damaged file may say something else than the schema, and GRDB ends the process where a value is of another type.
    guard let row = try Row.fetchOne(db, sql: "SELECT size, leaf FROM head"), row.count == 2,
      let size = Int64.fromDatabaseValue(row[0] as DatabaseValue),
      let leaf = Data.fromDatabaseValue(row[1] as DatabaseValue)
    else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
    return (UInt64(bitPattern: size), leaf)
  }

  private static func storage(_ error: DatabaseError) -> LogError {
    .storage("\(name): \(error.words)")
  }
}
