internal import FrameEvents
internal import Foundation
public import FrameCore
public import GRDB

// What SQLite's errors are called where people read: its own short words for them, without the statement.

extension DatabaseError: WordedError {
  public var plainWords: String {
    switch resultCode {
    case .SQLITE_FULL: SystemWords.of(errno: ENOSPC)
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: "the database is not writable"
    case .SQLITE_BUSY, .SQLITE_LOCKED: "the database is in use by another process"
    case .SQLITE_CANTOPEN: "the database cannot be opened"
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: "the database is damaged"
    case .SQLITE_IOERR: SystemWords.of(errno: EIO)
    default: message ?? "the database gave an error"
    }
  }
}

extension LogError {
  /// What is wrong with the file itself is damage, which no waiting mends; the rest is a disk or a system that cannot do it now.
  init(_ error: DatabaseError, at path: String? = nil) {
    let why = (path.map { "\($0): " } ?? "") + error.words
    switch error.resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self = .damagedLog(why)
    default: self = .storage(why)
    }
  }
}
