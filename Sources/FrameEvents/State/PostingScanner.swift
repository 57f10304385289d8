package import Foundation
package import FrameProtos

/// Whose accounts an event's postings touch, read from its stored bytes without decoding the rest: what follows the log only
/// for that would else spend most of its time on building events that nobody looks at.
package enum PostingScanner {
  /// Calls `body` with the owner and kind of each posting, in order.
  /// - Returns: false when the bytes are not those of an event, or hold what is not worth knowing here: then decode them,
  ///   which gives the same or says what is wrong. `body` may have been called.
  package static func scan(_ bytes: Data, _ body: (_ owner: String, _ kind: PBAccountKind) -> Void) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var reader = WireReader(buffer)
      while !reader.isAtEnd {
        guard let (field, wire) = reader.tag() else { return false }
        guard field == postings else {
          guard reader.skip(wire) else { return false }
          continue
        }
        guard wire == .bytes, let posting = reader.bytes(), let (owner, kind) = read(posting) else { return false }
        body(owner, kind)
      }
      return true
    }
  }

  /// Of `postings` in `Event`, and of `owner` and `kind` in `Posting`.
  private static let (postings, owner, kind): (UInt64, UInt64, UInt64) = (8, 1, 2)

  private static func read(_ posting: UnsafeRawBufferPointer) -> (String, PBAccountKind)? {
    var reader = WireReader(posting)
    var name = ""
    var number: UInt64 = 0
    while !reader.isAtEnd {
      guard let (field, wire) = reader.tag() else { return nil }
      switch (field, wire) {
      case (owner, .bytes):
        guard let text = reader.bytes(), let valid = String(validating: text, as: UTF8.self) else { return nil }
        name = valid
      case (kind, .varint):
        guard let value = reader.varint() else { return nil }
        number = value
      case (owner, _), (kind, _): return nil
      default: guard reader.skip(wire) else { return nil }
      }
    }
    // An enumeration is an int32 on the wire: its lower half, sign-extended.
    guard let known = PBAccountKind(rawValue: Int(Int32(truncatingIfNeeded: number))) else { return nil }
    return (name, known)
  }
}

/// Reads the protobuf wire format. Nil is for whatever it cannot be.
private struct WireReader {
  enum Wire: UInt64 { case varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 }

  private let buffer: UnsafeRawBufferPointer
  private var next = 0

  init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }

  var isAtEnd: Bool { next == buffer.count }

  mutating func tag() -> (field: UInt64, wire: Wire)? {
    guard let key = varint(), key >> 3 > 0, key >> 3 < 1 << 29, let wire = Wire(rawValue: key & 7) else { return nil }
    return (key >> 3, wire)
  }

  mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard next < buffer.count else { return nil }
      let byte = buffer[next]
      next += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  package mutating func bytes() -> UnsafeRawBufferPointer? {
    guard let count = varint(), count <= UInt64(buffer.count - next) else { return nil }
    defer { next += Int(count) }
    return UnsafeRawBufferPointer(rebasing: buffer[next..<next + Int(count)])
  }

  mutating func skip(_ wire: Wire) -> Bool {
    switch wire {
    case .varint: return varint() != nil
    case .bytes: return bytes() != nil
    case .fixed32: return skip(bytes: 4)
    case .fixed64: return skip(bytes: 8)
    }
  }

  private mutating func skip(bytes count: Int) -> Bool {
    guard buffer.count - next >= count else { return false }
    next += count
    return true
  }
}
