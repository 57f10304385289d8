import Crypto
import Foundation
import FrameAPI
import FrameConfiguration
import FrameCore

/// The document as it is served: made once, out of what is written by hand and what follows from it.
///
/// By hand: what an operation does, takes and answers when it works. What follows: how it can fail, which tag it has, that a body
/// has no other members than those named, and which members an answer always has.
struct OpenAPIEdition: Sendable {
  let tree: TextTree
  let json: Data
  let yaml: Data
  /// Of either form, for `If-None-Match`.
  let jsonTag: String
  let yamlTag: String
  let operations: [String: OpenAPIDocument.Operation]

  /// - Throws: `YAMLDocument.Failure` for a text that is no YAML; a test reads all of it.
  init(_ source: Data) throws {
    var limits = YAMLDocument.Limits()
    limits.nodes = 100_000
    tree = Self.complete(try YAMLDocument(source, limits).root)
    json = Data((tree.json() + "\n").utf8)
    yaml = Data(YAMLText.of(tree).utf8)
    (jsonTag, yamlTag) = (Self.tag(json), Self.tag(yaml))
    var operations: [String: OpenAPIDocument.Operation] = [:]
    for path in tree["paths"]?.members ?? [] {
      for method in path.value.members ?? [] where Self.methods.contains(method.name) {
        operations["\(method.name.uppercased()) \(path.name)"] = .init(method.value, of: path.value, in: tree)
      }
    }
    self.operations = operations
  }

  static let methods: Set = ["get", "post"]

  private static func tag(_ bytes: Data) -> String {
    "\""
      + SHA256.hash(data: bytes).prefix(16).map { byte in
        let hex = String(byte, radix: 16)
        return hex.utf8.count == 1 ? "0" + hex : hex
      }.joined() + "\""
  }

  // MARK: What follows

  private static func complete(_ source: TextTree) -> TextTree {
    let bodies = reachable(from: source["components"]?["requestBodies"] ?? .null, in: source)
    return map(source) { member in
      switch member.name {
      case "paths": return .init("paths", paths(member.value))
      case "components":
        return .init(
          "components",
          map(member.value) { part in
            switch part.name {
            case "schemas":
              return .init(
                "schemas",
                map(part.value) { .init($0.name, bodies.contains($0.name) ? closed($0.value) : answered($0.value)) })
            case "responses": return .init(part.name, answered(part.value))
            case "requestBodies": return .init(part.name, closed(part.value))
            default: return part
            }
          })
      default: return member
      }
    }
  }

  private static func paths(_ paths: TextTree) -> TextTree {
    map(paths) { path in
      .init(
        path.name,
        map(path.value) { method in
          guard methods.contains(method.name), case .object(var members) = method.value else { return method }
          let hasID = path.name.contains("{")
          members.insert(.init("tags", .list([.string(tag(of: path.name))])), at: min(1, members.count))
          let failures = failures(of: method, hasID: hasID)
          members = members.map { member in
            guard member.name == "responses", case .object(let known) = member.value else { return member }
            let missing = failures.filter { status in !known.contains { $0.name == status } }
            return .init("responses", .object(known + missing.map { .init($0, problem) }))
          }
          return .init(method.name, .object(members))
        })
    }
  }

  private static let problem = TextTree.object([.init("$ref", .string("#/components/responses/Problem"))])

  /// Every status by which an operation may fail.
  private static func failures(of method: TextTree.Member, hasID: Bool) -> [String] {
    let isOpen = method.value["security"]?.list?.isEmpty == true
    var statuses = ["400", "413", "500", "503"]
    if !isOpen { statuses += ["401", "403", "404", "409", "422", "429"] }
    if hasID { statuses.append("404") }
    if method.value["requestBody"] != nil { statuses.append("415") }
    return Set(statuses).sorted()
  }

  static let tags: [(prefix: String, name: String)] = [
    ("/api/v1/agents", "agents"), ("/api/v1/operators", "operators"), ("/api/v1/sni", "operators"),
    ("/api/v1/transfers", "money"), ("/api/v1/issue", "money"), ("/api/v1/burn", "money"), ("/api/v1/fees", "money"),
    ("/api/v1/holds", "holds"), ("/teg/", "peers' money"), ("/api/v1/bridge", "bridge"), ("/api/v1/peers", "peers"),
    ("/api/v1/authority", "identity"), ("/api/v1/entries", "identity"), ("/api/v1/audit", "log"),
    ("/api/v1/supply", "log"), ("/api/v1/log", "log"), ("/log/", "log"), ("/witness/", "log"),
  ]

  private static func tag(of path: String) -> String { tags.first { path.hasPrefix($0.prefix) }?.name ?? "node" }

  /// Names of the schemas that bodies are made of.
  private static func reachable(from node: TextTree, in document: TextTree) -> Set<String> {
    var (names, open): (Set<String>, [TextTree]) = ([], [node])
    while let node = open.popLast() {
      switch node {
      case .object(let members):
        for member in members {
          if member.name == "$ref", let name = member.value.string?.split(separator: "/").last.map(String.init),
            names.insert(name).inserted, let schema = document["components"]?["schemas"]?[name]
          {
            open.append(schema)
          }
          open.append(member.value)
        }
      case .list(let elements): open += elements
      default: break
      }
    }
    return names
  }

  /// No object in it has other members than those it names.
  private static func closed(_ node: TextTree) -> TextTree {
    switch node {
    case .list(let elements): return .list(elements.map(closed))
    case .object(let members):
      let inner = members.map { TextTree.Member($0.name, closed($0.value)) }
      guard node["type"] == .string("object"), node["properties"] != nil, node["additionalProperties"] == nil else {
        return .object(inner)
      }
      return .object(inner + [.init("additionalProperties", .boolean(false))])
    default: return node
    }
  }

  /// Each object in it has all members that it names, but those of `x-optional`.
  private static func answered(_ node: TextTree) -> TextTree {
    switch node {
    case .list(let elements): return .list(elements.map(answered))
    case .object(let members):
      let optional = Set((node["x-optional"]?.list ?? []).compactMap(\.string))
      var inner = members.filter { $0.name != "x-optional" }.map { TextTree.Member($0.name, answered($0.value)) }
      if node["type"] == .string("object"), let properties = node["properties"]?.members, node["required"] == nil {
        let required = properties.map(\.name).filter { !optional.contains($0) }
        if !required.isEmpty { inner.append(.init("required", .list(required.map(TextTree.string)))) }
      }
      return .object(inner)
    default: return node
    }
  }

  private static func map(_ node: TextTree, _ change: (TextTree.Member) -> TextTree.Member) -> TextTree {
    guard case .object(let members) = node else { return node }
    return .object(members.map(change))
  }
}
