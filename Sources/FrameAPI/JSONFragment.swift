import FrameCore

/// JSON made elsewhere (protobuf's JSON mapping), written as part of a reply.
package struct JSONFragment: Codable, Sendable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package let value: TextTree

  package init(_ value: TextTree) { self.value = value }

  package init(from decoder: any Decoder) throws {
    if let members = try? decoder.container(keyedBy: Key.self) {
      value = .object(
        try members.allKeys.map { .init($0.stringValue, try members.decode(JSONFragment.self, forKey: $0).value) })
      return
    }
    if var list = try? decoder.unkeyedContainer() {
      var items: [TextTree] = []
      while !list.isAtEnd { items.append(try list.decode(JSONFragment.self).value) }
      value = .list(items)
      return
    }
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      value = .null
    } else if let flag = try? single.decode(Bool.self) {
      value = .boolean(flag)
    } else if let text = try? single.decode(String.self) {
      value = .string(text)
    } else if let whole = try? single.decode(Int64.self) {
      value = .number("\(whole)")
    } else if let whole = try? single.decode(UInt64.self) {
      value = .number("\(whole)")
    } else {
      value = .number("\(try single.decode(Double.self))")
    }
  }

  package func encode(to encoder: any Encoder) throws {
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
