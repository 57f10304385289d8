internal import Foundation
internal import FrameEvents
internal import FrameCore

/// Whether a folder has room for what SQLite needs to open a file in it.
///
/// A database with a write-ahead log has an index of it in a file that is mapped into memory (`-shm`, 32 KiB for each 4,096 pages of the
/// log). SQLite makes that file longer by one byte in each 4 KiB, which on a file system of smaller blocks leaves holes; where the
/// disk is full, the first touch of a hole is SIGBUS, which nothing answers. So it is asked first, and refused in words.
enum DatabaseRoom {
  /// The index of 512 MiB of write-ahead log, eight times what is kept (`SQLiteFile.journalBytes`), with its first pages: less than one
  /// commit of a full batch, so that whoever lacks it could not write anyway.
  static let bytes: UInt64 = 1 << 20

  /// Free bytes of the file system at a path, for this user; nil when that cannot be asked. Another one in tests.
  typealias Probe = @Sendable (_ path: String) -> UInt64?
  @TaskLocal static var probe: Probe = { freeBytes(at: $0) }

  /// - Parameters:
  ///   - database: the file's path; it need not be there.
  ///   - readOnly: it is opened only to be read. Where its node runs, the index is there and whole, and nothing is made longer; where none
  ///     does, one that is whole is made anew in the blocks that it gives back.
  /// - Throws: `LogError.noRoom`.
  static func require(for database: String, readOnly: Bool = false) throws {
    if readOnly, isWhole(database + "-shm") { return }
    let folder = URL(fileURLWithPath: database).deletingLastPathComponent().path
    guard let free = probe(folder), free < bytes else { return }
    throw LogError.noRoom(folder, free: free, needed: bytes)
  }

  /// The index of 128 MiB of write-ahead log, twice what is kept.
  private static let indexBytes = 256 << 10

  /// Gives the index of an open database all its blocks, so that no touch of it can meet a full disk later. SQLite makes it longer by
  /// one byte in each 4 KiB, and blocks may be smaller.
  ///
  /// By SQLite's own descriptor: to open the file once more and close it would drop the locks that this process has on it (fcntl(2)).
  /// - Parameter database: the path of a database in WAL mode that was read or written through this process, by a connection that may write.
  /// - Throws: `LogError.noRoom`.
  static func reserveIndex(of database: String) throws {
    #if os(Linux)
      let path = URL(fileURLWithPath: database + "-shm").resolvingSymlinksInPath().path
      let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      for name in open {
        guard let descriptor = Int32(name),
          (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")) == path
        else { continue }
        let failure = posix_fallocate(descriptor, 0, off_t(indexBytes))
        // A descriptor that only reads, or a file system that cannot: as it was without this.
        guard failure == ENOSPC || failure == EDQUOT else { return }
        let folder = URL(fileURLWithPath: database).deletingLastPathComponent().path
        throw LogError.noRoom(folder, free: probe(folder) ?? 0, needed: bytes)
      }
    #endif
  }

  /// A file of that name has content, and a block for all of it.
  private static func isWhole(_ path: String) -> Bool {
    var found = stat()
    guard stat(path, &found) == 0, found.st_size > 0 else { return false }
    return Int64(found.st_blocks) * 512 >= Int64(found.st_size)
  }

  private static func freeBytes(at path: String) -> UInt64? {
    var found = statvfs()
    // What is mounted to be read only says that it has none, and nothing is made longer there either.
    guard statvfs(path, &found) == 0, found.f_flag & UInt(ST_RDONLY) == 0 else { return nil }
    let (bytes, overflow) = UInt64(found.f_bavail).multipliedReportingOverflow(by: UInt64(found.f_frsize))
    return overflow ? .max : bytes
  }
}
