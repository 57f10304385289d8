import CFrameZlib

/// RFC 1952 compression of a whole body.
enum Gzip {
  /// Text of repeating names shrinks about tenfold at any level, so the fastest serves a scrape best.
  private static let level: Int32 = 1
  /// zlib counts in 32 bits; a body beyond this is sent as it is.
  private static let inputBytesMax = 1 << 30

  /// `bytes` as one gzip member, or nil when zlib cannot (no memory) or the body is too large.
  static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count <= inputBytesMax else { return nil }
    let compressed = [UInt8](unsafeUninitializedCapacity: frame_gzip_bound(bytes.count)) { output, written in
      written = bytes.withUnsafeBufferPointer {
        frame_gzip($0.baseAddress, $0.count, output.baseAddress, output.count, level)
      }
    }
    return compressed.isEmpty ? nil : compressed
  }
}
