import Foundation
import FrameLedger
import FrameCore
import Hummingbird
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The OpenAPI document")
struct OpenAPITests {
  private static let methods: Set = ["get", "post", "put", "patch", "delete", "head", "options"]

  private func document() throws -> JSON { try JSON(Array(OpenAPIDocument.json())) }

  @Test("it is valid YAML and the same document as JSON")
  func parses() throws {
    let document = try document()
    #expect(document["openapi"].string?.hasPrefix("3.1") == true)
    #expect(document["info"]["title"].string?.isEmpty == false)
    #expect(document["info"]["version"].string?.isEmpty == false)
    #expect(document["servers"].array.count == 1 && document["tags"].array.count > 5)
    // What is served as YAML is the same, by our own reader and by others'.
    var limits = YAMLDocument.Limits()
    (limits.bytes, limits.nodes) = (1 << 20, 100_000)
    let yaml = try YAMLDocument(OpenAPIDocument.yaml(), limits).root
    #expect(yaml == (try OpenAPIDocument.current().tree))
    #expect(try JSON(Array(yaml.json().utf8)) == document)
  }

  @Test("it names exactly the paths and methods that the node serves")
  func routes() async throws {
    let document = try document()
    let described = document["paths"].fields.flatMap { path, item in
      item.fields.keys.filter(Self.methods.contains).map { "\($0.uppercased()) \(path)" }
    }
    let served = try await NodeFixture.with { fixture in
      fixture.parts.apiRoutes().routes.all.map { "\($0.method.rawValue) \($0.path)" }
    }
    #expect(Set(described) == Set(served))
    #expect(Set(served).count == served.count, "a route is registered twice")
    #expect(served.count > 25)
  }

  @Test("every reference in it leads somewhere")
  func references() throws {
    let document = try document()
    var count = 0
    for reference in Self.references(in: document) {
      let parts = reference.split(separator: "/").map(String.init)
      #expect(parts.first == "#", "\(reference)")
      let target = parts.dropFirst().reduce(document) { $0[$1] }
      #expect(target != .null, "\(reference) leads nowhere")
      count += 1
    }
    #expect(count > 50)
  }

  @Test("every component is used")
  func components() throws {
    let document = try document()
    let used = Set(Self.references(in: document))
    for (kind, components) in document["components"].fields where kind != "securitySchemes" {
      for name in components.fields.keys {
        #expect(used.contains("#/components/\(kind)/\(name)"), "\(kind)/\(name) is used nowhere")
      }
    }
  }

  @Test("every operation says what it does, what it answers, and declares its path parameters")
  func operations() throws {
    for (path, item) in try document()["paths"].fields {
      let templated = Set(path.matches(of: /\{(\w+)\}/).map { String($0.output.1) })
      let parameters = item["parameters"].array.map { parameter in
        parameter["$ref"].string?.split(separator: "/").last.map(String.init) ?? parameter["name"].string ?? ""
      }
      #expect(templated == Set(parameters), "\(path)")
      for (method, operation) in item.fields where Self.methods.contains(method) {
        #expect(operation["summary"].string?.isEmpty == false, "\(method) \(path)")
        #expect(!operation["responses"].fields.isEmpty, "\(method) \(path)")
        #expect(operation["operationId"].string?.isEmpty == false, "\(method) \(path)")
        #expect(operation["tags"].array.count == 1, "\(method) \(path)")
        #expect(operation["responses"]["default"] == .null, "\(method) \(path): each status is named")
        var statuses = ["400", "413", "500", "503"]
        if operation["security"] != .list([]) { statuses += ["401", "403", "404", "429"] }
        for status in statuses {
          #expect(operation["responses"][status] != .null, "\(method) \(path) does not say how it fails with \(status)")
        }
      }
    }
  }

  @Test("operations that move money require an idempotency key, and the node agrees")
  func keys() async throws {
    let document = try document()
    let described = document["paths"].fields.filter { _, item in
      item["post"]["parameters"].array.contains { $0["$ref"] == "#/components/parameters/key" }
    }.map(\.key).sorted()
    #expect(
      described == [
        "/api/v1/bridge/lock", "/api/v1/bridge/redeem", "/api/v1/burn", "/api/v1/fees/collect", "/api/v1/holds",
        "/api/v1/holds/{id}/capture", "/api/v1/holds/{id}/release", "/api/v1/issue", "/api/v1/transfers",
        "/api/v1/transfers/batch",
        "/teg/cross-registry-transfer",
      ])
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        for path in described {
          var body: [String: JSON] = ["amount": "1.00"]
          if ["lock", "redeem", "transfers", "cross-registry-transfer", "holds"].contains(
            path.split(separator: "/").last)
          {
            body["from"] = "alice"
          }
          if path.hasSuffix("/transfers") { body["to"] = "bob" }
          if ["lock", "redeem", "cross-registry-transfer"].contains(path.split(separator: "/").last) {
            body["to"] = "bob@frame-b.example"
          }
          if path.hasSuffix("redeem") { body["origin"] = "frame-b.example" }
          if path.hasSuffix("batch") { body = ["from": "alice", "transfers": [["to": "bob", "amount": "1.00"]]] }
          if path.hasSuffix("holds") { body["expires_in_seconds"] = 60 }
          if path.hasSuffix("release") { body = [:] }
          try await api.post(path, .object(body)).expectProblem(400, "idempotency_key_missing")
        }
      }
    }
  }

  @Test("it is served to anyone as YAML and as JSON")
  func served() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let yaml = try await api.get("/openapi.yaml", token: .some(nil)).expect(200)
        #expect(yaml.headers[.contentType] == "application/yaml")
        #expect(try yaml.bytes == Array(OpenAPIDocument.yaml()))
        let json = try await api.get("/openapi.json", token: .some(nil)).expect(200)
        #expect(json.headers[.contentType] == "application/json")
        #expect(json.json["paths"].fields.count > 20)
      }
    }
  }

  @Test("no body may have other members, each operation has a name of its own, and bodies are what the routes read")
  func strict() async throws {
    let document = try document()
    var ids: Set<String> = []
    for (path, item) in document["paths"].fields {
      for (method, operation) in item.fields where Self.methods.contains(method) {
        #expect(ids.insert(operation["operationId"].string ?? "").inserted, "\(method) \(path)")
      }
    }
    for name in ["Transfer", "OutgoingTransfer", "TransferBatch", "NewHold", "NewEntry", "Proposal", "Reason"] {
      #expect(document["components"]["schemas"][name]["additionalProperties"] == false, "\(name)")
    }
    #expect(document["components"]["schemas"]["Receipt"]["required"].array.contains("position"))
    #expect(!document["components"]["schemas"]["Receipt"]["required"].array.contains("fee"))
    #expect(!Self.names(in: document).contains("x-optional"))
    #expect(document["components"]["schemas"]["Memo"]["maxLength"] == .integer(Int64(TextLimit.memo.most)))
    #expect(OpenAPIDocument.operation("GET", "/api/v1/holds").query == ["agent", "limit"])
    #expect(OpenAPIDocument.operation("POST", "/api/v1/sni/reload").bodyTypes == [])
  }

  @Test("it is made once and has an entity tag, so that who has it is told only that")
  func cached() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for path in ["/openapi.json", "/openapi.yaml"] {
          let tag = try #require(try await api.get(path, token: .some(nil)).expect(200).headers[.eTag])
          let response = try await api.client.executeRequest(
            uri: path, method: .get, headers: [.ifNoneMatch: "\"other\", \(tag)"], body: nil)
          #expect(response.status == .notModified && response.body.readableBytes == 0)
          #expect(response.headers[.eTag] == tag)
        }
      }
    }
  }

  private static func names(in value: JSON) -> Set<String> {
    switch value {
    case .object(let fields): fields.reduce(into: []) { $0.formUnion(names(in: $1.value).union([$1.key])) }
    case .list(let list): list.reduce(into: []) { $0.formUnion(names(in: $1)) }
    default: []
    }
  }

  private static func references(in value: JSON) -> [String] {
    switch value {
    case .object(let fields):
      fields.flatMap { name, field in name == "$ref" ? [field.string ?? ""] : references(in: field) }
    case .list(let list): list.flatMap(references)
    default: []
    }
  }
}
