import CFaultVFS
import Foundation

/// A folder whose SQLite files are on a disk that fails as planned (`CFaultVFS`).
final class FaultDisk: Sendable {
  struct Operations: OptionSet, Sendable {
    let rawValue: Int32

    static let write = Operations(rawValue: Int32(FAULT_WRITE))
    static let sync = Operations(rawValue: Int32(FAULT_SYNC))
    static let truncate = Operations(rawValue: Int32(FAULT_TRUNCATE))
    static let delete = Operations(rawValue: Int32(FAULT_DELETE))
    static let open = Operations(rawValue: Int32(FAULT_OPEN))
    static let change: Operations = [.write, .sync, .truncate, .delete]
  }

  struct Failure: Error {}

  let directory: URL
  // The C side guards all that it points to with a lock.
  private nonisolated(unsafe) let disk: OpaquePointer

  /// - Parameter directory: is made when it is not there.
  init(_ directory: URL) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    guard fault_vfs_install() == 0, let disk = fault_disk_new(directory.path) else { throw Failure() }
    self.directory = directory
    self.disk = disk
  }

  deinit { fault_disk_free(disk) }

  var hasFailed: Bool { fault_disk_has_failed(disk) != 0 }

  func count(_ operations: Operations) -> Int { Int(fault_disk_count(disk, operations.rawValue)) }

  /// Has the `nth` of the operations fail, counted from now.
  func plan(_ fault: DiskFault, at nth: Int, seed: UInt64) {
    fault_disk_plan(disk, fault.operations.rawValue, UInt64(nth), fault.effect, fault.code, seed)
  }

  /// Works again from now on. What was lost stays lost.
  func repair() { fault_disk_plan(disk, 0, 0, Int32(FAULT_ONCE), 0, 0) }

  /// Refuses from now on to open a database for writing, with one of SQLite's result codes.
  func refuseOpening(_ code: Int32) {
    fault_disk_plan(disk, Operations.open.rawValue, 1, Int32(FAULT_FROM_THEN_ON), code, 0)
  }

  /// The folder as a kill of the process at this moment leaves it: what was written is there.
  func killed() throws -> URL {
    let image = directory.appendingPathExtension(UUID().uuidString)
    try FileManager.default.copyItem(at: directory, to: image)
    return image
  }

  /// The folder as a power cut at this moment leaves it: of SQLite's files what was synced, and of the rest what chance picks.
  func powerCut(seed: UInt64) throws -> URL {
    let image = directory.appendingPathExtension(UUID().uuidString)
    try FileManager.default.createDirectory(at: image, withIntermediateDirectories: false)
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) where !name.contains(".sqlite") {
      try FileManager.default.copyItem(
        at: directory.appendingPathComponent(name), to: image.appendingPathComponent(name))
    }
    guard fault_disk_image(disk, image.path, seed) == 0 else { throw Failure() }
    return image
  }
}

/// A way in which a disk, or the process that uses it, comes to an end.
enum DiskFault: String, Sendable {
  /// One write is refused, and the disk works again.
  case writeError
  /// One sync fails: what it was for may be lost, and no later sync tries again.
  case syncError
  /// A truncation fails.
  case truncateError
  /// ENOSPC from then on.
  case full
  /// EROFS from then on, for writes and syncs.
  case readOnly
  /// The process ends in the middle of a write.
  case torn
  /// The process ends at any operation.
  case killed
  /// No sync succeeds from then on.
  case syncFromThenOn
  /// The process ends at a sync.
  case killedAtSync

  var operations: FaultDisk.Operations {
    switch self {
    case .writeError, .full, .torn: .write
    case .syncError, .syncFromThenOn, .killedAtSync: .sync
    case .truncateError: .truncate
    case .readOnly: [.write, .sync]
    case .killed: .change
    }
  }

  var effect: Int32 {
    switch self {
    case .writeError, .syncError, .truncateError: Int32(FAULT_ONCE)
    case .full, .readOnly, .syncFromThenOn: Int32(FAULT_FROM_THEN_ON)
    case .torn: Int32(FAULT_TORN)
    case .killed, .killedAtSync: Int32(FAULT_KILL)
    }
  }

  /// SQLite's result code.
  var code: Int32 {
    switch self {
    case .writeError, .torn, .killed: 10 | 3 << 8  // SQLITE_IOERR_WRITE
    case .syncError, .syncFromThenOn, .killedAtSync: 10 | 4 << 8  // SQLITE_IOERR_FSYNC
    case .truncateError: 10 | 6 << 8  // SQLITE_IOERR_TRUNCATE
    case .full: 13  // SQLITE_FULL
    case .readOnly: 8  // SQLITE_READONLY
    }
  }
}
