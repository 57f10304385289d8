/// Lets an `Encodable` type write itself into a ``JSONNode``.
final class JSONNodeEncoder: Encoder {
  var node: JSONNode?
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(JSONMembers<Key>(object: object()))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { JSONElements(list: list()) }
  func singleValueContainer() -> any SingleValueEncodingContainer { JSONValueContainer(encoder: self) }

  /// A type may ask for its container more than once.
  private func object() -> JSONNode.Object {
    if case .object(let object) = node { return object }
    let object = JSONNode.Object()
    node = .object(object)
    return object
  }

  private func list() -> JSONNode.List {
    if case .list(let list) = node { return list }
    let list = JSONNode.List()
    node = .list(list)
    return list
  }
}

private struct JSONMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let object: JSONNode.Object
  var codingPath: [any CodingKey] { [] }

  private func add(_ key: some CodingKey, _ node: JSONNode) {
    object.members.append((JSONNode.snakeCase(key.stringValue), node))
  }

  func encodeNil(forKey key: Key) { add(key, .null) }
  func encode(_ value: String, forKey key: Key) { add(key, .string(value)) }
  func encode(_ value: Bool, forKey key: Key) { add(key, .boolean(value)) }
  func encode(_ value: Int, forKey key: Key) { add(key, .integer(Int64(value))) }
  func encode(_ value: Int64, forKey key: Key) { add(key, .integer(value)) }
  func encode(_ value: UInt64, forKey key: Key) { add(key, .unsigned(value)) }
  func encode(_ value: UInt32, forKey key: Key) { add(key, .unsigned(UInt64(value))) }
  func encode(_ value: Double, forKey key: Key) throws { add(key, try .of(value, at: [key])) }
  func encode(_ value: some Encodable, forKey key: Key) throws { add(key, try .of(value)) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    let inner = JSONNode.Object()
    add(key, .object(inner))
    return KeyedEncodingContainer(JSONMembers<Nested>(object: inner))
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    let inner = JSONNode.List()
    add(key, .list(inner))
    return JSONElements(list: inner)
  }
  // Classes that inherit are not part of the contract; they would share their members.
  func superEncoder() -> any Encoder { sharing() }
  func superEncoder(forKey key: Key) -> any Encoder { sharing() }

  private func sharing() -> JSONNodeEncoder {
    let encoder = JSONNodeEncoder()
    encoder.node = .object(object)
    return encoder
  }
}

private struct JSONElements: UnkeyedEncodingContainer {
  let list: JSONNode.List
  var codingPath: [any CodingKey] { [] }
  var count: Int { list.elements.count }

  func encodeNil() { list.elements.append(.null) }
  func encode(_ value: Double) throws { list.elements.append(try .of(value, at: [])) }
  func encode(_ value: some Encodable) throws { list.elements.append(try .of(value)) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    let inner = JSONNode.Object()
    list.elements.append(.object(inner))
    return KeyedEncodingContainer(JSONMembers<Nested>(object: inner))
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    let inner = JSONNode.List()
    list.elements.append(.list(inner))
    return JSONElements(list: inner)
  }
  func superEncoder() -> any Encoder {
    let encoder = JSONNodeEncoder()
    encoder.node = .list(list)
    return encoder
  }
}

private struct JSONValueContainer: SingleValueEncodingContainer {
  let encoder: JSONNodeEncoder
  var codingPath: [any CodingKey] { [] }

  func encodeNil() { encoder.node = .null }
  func encode(_ value: Double) throws { encoder.node = try .of(value, at: []) }
  func encode(_ value: some Encodable) throws { encoder.node = try .of(value) }
}
