internal import Foundation

/// The newest checkpoint that was ever signed, kept apart from the log: what is once signed is never unsaid
/// (CONFORMANCE L7). A log that was restored from an older copy no longer reaches it, and is found out.
struct CheckpointFile: Sendable {
  static let name = "checkpoint"

  private let directory: URL
  private var url: URL { directory.appendingPathComponent(Self.name) }

  init(directory: URL) { self.directory = directory }

  /// - Returns: nil when nothing was signed yet.
  /// - Throws: `LogError.storage`, `LogError.badNote`.
  func read(key: LogVerifierKey) throws -> SignedCheckpoint? {
    try bytes().map { try SignedCheckpoint(note: $0, key: key) }
  }

  private func bytes() throws -> Data? {
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    do { return try Data(contentsOf: url) } catch {
      throw LogError.storage("\(url.path): \(error.localizedDescription)")
    }
  }

  /// Replaces `expected` by `new`, durably, or throws without having changed anything.
  /// - Throws: `LogError.damagedLog` when the file holds something else than `expected`; `LogError.storage`.
  func swap(from expected: SignedCheckpoint?, to new: SignedCheckpoint) throws {
    guard try bytes() == expected?.note else { throw LogError.damagedLog("\(Self.name) was changed by someone else") }
    let temporary = directory.appendingPathComponent("\(Self.name).new").path
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(temporary) }
    do {
      defer { close(file) }
      let written = new.note.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      guard written == new.note.count, fdatasync(file) == 0 else { throw failure(temporary) }
    }
    guard rename(temporary, url.path) == 0 else { throw failure(url.path) }
    try SQLiteFile.syncDirectory(directory)
  }

  private func failure(_ path: String) -> LogError { .storage("\(path): \(String(cString: strerror(errno)))") }
}
