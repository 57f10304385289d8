import Foundation
import FrameAPI
import FrameCore
import Yams

/// `openapi.yaml`, as far as the contract test looks into it.
struct Document {
  typealias Node = [String: Any]

  private let components: Node

  init() throws {
    let text = String(decoding: OpenAPISource.yaml, as: UTF8.self)
    guard let root = try Yams.load(yaml: text) as? Node, let components = root["components"] as? Node else {
      throw TextFailure("is no OpenAPI document")
    }
    self.components = components
  }

  /// - Parameter place: `schemas/Agent`, `responses/Frame`, `requestBodies/Force`.
  func schema(at place: String) -> Node? {
    let parts = place.split(separator: "/").map(String.init)
    guard parts.count == 2, let component = (components[parts[0]] as? Node)?[parts[1]] as? Node else { return nil }
    guard parts[0] != "schemas" else { return component }
    return Self.content(of: component)
  }

  private static func content(of component: Node) -> Node? {
    let content = component["content"] as? Node
    return (content?["application/json"] as? Node)?["schema"] as? Node
  }

  /// The places of all schemas that are objects with members of their own.
  func objects() -> [String] {
    components.flatMap { kind, entries -> [String] in
      guard ["schemas", "responses", "requestBodies"].contains(kind), let entries = entries as? Node else { return [] }
      return entries.keys.map { "\(kind)/\($0)" }.filter { schema(at: $0)?["properties"] != nil }
    }
  }

  /// What a type and a schema do not have in common, a line each.
  func differences(_ schema: Node, _ shape: TypeShape, at place: String) -> [String] {
    let schema = resolved(schema)
    switch shape {
    case .object(let members):
      guard let properties = schema["properties"] as? Node else { return ["\(place): the type is an object"] }
      let names = Dictionary(uniqueKeysWithValues: members.map { (Self.snake($0.key), $0.value) })
      var found = Set(names.keys).subtracting(properties.keys).map { "\(place): the document lacks \($0)" }
      found += Set(properties.keys).subtracting(names.keys).map { "\(place): the type lacks \($0)" }
      found += requirements(schema, names, Set(properties.keys), at: place)
      for (name, member) in names {
        guard let property = properties[name] as? Node else { continue }
        found += differences(property, member.shape, at: "\(place).\(name)")
      }
      return found
    case .list(let element):
      guard schema["type"] as? String == "array", let items = schema["items"] as? Node else {
        return ["\(place): the type is a list"]
      }
      return differences(items, element, at: "\(place)[]")
    case .string: return expect("string", schema, place)
    case .boolean: return expect("boolean", schema, place)
    case .integer: return expect("integer", schema, place)
    case .number: return expect("number", schema, place)
    case .free: return schema["properties"] == nil ? [] : ["\(place): the type reads itself"]
    }
  }

  /// A body says what is required; an answer what may be missing.
  private func requirements(
    _ schema: Node, _ members: [String: TypeShape.Member], _ properties: Set<String>, at place: String
  ) -> [String] {
    let optional = Set(members.filter(\.value.isOptional).keys).intersection(properties)
    if let may = schema["x-optional"] as? [String] {
      return Set(may) == optional ? [] : ["\(place): x-optional is not \(optional.sorted())"]
    }
    guard let must = schema["required"] as? [String] else {
      return isBody(place) || optional.isEmpty
        ? optional.count == properties.count || optional.isEmpty ? [] : ["\(place): nothing is required"]
        : ["\(place): x-optional is missing: \(optional.sorted())"]
    }
    return Set(must) == properties.subtracting(optional) ? [] : ["\(place): required is not the rest of \(optional)"]
  }

  private func isBody(_ place: String) -> Bool {
    guard place.hasPrefix("schemas/") else { return place.hasPrefix("requestBodies/") }
    let reference = "#/components/\(place)"
    return ((components["requestBodies"] as? Node) ?? [:]).values.contains { body in
      (body as? Node).flatMap(Self.content)?["$ref"] as? String == reference
    }
  }

  private func expect(_ type: String, _ schema: Node, _ place: String) -> [String] {
    let written = schema["type"] as? String ?? (schema["oneOf"] != nil ? "one of several" : "nothing")
    return written == type ? [] : ["\(place): the type is \(type), the document says \(written)"]
  }

  private func resolved(_ schema: Node) -> Node {
    guard let reference = schema["$ref"] as? String,
      let found = self.schema(at: reference.replacing("#/components/", with: ""))
    else { return schema }
    return resolved(found)
  }

  /// `maxLength` of members with these names, wherever they are.
  func lengths(of names: Set<String>) -> [(place: String, length: Int)] {
    func walk(_ node: Any, _ place: String) -> [(String, Int)] {
      guard let node = node as? Node else { return [] }
      return node.flatMap { name, value -> [(String, Int)] in
        var found = walk(value, "\(place)/\(name)")
        if names.contains(name), let length = (value as? Node)?["maxLength"] as? Int {
          found.append(("\(place)/\(name)", length))
        }
        return found
      }
    }
    return walk(components, "#").map { (place: $0.0, length: $0.1) }
  }

  private static func snake(_ name: String) -> String {
    name.reduce(into: "") { text, letter in text += letter.isUppercase ? "_" + letter.lowercased() : String(letter) }
  }
}
