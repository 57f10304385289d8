import Foundation

/// Makes values of Swift's `Decodable` types out of texts from outside, and refuses what the type does not ask for.
///
/// What a type never looks at was said by somebody who meant something by it: it is not dropped in silence unless the text's own
/// standard says that readers skip what they do not know.
package struct TextDecoding: Sendable {
  package enum Spelling: Sendable {
    case asWritten
    /// A property `expiresAt` is written `expires_at`, and no other way.
    case snakeCase
  }
  package enum Unknown: Sendable { case refused, skipped }
  package enum Null: Sendable {
    case refused
    /// The same as a member that is not there.
    case absent
  }

  package var spelling: Spelling
  package var unknown: Unknown
  package var null: Null
  /// Whether a number may be read as the text it is written as: in YAML `fixed: 0.01` is meant so.
  package var numeralsAreText: Bool

  package init(spelling: Spelling, unknown: Unknown, null: Null, numeralsAreText: Bool = false) {
    self.spelling = spelling
    self.unknown = unknown
    self.null = null
    self.numeralsAreText = numeralsAreText
  }

  /// What a client asks of the API.
  package static let request = TextDecoding(spelling: .snakeCase, unknown: .refused, null: .refused)
  /// What a node answers; a newer one may say more.
  package static let answer = TextDecoding(spelling: .snakeCase, unknown: .skipped, null: .absent)
  /// A document of a format of ours.
  package static let document = TextDecoding(spelling: .asWritten, unknown: .refused, null: .refused)
  /// A document whose standard lets it have more members than we know.
  package static let extensible = TextDecoding(spelling: .asWritten, unknown: .skipped, null: .refused)

  /// - Throws: ``TextFailure``.
  package func decode<T: Decodable>(
    _ type: T.Type, json data: Data, _ limits: JSONReader.Limits
  ) throws(TextFailure) -> T {
    try decode(type, from: try TextTree(json: data, limits))
  }

  /// - Throws: ``TextFailure``.
  package func decode<T: Decodable>(_ type: T.Type, from tree: TextTree) throws(TextFailure) -> T {
    do { return try value(type, of: tree, at: []) } catch let failure as TextFailure {
      throw failure
    } catch let error as DecodingError {
      throw Self.failure(error)
    } catch {
      throw TextFailure("cannot be read")
    }
  }

  fileprivate func value<T: Decodable>(_ type: T.Type, of tree: TextTree, at path: [String]) throws -> T {
    if let data = try bytes(type, tree, path) { return data }
    var inner = self
    // A dictionary's keys are data, not names of ours.
    if T.self is any NamedValues.Type { inner.spelling = .asWritten }
    let decoder = NodeDecoder(tree, inner, path)
    let value: T
    do { value = try T(from: decoder) } catch let error as DecodingError { throw Self.failure(error) }
    try decoder.finish()
    return value
  }

  /// Bytes are written in base64.
  private func bytes<T>(_ type: T.Type, _ tree: TextTree, _ path: [String]) throws -> T? {
    guard type == Data.self else { return nil }
    guard case .string(let text) = tree, let data = Data(base64Encoded: text) else {
      throw TextFailure("must be base64", at: path)
    }
    return data as? T
  }

  private static func failure(_ error: DecodingError) -> TextFailure {
    func path(_ context: DecodingError.Context) -> [String] { context.codingPath.map(\.stringValue) }
    switch error {
    case .keyNotFound(let key, let context):
      return TextFailure("is missing", at: path(context) + [key.stringValue])
    case .typeMismatch(_, let context): return TextFailure("has the wrong type", at: path(context))
    case .valueNotFound(_, let context): return TextFailure("is missing", at: path(context))
    case .dataCorrupted(let context): return TextFailure("has a value that it cannot have", at: path(context))
    @unknown default: return TextFailure("cannot be read")
    }
  }

  fileprivate func name(_ key: any CodingKey) -> String {
    let text = key.stringValue
    guard spelling == .snakeCase, text.utf8.contains(where: { (0x41...0x5a).contains($0) }) else { return text }
    var name = ""
    for scalar in text.unicodeScalars {
      if ("A"..."Z").contains(scalar) {
        name += "_" + scalar.properties.lowercaseMapping
      } else {
        name.unicodeScalars.append(scalar)
      }
    }
    return name
  }
}

private protocol NamedValues {}
extension Dictionary: NamedValues where Key == String {}

private struct PathKey: CodingKey {
  let stringValue: String
  var intValue: Int? { Int(stringValue) }
  init(stringValue: String) { self.stringValue = stringValue }
  init(intValue: Int) { stringValue = String(intValue) }
}

/// One node of the tree, and which of its members were asked for.
private final class NodeDecoder: Decoder {
  let node: TextTree
  let rules: TextDecoding
  let path: [String]
  /// Set once the node was read as an object.
  private var isObject = false
  fileprivate var asked: [String] = []

  var codingPath: [any CodingKey] { path.map(PathKey.init(stringValue:)) }
  let userInfo: [CodingUserInfoKey: Any] = [:]

  init(_ node: TextTree, _ rules: TextDecoding, _ path: [String]) {
    self.node = node
    self.rules = rules
    self.path = path
  }

  /// - Throws: ``TextFailure`` for what is there and was never asked for.
  func finish() throws {
    guard isObject, rules.unknown == .refused, let members = node.members else { return }
    for member in members where !asked.contains(member.name) {
      let failure = TextFailure.unknown(member.name, known: asked)
      throw TextFailure(failure.reason, at: path + failure.path)
    }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let members) = node else { throw mismatch("an object") }
    isObject = true
    return KeyedDecodingContainer(Members<Key>(decoder: self, members: members))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let elements) = node else { throw mismatch("a list") }
    return Elements(decoder: self, elements: elements)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { Single(scalar: Scalar(node, rules, path)) }

  func mismatch(_ expected: String) -> TextFailure { Scalar(node, rules, path).mismatch(expected) }
}

/// Reads one value as what is expected of it.
private struct Scalar {
  let node: TextTree
  let rules: TextDecoding
  private let parent: [String]
  private let step: String?

  /// - Parameter step: from the node at `parent` to this one; put together only when something is wrong.
  init(_ node: TextTree, _ rules: TextDecoding, _ parent: [String], step: String? = nil) {
    self.node = node
    self.rules = rules
    self.parent = parent
    self.step = step
  }

  var path: [String] { step.map { parent + [$0] } ?? parent }

  func mismatch(_ expected: String) -> TextFailure {
    if node == .null { return TextFailure("is null, and must be \(expected) or left out", at: path) }
    return TextFailure("must be \(expected)", at: path)
  }

  func text() throws -> String {
    switch node {
    case .string(let text): return text
    case .number(let numeral) where rules.numeralsAreText: return numeral
    default: throw mismatch("a string")
    }
  }

  func boolean() throws -> Bool {
    guard case .boolean(let value) = node else { throw mismatch("true or false") }
    return value
  }

  func whole<Number: FixedWidthInteger>() throws -> Number {
    guard case .number(let numeral) = node else { throw mismatch("a whole number") }
    guard let value = Number(numeral) else {
      let isWhole = numeral.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
      throw isWhole
        ? TextFailure("is not between \(Number.min) and \(Number.max)", at: path) : mismatch("a whole number")
    }
    return value
  }

  func decimal() throws -> Double {
    guard case .number(let numeral) = node, let value = Double(numeral), value.isFinite else {
      throw mismatch("a number")
    }
    return value
  }

  func isNull() throws -> Bool {
    guard node == .null else { return false }
    guard rules.null == .absent else { throw TextFailure("is null; leave it out instead", at: path) }
    return true
  }
}

private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: NodeDecoder
  let members: [TextTree.Member]

  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { members.compactMap { Key(stringValue: $0.name) } }

  private func find(_ key: Key) -> (name: String, value: TextTree?) {
    let name = decoder.rules.name(key)
    decoder.asked.append(name)
    return (name, members.first { $0.name == name }?.value)
  }

  private func scalar(_ key: Key) throws -> Scalar {
    let (name, value) = find(key)
    guard let value else { throw TextFailure("is missing\(other)", at: decoder.path + [name]) }
    return Scalar(value, decoder.rules, decoder.path, step: name)
  }

  /// What stands there instead, of which the missing one may be a misspelling.
  private var other: String {
    let names = members.map(\.name).filter { !decoder.asked.contains($0) }.prefix(3)
    return names.isEmpty ? "" : "; there is \(names.map { "'\($0.prefix(80))'" }.joined(separator: ", "))"
  }

  func contains(_ key: Key) -> Bool { find(key).value != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try scalar(key).isNull() }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try scalar(key).boolean() }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try scalar(key).text() }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try scalar(key).decimal() }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { Float(try scalar(key).decimal()) }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try scalar(key).whole() }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try scalar(key).whole() }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try scalar(key).whole() }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try scalar(key).whole() }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try scalar(key).whole() }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try scalar(key).whole() }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try scalar(key).whole() }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try scalar(key).whole() }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try scalar(key).whole() }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try scalar(key).whole() }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let found = try scalar(key)
    return try found.rules.value(type, of: found.node, at: found.path)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    let found = try scalar(key)
    return try NodeDecoder(found.node, found.rules, found.path).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    let found = try scalar(key)
    return try NodeDecoder(found.node, found.rules, found.path).unkeyedContainer()
  }

  func superDecoder() -> any Decoder { decoder }
  func superDecoder(forKey key: Key) throws -> any Decoder {
    let found = try scalar(key)
    return NodeDecoder(found.node, found.rules, found.path)
  }
}

private struct Elements: UnkeyedDecodingContainer {
  let decoder: NodeDecoder
  let elements: [TextTree]
  private(set) var currentIndex = 0

  init(decoder: NodeDecoder, elements: [TextTree]) {
    self.decoder = decoder
    self.elements = elements
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private func here() throws -> Scalar {
    guard !isAtEnd else { throw TextFailure("is missing", at: decoder.path + [String(currentIndex)]) }
    return Scalar(elements[currentIndex], decoder.rules, decoder.path, step: String(currentIndex))
  }

  mutating func decodeNil() throws -> Bool {
    guard try here().isNull() else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let found = try here()
    let value = try found.rules.value(type, of: found.node, at: found.path)
    currentIndex += 1
    return value
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try superDecoder().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try superDecoder().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder {
    let found = try here()
    currentIndex += 1
    return NodeDecoder(found.node, found.rules, found.path)
  }
}

private struct Single: SingleValueDecodingContainer {
  let scalar: Scalar

  var codingPath: [any CodingKey] { scalar.path.map(PathKey.init(stringValue:)) }

  func decodeNil() -> Bool { scalar.node == .null }
  func decode(_ type: Bool.Type) throws -> Bool { try scalar.boolean() }
  func decode(_ type: String.Type) throws -> String { try scalar.text() }
  func decode(_ type: Double.Type) throws -> Double { try scalar.decimal() }
  func decode(_ type: Float.Type) throws -> Float { Float(try scalar.decimal()) }
  func decode(_ type: Int.Type) throws -> Int { try scalar.whole() }
  func decode(_ type: Int8.Type) throws -> Int8 { try scalar.whole() }
  func decode(_ type: Int16.Type) throws -> Int16 { try scalar.whole() }
  func decode(_ type: Int32.Type) throws -> Int32 { try scalar.whole() }
  func decode(_ type: Int64.Type) throws -> Int64 { try scalar.whole() }
  func decode(_ type: UInt.Type) throws -> UInt { try scalar.whole() }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try scalar.whole() }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try scalar.whole() }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try scalar.whole() }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try scalar.whole() }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    try scalar.rules.value(type, of: scalar.node, at: scalar.path)
  }
}
