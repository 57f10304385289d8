import Foundation
import FrameProtos
import SwiftProtobuf

/// JSON made elsewhere (protobuf's JSON mapping), written as part of a reply.
struct JSONFragment: Encodable, Sendable {
  indirect enum Value: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([Value])
    case object([String: Value])

    init(_ any: Any) {
      switch any {
      case let text as String: self = .string(text)
      case let list as [Any]: self = .array(list.map(Value.init))
      case let object as [String: Any]: self = .object(object.mapValues(Value.init))
      case let number as NSNumber:
        self = String(cString: number.objCType) == "c" ? .bool(number.boolValue) : .number(number.doubleValue)
      default: self = .null
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

extension PBEvent {
  /// The payload's fields, by protobuf's JSON mapping (64-bit integers are strings there, so they stay exact).
  func payloadFields() -> JSONFragment.Value {
    guard let data = try? jsonUTF8Data(), let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    else { return .object([:]) }
    let envelope: Set<String> = [
      "position", "timeUnixNs", "actor", "idempotencyKey", "commandDigest", "commandIndex", "commandEvents", "postings",
    ]
    guard let payload = object.first(where: { !envelope.contains($0.key) })?.value else { return .object([:]) }
    return JSONFragment.Value(payload)
  }
}
