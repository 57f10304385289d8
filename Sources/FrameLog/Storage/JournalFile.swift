internal import FrameEvents
internal import Foundation
internal import GRDBSQLite

/// The write-ahead log's file, before SQLite opens it.
///
/// When a process ends between the writing of a transaction and its sync, or because that sync has failed, the next one finds
/// the transaction in the kernel's page cache and takes it for committed, and it may be nowhere else: SQLite does not sync
/// what it recovers, and after a failed sync the kernel holds the lost pages for clean, so that no later sync writes them.
/// Whoever was then told of the transaction, or of one written behind it, would lose it with the power.
enum JournalFile {
  /// What SQLite's largest page has: its VFS takes no more than 128 KiB at a time.
  private static let chunkBytes = 1 << 16

  /// Writes the file's bytes as they are once more, which makes their pages dirty again, and syncs them. What is read from
  /// the log afterwards is durable. Through SQLite's VFS, as all that SQLite does with the file.
  /// - Parameter database: the database's path. - Precondition: no other process writes to the database.
  /// - Throws: `LogError.storage`.
  static func settle(of database: String) throws {
    let path = database + "-wal"
    guard FileManager.default.fileExists(atPath: path) else { return }
    guard let vfs = sqlite3_vfs_find(nil) else { throw LogError.storage("SQLite has no file system") }
    // In the form that the VFS wants names in; it stays valid until it is freed.
    guard let name = sqlite3_create_filename(database, database + "-journal", path, 0, nil) else {
      throw LogError.storage("\(path): out of memory")
    }
    defer { sqlite3_free_filename(name) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Int(vfs.pointee.szOsFile), alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(vfs.pointee.szOsFile))
    defer { memory.deallocate() }
    let file = memory.assumingMemoryBound(to: sqlite3_file.self)
    let flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE
    try check(vfs.pointee.xOpen(vfs, sqlite3_filename_wal(name), file, flags, nil), path)
    let methods = file.pointee.pMethods.pointee
    defer { _ = methods.xClose(file) }
    var size: Int64 = 0
    try check(methods.xFileSize(file, &size), path)
    guard size > 0 else { return }
    var buffer = [UInt8](repeating: 0, count: chunkBytes)
    var offset: Int64 = 0
    while offset < size {
      let count = Int32(min(Int64(chunkBytes), size - offset))
      try check(methods.xRead(file, &buffer, count, offset), path)
      try check(methods.xWrite(file, buffer, count, offset), path)
      offset += Int64(count)
    }
    try check(methods.xSync(file, SQLITE_SYNC_NORMAL), path)
  }

  private static func check(_ code: Int32, _ path: String) throws {
    guard code != SQLITE_OK else { return }
    throw LogError.storage("\(path): \(String(cString: sqlite3_errstr(code)))")
  }
}
