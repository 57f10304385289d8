package import FrameEvents
package import Foundation

/// What the writer needs of a store: the only thing that writes. Used by one thread at a time.
package protocol StorageEngine {
  /// The number of stored events.
  func size() throws -> UInt64

  /// Calls `body` with each stored event from position `first` on, in order.
  func scan(from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws

  /// Stores the batch in one transaction and returns when it is durable. On error nothing of the batch may be taken to be
  /// stored, nor to be lost: the writer stops.
  /// - Returns: how long it took from the last event written to the whole batch durable: the disk's part.
  @discardableResult
  func append(_ events: [RecordedEvent]) throws -> Duration

  func close() throws
}

/// Facts about the storage library (CONFORMANCE L8).
package enum StorageLibrary {
  package static let name = "sqlite"
  /// Of the library that is linked at run time, e.g. `3.40.1`.
  package static var version: String { SQLiteFile.libraryVersion }
}
