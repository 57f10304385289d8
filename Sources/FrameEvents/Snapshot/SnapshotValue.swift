package import Foundation
package import FrameCore
package import FrameProtos
import SwiftProtobuf

/// A value that has one form as bytes: equal values give equal bytes, whatever order they were built in.
///
/// The form is for snapshots only, which are caches: it may change with any version of the program (ADR 0011).
package protocol SnapshotValue {
  func write(to output: inout SnapshotOutput)

  /// - Throws: ``SnapshotRefusal/damaged(_:)`` when the bytes are not such a value.
  init(from input: inout SnapshotInput) throws
}

/// Bytes that grow.
package struct SnapshotOutput: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func write(_ value: some SnapshotValue) { value.write(to: &self) }

  fileprivate mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Length, then content.
  package mutating func append(counted content: UnsafeRawBufferPointer) {
    append(UInt32(content.count))
    bytes.append(contentsOf: content)
  }

  package mutating func append(contentsOf slice: some Sequence<UInt8>) { bytes.append(contentsOf: slice) }
}

/// Bytes that are read from the front. It must not outlive the buffer it reads.
package struct SnapshotInput {
  private let buffer: UnsafeRawBufferPointer
  package private(set) var offset = 0

  package init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }

  package var isAtEnd: Bool { offset == buffer.count }

  package mutating func read<Value: SnapshotValue>(_: Value.Type = Value.self) throws -> Value {
    try Value(from: &self)
  }

  fileprivate mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
    let bytes = try take(MemoryLayout<Number>.size)
    return Number(littleEndian: bytes.loadUnaligned(as: Number.self))
  }

  mutating func counted() throws -> UnsafeRawBufferPointer { try take(Int(try number(UInt32.self))) }

  /// How many values follow, each of which takes at least a byte: no claim makes room for more than can be there.
  mutating func count() throws -> Int {
    let count = Int(try number(UInt32.self))
    guard count <= buffer.count - offset else { throw SnapshotRefusal.damaged("\(count) values do not fit") }
    return count
  }

  private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count <= buffer.count - offset else { throw SnapshotRefusal.damaged("it ends early") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + count])
  }
}

// MARK: Numbers and texts

extension SnapshotValue where Self: FixedWidthInteger {
  package func write(to output: inout SnapshotOutput) { output.append(self) }
  package init(from input: inout SnapshotInput) throws { self = try input.number(Self.self) }
}

extension Int: SnapshotValue {}
extension Int64: SnapshotValue {}
extension UInt64: SnapshotValue {}
extension UInt32: SnapshotValue {}
extension UInt8: SnapshotValue {}

extension Bool: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.append(self ? 1 as UInt8 : 0) }
  package init(from input: inout SnapshotInput) throws {
    let byte = try input.number(UInt8.self)
    guard byte <= 1 else { throw SnapshotRefusal.damaged("\(byte) is neither true nor false") }
    self = byte == 1
  }
}

extension String: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    var text = self
    text.withUTF8 { output.append(counted: UnsafeRawBufferPointer($0)) }
  }
  package init(from input: inout SnapshotInput) throws { self.init(decoding: try input.counted(), as: UTF8.self) }
}

extension Data: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { withUnsafeBytes { output.append(counted: $0) } }
  package init(from input: inout SnapshotInput) throws { self.init(try input.counted()) }
}

/// An enum is its raw value.
extension SnapshotValue where Self: RawRepresentable, RawValue: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.write(rawValue) }
  package init(from input: inout SnapshotInput) throws {
    let raw: RawValue = try input.read()
    guard let value = Self(rawValue: raw) else { throw SnapshotRefusal.damaged("\(raw) is no \(Self.self)") }
    self = value
  }
}

// MARK: Vocabulary

extension FrameTime: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.append(unixNanoseconds) }
  package init(from input: inout SnapshotInput) throws { self.init(unixNanoseconds: try input.read()) }
}

extension Amount: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.append(minorUnits) }
  package init(from input: inout SnapshotInput) throws { self.init(minorUnits: try input.read()) }
}

extension FrameID: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.write(name) }
  package init(from input: inout SnapshotInput) throws {
    let name: String = try input.read()
    self = try SnapshotRefusal.unlessSound { try FrameID(name) }
  }
}

extension AgentName: SnapshotValue {
  package func write(to output: inout SnapshotOutput) { output.write(text) }
  package init(from input: inout SnapshotInput) throws {
    let text: String = try input.read()
    self = try SnapshotRefusal.unlessSound { try AgentName(text) }
  }
}

extension Asset: SnapshotValue {
  package func write(to output: inout SnapshotOutput) {
    output.write(origin)
    output.write(code)
    output.write(scale)
  }
  package init(from input: inout SnapshotInput) throws {
    let origin: FrameID = try input.read()
    let code: String = try input.read()
    let scale: UInt8 = try input.read()
    self = try SnapshotRefusal.unlessSound { try Asset(origin: origin, code: code, scale: Int(scale)) }
  }
}

/// A message is its serialised form; none that a state holds has a map field, whose order could vary.
extension SnapshotValue where Self: SwiftProtobuf.Message {
  package func write(to output: inout SnapshotOutput) {
    // A message that came out of the log, or was read from a snapshot, can be serialised again.
    guard let bytes: Data = try? serializedBytes() else { preconditionFailure("\(Self.self) cannot be serialised") }
    output.write(bytes)
  }
  package init(from input: inout SnapshotInput) throws {
    let bytes: Data = try input.read()
    self = try SnapshotRefusal.unlessSound { try Self(serializedBytes: bytes) }
  }
}

extension PBFrameFounded: SnapshotValue {}
extension PBFrameDescription: SnapshotValue {}
extension PBTreatyTerms: SnapshotValue {}
extension PBFormerLogFigures: SnapshotValue {}
