internal import Foundation
package import FrameProtos
import SwiftProtobuf

/// Events as they are stored: the bytes that SwiftProtobuf makes, made faster for the events that come by the million.
///
/// Every event of a log goes through here on the writer's own threads, where a generic traversal costs more than all the
/// checks on the money. What this type does not know by heart it leaves to SwiftProtobuf; that both say the same is
/// tested with random events.
package enum EventEncoder {
  /// Of `tokens_transferred` in `Event`.
  private static let payloadField = 24

  /// The transfer in an event that this type can encode.
  private static func transfer(_ event: StoredEvent) -> PBTokensTransferred? {
    guard case .tokensTransferred(let transfer)? = event.payload, transfer.unknownFields.data.isEmpty,
      event.postings.allSatisfy({ $0.unknownFields.data.isEmpty && !$0.hasAsset })
    else { return nil }
    return transfer
  }

  /// Adds the event's bytes at the end of `bytes`.
  /// - Throws: what SwiftProtobuf throws; nothing was added.
  package static func append(_ event: StoredEvent, to bytes: inout [UInt8]) throws {
    guard let transfer = transfer(event) else { return bytes += try event.message.serializedBytes() as [UInt8] }
    let body = Size.of(transfer)
    let size = Size.ofFrame(event) + Size.tag(payloadField) + Size.prefixed(body)
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: size))
    bytes.withUnsafeMutableBytes { buffer in
      var writer = WireWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[start...]))
      writer.frame(event)
      writer.length(payloadField, body)
      writer.transfer(transfer)
      // Pair assertion: what was counted is what was written.
      precondition(writer.isFull, "the event's size was miscounted")
    }
  }
}

/// Encoded sizes, in bytes; a field with its default value has none (proto3).
private enum Size {
  static func varint(_ value: UInt64) -> Int { value == 0 ? 1 : (70 - value.leadingZeroBitCount) / 7 }
  static func tag(_ field: Int) -> Int { field < 16 ? 1 : 2 }
  static func prefixed(_ count: Int) -> Int { varint(UInt64(count)) + count }

  static func number(_ field: Int, _ value: UInt64) -> Int { value == 0 ? 0 : tag(field) + varint(value) }
  static func signed(_ field: Int, _ value: Int64) -> Int { number(field, WireWriter.zigzag(value)) }
  static func bytes(_ field: Int, _ count: Int) -> Int { count == 0 ? 0 : tag(field) + prefixed(count) }

  /// All of an event but its payload.
  static func ofFrame(_ event: StoredEvent) -> Int {
    var size = number(1, event.position) + signed(2, event.timeUnixNs)
    size += bytes(3, event.actor.utf8.count) + bytes(4, event.idempotencyKey.utf8.count)
    size += bytes(5, event.commandDigest.count)
    size += number(6, UInt64(event.commandIndex)) + number(7, UInt64(event.commandEvents))
    for posting in event.postings { size += tag(8) + prefixed(of(posting)) }
    return size + signed(9, event.clockUnixNs)
  }

  static func of(_ posting: PBPosting) -> Int {
    bytes(1, posting.owner.utf8.count) + number(2, WireWriter.enumeration(posting.kind.rawValue))
      + signed(4, posting.amount)
  }

  static func of(_ transfer: PBTokensTransferred) -> Int {
    bytes(1, transfer.from.utf8.count) + bytes(2, transfer.to.utf8.count) + signed(3, transfer.amount)
      + signed(4, transfer.fee) + bytes(5, transfer.memo.utf8.count) + bytes(6, transfer.transferID.utf8.count)
  }
}

/// Writes the protobuf wire format into a buffer of the right size.
private struct WireWriter {
  private let buffer: UnsafeMutableRawBufferPointer
  private var next = 0

  init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

  var isFull: Bool { next == buffer.count }

  static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
  /// Negative numbers of an enumeration are sign-extended, as those of an int32 are.
  static func enumeration(_ value: Int) -> UInt64 { UInt64(bitPattern: Int64(value)) }

  mutating func frame(_ event: StoredEvent) {
    number(1, event.position)
    signed(2, event.timeUnixNs)
    string(3, event.actor)
    string(4, event.idempotencyKey)
    data(5, event.commandDigest)
    number(6, UInt64(event.commandIndex))
    number(7, UInt64(event.commandEvents))
    for posting in event.postings {
      length(8, Size.of(posting))
      string(1, posting.owner)
      number(2, Self.enumeration(posting.kind.rawValue))
      signed(4, posting.amount)
    }
    signed(9, event.clockUnixNs)
  }

  mutating func transfer(_ transfer: PBTokensTransferred) {
    string(1, transfer.from)
    string(2, transfer.to)
    signed(3, transfer.amount)
    signed(4, transfer.fee)
    string(5, transfer.memo)
    string(6, transfer.transferID)
  }

  /// The head of a field that is counted in bytes.
  mutating func length(_ field: Int, _ count: Int) {
    varint(UInt64(field << 3 | 2))
    varint(UInt64(count))
  }

  private mutating func number(_ field: Int, _ value: UInt64) {
    guard value != 0 else { return }
    varint(UInt64(field << 3))
    varint(value)
  }

  private mutating func signed(_ field: Int, _ value: Int64) { number(field, Self.zigzag(value)) }

  private mutating func string(_ field: Int, _ text: String) {
    var text = text
    text.withUTF8 { bytes(field, UnsafeRawBufferPointer($0)) }
  }

  private mutating func data(_ field: Int, _ data: Data) { data.withUnsafeBytes { bytes(field, $0) } }

  private mutating func bytes(_ field: Int, _ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    length(field, bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: buffer[next..<next + bytes.count]).copyMemory(from: bytes)
    next += bytes.count
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      buffer[next] = UInt8(truncatingIfNeeded: rest) | 0x80
      next += 1
      rest >>= 7
    }
    buffer[next] = UInt8(truncatingIfNeeded: rest)
    next += 1
  }
}
