package import Foundation

/// What the writer needs of a store. It lives on the writer's thread and is the only thing that writes.
package protocol StorageEngine {
  /// The number of stored events.
  func size() throws -> UInt64

  /// Calls `body` with each stored event from position `first` on, in order.
  func scan(from first: UInt64, limit: Int, _ body: (UInt64, Data) throws -> Void) throws

  /// Stores the batch in one transaction and returns when it is durable. On error nothing of the batch may be taken to be
  /// stored, nor to be lost: the writer stops.
  func append(_ events: [RecordedEvent]) throws

  func close() throws
}

/// Facts about the storage library (CONFORMANCE L8).
package enum StorageLibrary {
  package static let name = "sqlite"
  /// Of the library that is linked at run time, e.g. `3.40.1`.
  package static var version: String { SQLiteFile.libraryVersion }
}
