internal import FrameEvents
internal import Foundation
internal import FrameCore

/// The newest checkpoint that was ever signed, kept apart from the log: what is once signed is never unsaid
/// (CONFORMANCE L7). A log that was restored from an older copy no longer reaches it, and is found out.
///
/// Two slots of 4 KiB, each a signed note padded with newlines, are written in turn, in place: one small synchronous write
/// a checkpoint, and whatever a crash does to the slot that is being written, the other one is whole.
struct CheckpointFile: Sendable {
  static let name = "checkpoint"
  static let slotBytes = 4_096

  private let directory: URL
  /// The file as it was last read or written; nil before there is one.
  private var content: Data?
  /// The slot to write next: never the one that holds the newest whole checkpoint.
  private var next = 0
  private var url: URL { directory.appendingPathComponent(Self.name) }

  init(directory: URL) { self.directory = directory }

  /// Reads the file.
  /// - Returns: the newest checkpoint in it that `key` signed; nil when nothing was signed yet.
  /// - Throws: `LogError.storage`; `LogError.damagedLog` when there is a file but no checkpoint of ours in it.
  mutating func read(key: LogVerifierKey) throws -> SignedCheckpoint? {
    content = try bytes()
    guard let content else { return nil }
    let slots = stride(from: 0, to: max(content.count, 1), by: Self.slotBytes).prefix(2).map { start in
      Result { try SignedCheckpoint(note: Self.note(content.dropFirst(start).prefix(Self.slotBytes)), key: key) }
    }
    let sizes = slots.map { (try? $0.get())?.size }
    guard let index = sizes.indices.filter({ sizes[$0] != nil }).max(by: { (sizes[$0] ?? 0) < (sizes[$1] ?? 0) }) else {
      throw LogError.damagedLog("\(url.path) holds no checkpoint that this frame's log key signed")
    }
    next = 1 - index
    return try slots[index].get()
  }

  /// Adds `new` to the file, durably, or throws and leaves what is there.
  /// - Throws: `LogError.damagedLog` when the file is not as it was last read or written; `LogError.storage`.
  mutating func add(_ new: SignedCheckpoint) throws {
    guard new.note.count < Self.slotBytes else { throw LogError.storage("a checkpoint has \(new.note.count) bytes") }
    guard try bytes() == content else { throw LogError.damagedLog("\(Self.name) was changed by someone else") }
    let slot = new.note + Data(repeating: 0x0a, count: Self.slotBytes - new.note.count)
    guard let content, content.count == 2 * Self.slotBytes else {
      let whole = slot + Data(repeating: 0x0a, count: Self.slotBytes)
      try create(whole)
      self.content = whole
      return next = 1
    }
    try Self.write(slot, to: url.path, at: next * Self.slotBytes, flags: 0)
    self.content = next == 0 ? slot + content.suffix(Self.slotBytes) : content.prefix(Self.slotBytes) + slot
    next = 1 - next
  }

  private static func note(_ slot: Data) -> Data {
    let end = slot.lastIndex { $0 != 0x0a }.map { slot.index(after: $0) } ?? slot.startIndex
    return Data(slot[..<end]) + Data([0x0a])
  }

  private func bytes() throws -> Data? {
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    do { return try Data(contentsOf: url) } catch {
      throw LogError.storage("\(url.path): \(error.words)")
    }
  }

  /// The first time, and for a file of another form: whole, under another name, then renamed.
  private func create(_ whole: Data) throws {
    let temporary = directory.appendingPathComponent("\(Self.name).new").path
    try Self.write(whole, to: temporary, at: 0, flags: O_CREAT | O_TRUNC)
    guard rename(temporary, url.path) == 0 else { throw Self.failure(url.path) }
    try SQLiteFile.syncDirectory(directory)
  }

  private static func write(_ bytes: Data, to path: String, at offset: Int, flags: Int32) throws {
    let file = open(path, O_WRONLY | O_CLOEXEC | flags, 0o600)
    guard file >= 0 else { throw failure(path) }
    defer { close(file) }
    let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
    guard written == bytes.count, fdatasync(file) == 0 else { throw failure(path) }
  }

  private static func failure(_ path: String) -> LogError { .storage("\(path): \(SystemWords.of(errno: errno))") }
}
