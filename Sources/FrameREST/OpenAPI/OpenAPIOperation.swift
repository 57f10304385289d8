import Foundation
import FrameAPI
import FrameCore

extension OpenAPIDocument {
  /// What an operation takes, as the document says it: the routes refuse everything else, so that the two cannot differ.
  package struct Operation: Sendable, Equatable {
    /// The parameters of the query.
    package let query: Set<String>
    /// Types of the body; empty: it takes none. `*/*`: whatever it is said to be.
    package let bodyTypes: [String]

    static let unknown = Operation(query: [], bodyTypes: [])

    init(query: Set<String>, bodyTypes: [String]) {
      self.query = query
      self.bodyTypes = bodyTypes
    }

    init(_ operation: TextTree, of item: TextTree, in document: TextTree) {
      let parameters = (item["parameters"]?.list ?? []) + (operation["parameters"]?.list ?? [])
      query = Set(
        parameters.compactMap { parameter in
          let parameter = document.resolving(parameter)
          return parameter["in"]?.string == "query" ? parameter["name"]?.string : nil
        })
      let body = operation["requestBody"].map(document.resolving)
      bodyTypes = (body?["content"]?.members ?? []).map(\.name)
    }

    /// - Throws: ``RequestError``.
    func admit(_ body: Data, type: String?) throws(RequestError) {
      guard !body.isEmpty else { return }
      guard !bodyTypes.isEmpty else {
        guard (try? TextTree(json: body, JSONReader.Limits(bytes: 64))) == .object([]) else { throw .bodyUnexpected }
        return
      }
      // Written as the document has it, nearly always.
      guard let type, !bodyTypes.contains(type), !bodyTypes.contains("*/*") else { return }
      let parts = type.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
      let charset = parts.dropFirst().filter { $0.hasPrefix("charset=") }
      guard let name = parts.first, bodyTypes.contains(name),
        charset.allSatisfy({ ["charset=utf-8", "charset=\"utf-8\""].contains($0) })
      else { throw .contentType(type, takes: bodyTypes) }
    }
  }

  /// - Parameter path: a template, as it is registered.
  package static func operation(_ method: String, _ path: String) -> Operation {
    operations["\(method) \(path)"] ?? .unknown
  }
}

extension TextTree {
  /// What a `$ref` within this document leads to; anything else as it is.
  func resolving(_ node: TextTree) -> TextTree {
    guard let reference = node["$ref"]?.string, reference.hasPrefix("#/") else { return node }
    return reference.dropFirst(2).split(separator: "/").reduce(self) { $0[String($1)] ?? .null }
  }
}
