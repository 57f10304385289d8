import Foundation
import FrameAPI

/// The JSON that a `Codable` type reads: its members, which of them may be missing, and what they are. Found by letting the type
/// decode from a decoder that notes what it is asked for and gives the least that will do.
indirect enum TypeShape: Equatable {
  struct Member: Equatable {
    let shape: TypeShape
    let isOptional: Bool
  }

  case object([String: Member])
  case list(TypeShape)
  case string, boolean, integer, number
  /// A dictionary, or whatever else reads itself.
  case free

  static func of<T: Decodable>(_ type: T.Type) throws -> TypeShape {
    let probe = Probe()
    _ = try T(from: probe)
    return probe.shape ?? .free
  }
}

private final class Probe: Decoder {
  var shape: TypeShape?
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    shape = .object([:])
    return KeyedDecodingContainer(Members<Key>(probe: self))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { Items(probe: self) }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(probe: self) }

  func add(_ name: String, _ shape: TypeShape, isOptional: Bool) {
    guard case .object(var members) = self.shape else { return }
    members[name] = .init(shape: shape, isOptional: isOptional)
    self.shape = .object(members)
  }

  /// A value of the type, and what it looks like.
  static func value<T: Decodable>(_ type: T.Type) throws -> (T, TypeShape) {
    let (value, shape): (Any?, TypeShape)
    switch type {
    case is String.Type: (value, shape) = ("", .string)
    case is Bool.Type: (value, shape) = (false, .boolean)
    case is Int.Type: (value, shape) = (0, .integer)
    case is Int64.Type: (value, shape) = (Int64(0), .integer)
    case is UInt64.Type: (value, shape) = (UInt64(0), .integer)
    case is UInt32.Type: (value, shape) = (UInt32(0), .integer)
    case is Double.Type: (value, shape) = (0.0, .number)
    case is JSONFragment.Type: (value, shape) = (JSONFragment(.null), .free)
    case is any StringKeyed.Type: (value, shape) = ([String: String](), .free)
    default:
      let probe = Probe()
      let made = try T(from: probe)
      (value, shape) = (made, probe.shape ?? .free)
    }
    guard let value = value as? T else { throw Unknown(type: "\(type)") }
    return (value, shape)
  }
}

/// A type that the test does not know how to make.
private struct Unknown: Error { let type: String }

private protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String, Value == String {}

private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let probe: Probe
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { [] }

  func contains(_ key: Key) -> Bool { true }
  func decodeNil(forKey key: Key) throws -> Bool { false }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let (value, shape) = try Probe.value(type)
    probe.add(key.stringValue, shape, isOptional: false)
    return value
  }

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    let (value, shape) = try Probe.value(type)
    probe.add(key.stringValue, shape, isOptional: true)
    return value
  }

  // The standard forms of the simple types do not come by the generic ones.
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try simple(type, key) }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try simple(type, key) }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try simple(type, key) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try simple(type, key) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try simple(type, key) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try simple(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }
  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }

  private func simple<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T {
    let (value, shape) = try Probe.value(type)
    probe.add(key.stringValue, shape, isOptional: false)
    return value
  }

  private func optional<T: Decodable>(_ type: T.Type, _ key: Key) throws -> T? {
    let (value, shape) = try Probe.value(type)
    probe.add(key.stringValue, shape, isOptional: true)
    return value
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> { throw Unknown(type: "a nested container") }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw Unknown(type: "a nested list")
  }
  func superDecoder() throws -> any Decoder { throw Unknown(type: "a superclass") }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw Unknown(type: "a superclass") }
}

/// Gives one element, so that what a list is of is seen.
private struct Items: UnkeyedDecodingContainer {
  let probe: Probe
  var codingPath: [any CodingKey] { [] }
  var count: Int? { 1 }
  var isAtEnd: Bool { currentIndex > 0 }
  var currentIndex = 0

  mutating func decodeNil() throws -> Bool { false }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let (value, shape) = try Probe.value(type)
    probe.shape = .list(shape)
    currentIndex += 1
    return value
  }
  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> { throw Unknown(type: "a nested container") }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unknown(type: "a nested list") }
  mutating func superDecoder() throws -> any Decoder { throw Unknown(type: "a superclass") }
}

private struct Single: SingleValueDecodingContainer {
  let probe: Probe
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { false }
  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let (value, shape) = try Probe.value(type)
    probe.shape = shape
    return value
  }
}
