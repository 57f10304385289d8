import Foundation
import FrameCore
import Hummingbird
import Testing
import Yams

@testable import FrameNode

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
    #expect(try Yams.load(yaml: OpenAPIDocument.yaml) is [String: Any])
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
        if operation["security"] != .list([]) {
          #expect(operation["responses"]["default"] != .null, "\(method) \(path) does not say how it fails")
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
          let answer = try await api.post(
            path, ["from": "alice", "to": "bob@frame-b.example", "origin": "frame-b.example", "amount": "1.00"])
          if path == "/api/v1/transfers" {
            // Within the frame the receiver is a bare name.
            try await api.post(path, ["from": "alice", "to": "alice", "amount": "1.00"])
              .expectProblem(400, "idempotency_key_missing")
          } else {
            answer.expectProblem(400, "idempotency_key_missing")
          }
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
        #expect(yaml.text == OpenAPIDocument.yaml)
        let json = try await api.get("/openapi.json", token: .some(nil)).expect(200)
        #expect(json.headers[.contentType] == "application/json")
        #expect(json.json["paths"].fields.count > 20)
      }
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
