import Foundation
import FrameCore

/// Why a file or folder that was named cannot be read.
package enum ReadFailure: Equatable, Sendable {
  case missing
  case denied(String)
  case other(String)

  /// - Parameter code: an `errno`.
  init(errno code: Int32) {
    self =
      switch code {
      case ENOENT, ENOTDIR: .missing
      case EACCES, EPERM: .denied(SystemWords.of(errno: code))
      default: .other(SystemWords.of(errno: code))
      }
  }
}

/// What a backup or a restore refuses.
package enum BackupError: FrameError, Equatable {
  case notEmpty(String)
  case noBackup(String)
  case damaged(String)
  /// The log that was to be backed up does not hold; nothing was made.
  case logDamaged(String)
  case noKeys(String)
  /// Keys that are not those of the log that is restored or backed up.
  case otherKeys(String, why: String, frame: String, logKey: String)
  case behind(size: UInt64, seen: UInt64)
  case notWritable(String, WriteFailure)
  /// Something that is no regular file, where only those belong.
  case irregular(String, what: String)
  case unreadable(String, ReadFailure)
  /// Another backup or restore is making the same folder.
  case underWay(String)
  /// The folder to make lies in the one that is copied.
  case inside(String, of: String)
  /// A restored log that no witness has confirmed.
  case unconfirmed(witnesses: Int)

  package var code: String {
    switch self {
    case .notEmpty: "folder_not_empty"
    case .noBackup: "no_backup_here"
    case .damaged: "backup_damaged"
    case .logDamaged: "damaged_log"
    case .noKeys: "backup_without_keys"
    case .otherKeys: "keys_do_not_fit"
    case .behind: "backup_behind_checkpoint"
    case .notWritable: "not_writable"
    case .irregular: "irregular_file"
    case .unreadable(_, .missing): "no_such_file"
    case .unreadable: "not_readable"
    case .underWay: "already_under_way"
    case .inside: "folder_inside_source"
    case .unconfirmed: "restored_log_unconfirmed"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .notEmpty, .underWay: .conflict
    case .noBackup: .notFound
    case .damaged, .noKeys, .otherKeys, .irregular, .inside: .invalid
    case .behind: .refused
    case .logDamaged: .internal
    case .notWritable(_, let failure): failure.kind
    case .unreadable(_, .missing): .notFound
    case .unreadable(_, .denied): .forbidden
    case .unreadable(_, .other): .unavailable
    case .unconfirmed: .unavailable
    }
  }

  package var message: String {
    switch self {
    case .notEmpty(let path): "\(path) is not empty."
    case .noBackup(let path): "There is no backup at \(path)."
    case .damaged(let why): "The backup does not hold: \(why)."
    case .logDamaged(let why): "The node's own log does not hold, and no backup was made of it: \(why)."
    case .noKeys(let path): "The backup at \(path) has no keys in it."
    case .otherKeys(let path, let why, _, _): "The keys in \(path) do not fit the log: \(why)"
    case .behind(let size, let seen): "The backup has \(size) events; a checkpoint of \(seen) was signed since."
    case .notWritable(let path, let failure): "\(path) cannot be written: \(failure.why)."
    case .irregular(let path, let what): "\(path) is \(what); only regular files belong there."
    case .unreadable(let path, .missing): "There is no such file or folder: \(path)."
    case .unreadable(let path, .denied(let why)), .unreadable(let path, .other(let why)):
      "\(path) cannot be read: \(why)."
    case .underWay(let path): "Another backup or restore is making \(path) now."
    case .inside(let path, let source): "\(path) lies in \(source), which is to be copied."
    case .unconfirmed(let witnesses):
      "The log was restored, or was shown not to be the newest, and none of its \(witnesses) witnesses could be asked."
    }
  }

  package var remedy: String {
    switch self {
    case .notEmpty: "Name a folder that does not exist yet."
    case .noBackup: "Name the folder that frame backup made."
    case .logDamaged:
      "Do not overwrite an older backup. See runbooks/FrameAuditFindings.md: audit the log, and restore a backup that holds."
    case .damaged: "Use another backup; keep this one for whoever finds out what happened to it."
    case .noKeys: "Name the folder with the frame's keys with --keys."
    case .otherKeys(_, _, let frame, let logKey):
      "Name the folder with the keys of \(frame) whose log key is \(logKey)."
    case .behind: "Restore a newer backup; with --accept-fork the events in between are given up for good."
    case .notWritable(_, let failure): failure.remedy
    case .irregular: "Take it out if you put it there; else use another copy: no backup has such a thing."
    case .unreadable(_, .missing): "Check its name."
    case .unreadable(_, .denied): "Fix its permissions, or run this as the user that it belongs to."
    case .unreadable(_, .other): "Mend the disk, or use another copy."
    case .underWay: "Wait for it, or name another folder."
    case .inside: "Name a folder elsewhere."
    case .unconfirmed:
      "Start a peer or a witness and try again, or serve with --accept-fork if the log is known to be whole."
    }
  }
}
