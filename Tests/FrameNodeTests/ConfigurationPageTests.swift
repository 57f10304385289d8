import Foundation
import FrameCore
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// docs/configuration.md and the reader of frame.yaml say the same.
@Suite("The page of all settings")
struct ConfigurationPageTests {
  private struct Row {
    let name: String
    let standard: String
    let change: String
  }

  private func rows() throws -> [Row] {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("docs/configuration.md")
    return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard cells.count == 8, cells[1].hasPrefix("`") else { return nil }
      return Row(name: cells[1].trimmingCharacters(in: ["`"]), standard: cells[3], change: cells[5])
    }
  }

  @Test("every setting that the reader knows is on the page once, and the page names no other")
  func names() throws {
    let known = try AskedNames.of(ConfigurationFile.self)
    let written = try rows().map(\.name)
    #expect(known.count > 50)
    #expect(Set(written) == known, "\(Set(written).symmetricDifference(known).sorted())")
    #expect(written.count == Set(written).count)
  }

  @Test("the defaults on the page are those of a file that leaves them out, and what it says of a change is so")
  func defaults() throws {
    let configuration = try NodeConfiguration.parse(
      "frame_id: frame-a.example\ncurrency: {code: AVT, scale: 2}\n", file: "frame.yaml",
      directory: URL(fileURLWithPath: "/srv/frame"), environment: [:])
    let written = try YAMLDocument(Data(configuration.yaml().utf8))
    var compared = 0
    for row in try rows() {
      if row.standard == "needed" { continue }
      guard let value = row.standard.wholeMatch(of: /`([^`]*)`/)?.output.1 else { continue }
      var node: TextTree? = written.root
      for step in row.name.split(separator: ".") { node = node?[String(step)] }
      guard case let found? = node else { continue }
      let (given, expected) = (found.string ?? found.json(), String(value))
      let isSame =
        given == expected || (Decimal(string: given) != nil && Decimal(string: given) == Decimal(string: expected))
      #expect(isSame, "\(row.name): \(given), and the page says \(expected)")
      compared += 1
    }
    #expect(compared > 30)
    let changes = Dictionary(grouping: try rows(), by: \.change).mapValues { $0.map(\.name) }
    #expect(changes["SIGHUP"] == ["sni.map"])
    #expect(changes["new log"] == ["frame_id", "currency.code", "currency.scale"])
    #expect(Set(changes.keys) == ["SIGHUP", "new log", "restart"])
  }
}

/// The names that a `Decodable` type asks for, with those of its parts. Everything is there, and is nothing.
private final class AskedNames {
  private(set) var names: Set<String> = []

  static func of<T: Decodable>(_ type: T.Type) throws -> Set<String> {
    let asked = AskedNames()
    _ = try T(from: Node(asked: asked, path: []))
    return asked.names
  }

  private struct Node: Decoder {
    let asked: AskedNames
    let path: [String]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
      KeyedDecodingContainer(Members<Key>(node: self))
    }
    func unkeyedContainer() -> any UnkeyedDecodingContainer { Elements(node: self) }
    func singleValueContainer() -> any SingleValueDecodingContainer { Value(node: self) }

    /// A part's own parts are asked for; what has none is a setting.
    func value<T: Decodable>(_ type: T.Type) throws -> T {
      if let leaf = Self.leaf(type) {
        asked.names.insert(path.joined(separator: "."))
        return leaf
      }
      return try T(from: self)
    }

    static func leaf<T>(_ type: T.Type) -> T? {
      let values: [Any] = ["", 0, 0.0, false, [String: String]()]
      return values.lazy.compactMap { $0 as? T }.first
    }
  }

  private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let node: Node
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { [] }
    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      try Node(asked: node.asked, path: node.path + [key.stringValue]).value(type)
    }
    func superDecoder() -> any Decoder { node }
    func superDecoder(forKey key: Key) -> any Decoder { node }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer { Elements(node: node) }
    func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type, forKey key: Key) -> KeyedDecodingContainer<Inner> {
      node.container(keyedBy: type)
    }
  }

  private struct Elements: UnkeyedDecodingContainer {
    let node: Node
    var codingPath: [any CodingKey] { [] }
    var count: Int? { 1 }
    var currentIndex = 0
    var isAtEnd: Bool { currentIndex == 1 }
    init(node: Node) { self.node = node }
    func decodeNil() -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
      currentIndex += 1
      return try node.value(type)
    }
    func superDecoder() -> any Decoder { node }
    func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer { self }
    func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedDecodingContainer<Inner> {
      node.container(keyedBy: type)
    }
  }

  private struct Value: SingleValueDecodingContainer {
    let node: Node
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { false }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try node.value(type) }
  }
}
