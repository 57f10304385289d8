package import FrameEvents
internal import Dispatch
package import Foundation
internal import FrameCore
internal import GRDB
internal import Synchronization

/// A read-only view of a log's stored events, on a connection of its own; it sees durable events only.
///
/// The plain methods block: call them from `run`, or from a thread that may block.
package final class LogReader: Sendable {
  /// Nil when closed: a closed connection must not be asked anything.
  private let database: Mutex<DatabaseQueue?>
  private let directory: URL
  private let queue = DispatchQueue(label: "frame.log.reader.work")

  /// - Throws: `LogError.noLog`, `LogError.storage`, `LogError.damagedLog`.
  package init(directory: URL) throws {
    guard FileManager.default.fileExists(atPath: SQLiteFile.url(in: directory).path) else {
      throw LogError.noLog(directory.path)
    }
    database = Mutex(try SQLiteFile.openReader(in: directory))
    self.directory = directory
  }

  /// Runs blocking work off the cooperative pool, one piece at a time.
  package func run<T: Sendable>(_ body: @escaping @Sendable (LogReader) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try body(self) }) }
    }
  }

  /// - Throws: `LogError.storage`.
  package func size() throws -> UInt64 { try reading(EventTable.size) }

  /// Calls `body` with position and stored bytes of each event in `first..<end`, in order. A gap is an error.
  /// - Throws: `LogError.damagedLog` at a gap, `LogError.storage`, and what `body` throws.
  package func scan(from first: UInt64, to end: UInt64, _ body: (UInt64, Data) throws -> Void) throws {
    var next = first
    while next < end {
      let limit = Int(min(UInt64(LogLimits.scanPage), end - next))
      let before = next
      try reading { db in
        try EventTable.scan(db, from: before, limit: limit) { position, bytes in
          guard position == next else { throw LogError.damagedLog("position \(next) is missing") }
          try body(position, bytes)
          next += 1
        }
      }
      guard next > before else { throw LogError.damagedLog("position \(next) is missing") }
    }
  }

  /// The newest checkpoint that the log's node signed, or nil.
  /// - Throws: `LogError.badNote` when the file is not one that `key` signed; `LogError.storage`.
  package func storedCheckpoint(key: LogVerifierKey) throws -> SignedCheckpoint? {
    var file = CheckpointFile(directory: directory)
    return try file.read(key: key)
  }

  private func reading<T>(_ body: (Database) throws -> T) throws -> T {
    do {
      return try using { try $0.read(body) }
    } catch let error as DatabaseError {
      throw LogError(error)
    }
  }

  private func using<T>(_ body: (DatabaseQueue) throws -> T) throws -> T {
    try database.withLock { database in
      guard let database else { throw LogError.stopped("it is closed") }
      return try body(database)
    }
  }

  /// Closes the file when what is being read has been. Later calls throw `LogError.stopped`.
  package func close() {
    database.withLock { database in
      try? database?.close()
      database = nil
    }
  }
}
