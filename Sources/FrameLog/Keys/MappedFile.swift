internal import FrameEvents
internal import Foundation
internal import FrameCore

/// A whole file as bytes that the kernel fetches when they are looked at and may drop again.
final class MappedFile: Sendable {
  /// Valid as long as this object is.
  // The mapping is read-only and private, made in `init` and unmade in `deinit`; the files that are mapped are never
  // written again once they have their name, so that concurrent readers see constant bytes.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// - Throws: `SnapshotRefusal.unreadable`; `.damaged` when the file is empty.
  init(_ url: URL) throws {
    let file = open(url.path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Self.failure(url) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Self.failure(url) }
    let size = Int(status.st_size)
    guard size > 0 else { throw SnapshotRefusal.damaged("\(url.lastPathComponent) is empty") }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED else {
      throw Self.failure(url)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  func number(at offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private static func failure(_ url: URL) -> SnapshotRefusal {
    .unreadable("\(url.lastPathComponent): \(SystemWords.of(errno: errno))")
  }
}
