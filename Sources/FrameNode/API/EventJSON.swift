import Foundation
import FrameProtos
import SwiftProtobuf

/// JSON made elsewhere (protobuf's JSON mapping), written as part of a reply.
struct JSONFragment: Encodable, Sendable {
  indirect enum Value: Sendable, Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([Value])
    case object([String: Value])

    init(from decoder: any Swift.Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let flag = try? container.decode(Bool.self) {
        self = .bool(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .string(text)
      } else if let list = try? container.decode([Value].self) {
        self = .array(list)
      } else {
        self = .object(try container.decode([String: Value].self))
      }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  let value: Value

  init(_ value: Value) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    switch value {
    case .object(let fields):
      var container = encoder.container(keyedBy: Key.self)
      for (name, field) in fields { try container.encode(JSONFragment(field), forKey: Key(stringValue: name)) }
    case .array(let list):
      var container = encoder.unkeyedContainer()
      for item in list { try container.encode(JSONFragment(item)) }
    case .string(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .number(let number):
      var container = encoder.singleValueContainer()
      if let whole = Int64(exactly: number) { try container.encode(whole) } else { try container.encode(number) }
    case .bool(let flag):
      var container = encoder.singleValueContainer()
      try container.encode(flag)
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    }
  }
}

extension StoredEvent {
  /// The payload's fields, by protobuf's JSON mapping (64-bit integers are strings there, so they stay exact).
  func payloadFields() -> JSONFragment.Value {
    guard let data = try? message.jsonUTF8Data(),
      let fields = try? JSONDecoder().decode([String: JSONFragment.Value].self, from: data)
    else { return .object([:]) }
    let envelope: Set<String> = [
      "position", "timeUnixNs", "actor", "idempotencyKey", "commandDigest", "commandIndex", "commandEvents", "postings",
    ]
    return fields.first { !envelope.contains($0.key) }?.value ?? .object([:])
  }
}
