internal import FrameEvents
internal import Crypto
internal import Foundation
internal import FrameCore

/// A file that appears under its name only when it is whole and durable. What was begun and not finished is removed.
struct NewFile: ~Copyable {
  private let url: URL
  private let temporary: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var hash = SHA256()

  static let suffix = ".new"
  private static let bufferBytes = 1 << 20

  /// - Throws: `LogError.storage`.
  init(_ url: URL) throws {
    let temporary = url.path + Self.suffix
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure(temporary) }
    self.url = url
    self.temporary = temporary
    self.descriptor = descriptor
    buffer.reserveCapacity(Self.bufferBytes)
  }

  deinit {
    close(descriptor)
    // Gone already when it was finished.
    unlink(temporary)
  }

  mutating func append(_ number: UInt64) throws {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  mutating func append(_ bytes: [UInt8]) throws {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  /// - Parameter withDigest: adds the SHA-256 of all that was appended.
  /// - Throws: `LogError.storage`.
  mutating func finish(withDigest: Bool = false) throws {
    try flush()
    if withDigest {
      buffer.append(contentsOf: hash.finalize())
      try flush()
    }
    guard fsync(descriptor) == 0, rename(temporary, url.path) == 0 else { throw Self.failure(url.path) }
    try SQLiteFile.syncDirectory(url.deletingLastPathComponent())
  }

  private mutating func flush() throws {
    let path = temporary
    try buffer.withUnsafeBytes { bytes in
      hash.update(bufferPointer: bytes)
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { throw Self.failure(path) }
        rest = rest.dropFirst(written)
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func failure(_ path: String) -> LogError { .storage("\(path): \(SystemWords.of(errno: errno))") }
}
