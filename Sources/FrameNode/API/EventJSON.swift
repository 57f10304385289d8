import Foundation
import FrameCore
import FrameProtos
import SwiftProtobuf

/// JSON made elsewhere (protobuf's JSON mapping), written as part of a reply.
struct JSONFragment: Encodable, Sendable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  let value: TextTree

  init(_ value: TextTree) { self.value = value }

  func encode(to encoder: any Encoder) throws {
    switch value {
    case .object(let members):
      var container = encoder.container(keyedBy: Key.self)
      for member in members {
        try container.encode(JSONFragment(member.value), forKey: Key(stringValue: member.name))
      }
    case .list(let list):
      var container = encoder.unkeyedContainer()
      for item in list { try container.encode(JSONFragment(item)) }
    case .string(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .number(let numeral):
      var container = encoder.singleValueContainer()
      if let whole = Int64(numeral) {
        try container.encode(whole)
      } else if let whole = UInt64(numeral) {
        try container.encode(whole)
      } else {
        try container.encode(Double(numeral) ?? 0)
      }
    case .boolean(let flag):
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
  func payloadFields() -> TextTree {
    guard let data = try? message.jsonUTF8Data(),
      let members = try? TextTree(json: data, JSONReader.Limits(bytes: 1 << 20)).members
    else { return .object([]) }
    let envelope: Set<String> = [
      "position", "timeUnixNs", "actor", "idempotencyKey", "commandDigest", "commandIndex", "commandEvents", "postings",
      "clockUnixNs",
    ]
    return members.first { !envelope.contains($0.name) }?.value ?? .object([])
  }
}
