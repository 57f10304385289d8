package import FrameCore

/// What the log refuses or cannot do.
package enum LogError: FrameError, Equatable {
  /// Same key, another command.
  case idempotencyConflict(key: String, first: String, now: String)
  /// An event that would not fit an entry bundle (CONFORMANCE L4: 65,535 bytes).
  case eventTooLarge(bytes: Int)
  case damagedEvent(String)
  /// The file does not hold what it must: position gap, wrong leaf, wrong checkpoint.
  case damagedLog(String)
  /// A newer version of this program wrote what this one cannot understand.
  case newerFormat(String)
  /// The log is shorter than, or differs from, what was signed before (CONFORMANCE L7).
  case behindCheckpoint(logSize: UInt64, signedSize: UInt64)
  case noSuchPosition(UInt64, size: UInt64)
  /// A write failed; the node stops and never answers for it.
  case stopped(String)
  case overloaded(queued: Int)
  /// Too many questions about the past wait already.
  case historyBusy(waiting: Int)
  /// Another process, or another writer of this one, has the data directory.
  case inUse(String)
  /// There is no log in the directory: nothing was ever written, or it is another one.
  case noLog(String)
  /// The data directory or the files in it cannot be opened, read or written.
  case storage(String)
  /// A folder's file system has less room than opening a database in it takes.
  case noRoom(String, free: UInt64, needed: UInt64)
  /// Not the canonical path of a tile (CONFORMANCE L4).
  case invalidTilePath(String)
  case noSuchTile(String, size: UInt64)
  /// A tile of a downloaded log does not hold what it must.
  case badTile(String, String)
  /// A downloaded copy that does not hold by its own checkpoint any more: nobody's fault but the disk's.
  case copyDamaged(size: UInt64, why: String)
  case badProof(String)
  case badNote(String)
  /// Not a verifier key, of a log or a witness.
  case badKey(String)
  /// A verifier key that is none of a witness.
  case badWitnessKey(String)

  package var code: String {
    switch self {
    case .idempotencyConflict: "idempotency_conflict"
    case .eventTooLarge: "event_too_large"
    case .damagedEvent: "damaged_event"
    case .damagedLog: "damaged_log"
    case .newerFormat: "log_format_newer"
    case .behindCheckpoint: "log_behind_checkpoint"
    case .noSuchPosition: "no_such_position"
    case .stopped: "log_stopped"
    case .overloaded: "log_overloaded"
    case .historyBusy: "history_busy"
    case .inUse: "log_in_use"
    case .noLog: "no_log"
    case .storage: "log_storage"
    case .noRoom: "no_room"
    case .invalidTilePath: "invalid_tile_path"
    case .noSuchTile: "no_such_tile"
    case .badTile: "bad_tile"
    case .copyDamaged: "copy_damaged"
    case .badProof: "bad_proof"
    case .badNote: "bad_note"
    case .badKey, .badWitnessKey: "invalid_verifier_key"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .idempotencyConflict, .inUse: .conflict
    case .eventTooLarge: .tooLarge
    case .noSuchPosition, .noSuchTile, .noLog: .notFound
    case .overloaded, .historyBusy: .limited
    case .stopped, .storage, .noRoom: .unavailable
    case .badProof, .badNote, .badKey, .badWitnessKey, .badTile, .copyDamaged, .invalidTilePath: .invalid
    case .damagedEvent, .damagedLog, .newerFormat, .behindCheckpoint: .internal
    }
  }

  package var message: String {
    switch self {
    case .idempotencyConflict(let key, let first, let now):
      "Idempotency key '\(key)' was used before for another command (first \(first), now \(now))."
    case .eventTooLarge(let bytes): "The event would be \(bytes) bytes; the limit is 65535."
    case .damagedEvent(let why): "A stored event cannot be read: \(why)."
    case .damagedLog(let why): "The log is damaged: \(why)."
    case .newerFormat(let what): "The log was written by a newer version: \(what)."
    case .behindCheckpoint(let size, let signed):
      "The log holds \(size) events but a checkpoint for \(signed) was signed before."
    case .noSuchPosition(let position, let size): "Position \(position) is not in the log of \(size) events."
    case .stopped(let why): "The log has stopped: \(why)."
    case .overloaded(let queued): "The log's queue is full (\(queued) commands)."
    case .historyBusy(let waiting):
      "\(waiting) questions about the past are being answered for you, or for all, already."
    case .inUse(let directory): "The data directory \(directory) is in use by another node."
    case .noLog(let directory): "There is no log in \(directory)."
    case .storage(let why): "The log cannot be opened or read: \(why)."
    case .noRoom(let folder, let free, let needed):
      "The file system of \(folder) has \(free) bytes free; opening a database in it takes \(needed)."
    case .invalidTilePath(let path): "'\(path)' is not the path of a tile."
    case .noSuchTile(let path, let size): "'\(path)' is beyond the log's checkpoint of \(size) events."
    case .badTile(let path, let why): "'\(path)' of the downloaded log does not hold: \(why)."
    case .copyDamaged(let size, let why):
      "The copy here does not hold by its own checkpoint of \(size) events any more: \(why)"
    case .badProof(let why): "The proof does not hold: \(why)."
    case .badNote(let why): "The signed note is not valid: \(why)."
    case .badKey(let why): "The verifier key is not valid: \(why)."
    case .badWitnessKey(let why): "The verifier key is not one of a witness: \(why)."
    }
  }

  package var remedy: String {
    switch self {
    case .idempotencyConflict: "Use a new key for a new command, or repeat the first command exactly."
    case .eventTooLarge: "Shorten the memo or split the command."
    case .damagedEvent, .damagedLog: "Restore the data directory from a backup and run frame audit."
    case .newerFormat: "Run the version of frame that wrote it, or a newer one; the log is whole and was not changed."
    case .behindCheckpoint: "An older copy was restored: restore the newest one; nothing is signed until then."
    case .noSuchPosition: "Use a position below the log size."
    case .stopped: "See the node's log, fix the disk and restart the node; acknowledged commands are safe."
    case .overloaded: "Retry later with the same idempotency key."
    case .historyBusy: "Retry later; each takes as long as replaying the log from the snapshot before it."
    case .inUse: "Stop the other node, or give this one a directory of its own."
    case .noLog: "Name the data folder of a frame that has been started."
    case .noRoom: "Make room on that file system, or make it larger; what the log has acknowledged is there and safe."
    case .storage: "Check that the data directory exists, is writable by this user, and has free space."
    case .invalidTilePath:
      "Use tile/<level>/<index> or tile/entries/<index>, index in groups of three digits, .p/<width> if partial."
    case .noSuchTile: "Fetch the checkpoint first and ask only for tiles of its size."
    case .copyDamaged:
      "The node is not at fault: delete the file that is named, or the folder, and download the log again."
    case .badTile:
      "Download the log again into an empty folder; if it still does not hold, keep both copies: the log was changed."
    case .badProof: "Fetch a fresh attestation from the frame that holds the event."
    case .badNote:
      "Check that file and verifier key are of the same frame (log_verifier_key of GET /api/v1/frame), and fetch the note anew from it."
    case .badKey:
      "Give it as its holder publishes it: name+id+base64, of a frame log_verifier_key of GET /api/v1/frame."
    case .badWitnessKey:
      "Give the key with which it cosigns (type 04), as it publishes it: name+id+base64. Of a frame that is 'witness key' of frame peer show, at a frame that has a treaty with it; peers need not be named, they witness by the treaty."
    }
  }
}
