import Foundation

/// A value on its way to being JSON. Objects and lists are references, since their containers are values that write to them.
enum JSONNode {
  final class Object { var members: [(name: String, value: JSONNode)] = [] }
  final class List { var elements: [JSONNode] = [] }

  case null
  case boolean(Bool)
  case integer(Int64)
  case unsigned(UInt64)
  /// As it is written.
  case number(String)
  case string(String)
  case object(Object)
  case list(List)

  static func of(_ value: some Encodable) throws -> JSONNode {
    if let simple = simple(value) { return simple }
    switch value {
    case let names as any NamedValues: return try names.node()
    case let data as Data: return .string(data.base64EncodedString())
    default:
      let encoder = JSONNodeEncoder()
      try value.encode(to: encoder)
      // A type that encodes nothing is an object without members.
      return encoder.node ?? .object(Object())
    }
  }

  private static func simple(_ value: some Encodable) -> JSONNode? {
    switch value {
    case let text as String: .string(text)
    case let flag as Bool: .boolean(flag)
    case let number as Int: .integer(Int64(number))
    case let number as Int64: .integer(number)
    case let number as UInt64: .unsigned(number)
    case let number as UInt32: .unsigned(UInt64(number))
    default: nil
    }
  }

  /// - Throws: `EncodingError` for what is not a number.
  static func of(_ number: Double, at path: [any CodingKey]) throws -> JSONNode {
    guard number.isFinite else {
      throw EncodingError.invalidValue(number, .init(codingPath: path, debugDescription: "JSON has no such number."))
    }
    let text = number.description
    return .number(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
  }

  // MARK: Writing

  func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .boolean(let flag): bytes.append(contentsOf: flag ? "true".utf8 : "false".utf8)
    case .integer(let number): bytes.append(contentsOf: String(number).utf8)
    case .unsigned(let number): bytes.append(contentsOf: String(number).utf8)
    case .number(let text): bytes.append(contentsOf: text.utf8)
    case .string(let text): Self.write(text, to: &bytes)
    case .list(let list):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in list.elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      let sorted = object.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(member.name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      // Nearly every text has nothing to escape.
      guard utf8.contains(where: needsEscape) else { return bytes.append(contentsOf: utf8) }
      for byte in utf8 {
        if needsEscape(byte) { escape(byte, to: &bytes) } else { bytes.append(byte) }
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func escape(_ byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x0c: bytes.append(UInt8(ascii: "f"))
    case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
    default:
      bytes.append(contentsOf: byte < 0x10 ? "u000".utf8 : "u00".utf8)
      bytes.append(contentsOf: String(byte, radix: 16).utf8)
    }
  }

  /// `expires_at` for `expiresAt`.
  static func snakeCase(_ name: String) -> String {
    guard name.utf8.contains(where: { (0x41...0x5a).contains($0) }) else { return name }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(name.utf8.count + 4)
    for byte in name.utf8 {
      if (0x41...0x5a).contains(byte) {
        bytes.append(UInt8(ascii: "_"))
        bytes.append(byte | 0x20)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A dictionary's keys are data: they are written as they are.
private protocol NamedValues { func node() throws -> JSONNode }

extension Dictionary: NamedValues where Key == String, Value: Encodable {
  fileprivate func node() throws -> JSONNode {
    let object = JSONNode.Object()
    for (name, value) in self { object.members.append((name, try JSONNode.of(value))) }
    return .object(object)
  }
}
