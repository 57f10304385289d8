import Foundation
import FrameCore
import FrameIdentity
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("The authority's keys and the registration entries over the API")
struct AuthorityRoutesTests {
  private func keys(_ api: TestAPI, _ kind: String) async throws -> [JSON] {
    try await api.get("/api/v1/authority").expect(200).json[kind]["keys"].array
  }

  @Test("S8, S16: an operator rotates a key step by step, and none out of order")
  func steps() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let first = try #require(try await keys(api, "x509")[0]["id"].string)
        let path = "/api/v1/authority/x509"
        #expect(try await api.post(path + "/activate", [:]).expect(409).json["code"] == "authority_nothing_prepared")
        let prepared = try await api.post(path + "/prepare", [:]).expect(200).json
        #expect(prepared["action"] == "prepared" && prepared["sequence"] == 2)
        #expect(try await api.post(path + "/prepare", [:]).expect(409).json["code"] == "authority_already_prepared")
        #expect(try await api.post(path + "/activate", [:]).expect(409).json["code"] == "authority_too_early")
        #expect(
          try await api.post(path + "/taint", ["authority_id": .string(first)]).expect(409).json["code"]
            == "authority_not_old")
        // Seen by everyone: one refresh and an SVID's life later it needs no force.
        fixture.clock.advance(by: .seconds(3901))
        let activated = try await api.post(path + "/activate", [:], token: fixture.authority()).expect(200).json
        #expect(activated["authority_id"] == prepared["authority_id"] && activated["forced"] == false)
        let token: String?? = try await fixture.authority()
        #expect(
          try await api.post(path + "/revoke", ["authority_id": .string(first)], token: token).expect(409).json["code"]
            == "authority_not_tainted")
        try await api.post(path + "/taint", ["authority_id": .string(first)], token: token).expect(200)
        try await api.post(path + "/revoke", ["authority_id": .string(first)], token: token).expect(200)
        #expect(fixture.node.authority.records(.x509).map(\.state) == [.active])
        let events = try await fixture.node.writer.read { $0.identity.logged.sequence }
        #expect(events == 5 && fixture.node.authority.unlogged.isEmpty)
      }
    }
  }

  @Test("S8: a token signed by a revoked key is refused from that moment on")
  func revokedTokens() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let old = api.authority
        try await api.get("/api/v1/agents").expect(200)
        let first = fixture.node.authority.activeID(.jwt)
        try await api.post("/api/v1/authority/jwt/prepare", [:]).expect(200)
        try await api.post("/api/v1/authority/jwt/activate", ["force": true]).expect(200)
        try await api.get("/api/v1/agents", token: old).expect(200)
        let new: String?? = try await fixture.authority()
        try await api.post("/api/v1/authority/jwt/taint", ["authority_id": .string(first)], token: new).expect(200)
        try await api.post("/api/v1/authority/jwt/revoke", ["authority_id": .string(first)], token: new).expect(200)
        #expect(try await api.get("/api/v1/agents", token: old).expect(401).json["code"] == "token_unknown_key")
        try await api.get("/api/v1/agents", token: new).expect(200)
      }
    }
  }

  @Test("only the frame's authority sees or touches keys and entries")
  func access() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.post("/api/v1/agents", ["name": "alice"]).expect(201)
        let alice: String?? = try await fixture.agent("alice")
        for path in ["/api/v1/authority", "/api/v1/entries"] {
          try await api.get(path, token: alice).expect(403)
          try await api.get(path, token: .some(nil)).expect(401)
        }
        for path in ["/api/v1/authority/x509/prepare", "/api/v1/entries"] {
          try await api.post(path, [:], token: alice).expect(403)
        }
        #expect(
          try await api.post("/api/v1/authority/ssh/prepare", [:]).expect(400).json["code"]
            == "invalid_authority_kind")
        #expect(fixture.node.authority.sequence == 1)
      }
    }
  }

  @Test("S9: a registration entry is made, listed and deleted, and says what is wrong with it")
  func entries() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let made = try await api.post(
          "/api/v1/entries",
          ["spiffe_id": "/agent/alice", "selectors": ["unix:uid:1000", "unix:gid:7"], "x509_svid_ttl_seconds": 600]
        ).expect(201).json
        #expect(made["spiffe_id"] == "spiffe://frame-a.example/agent/alice")
        #expect(made["selectors"] == ["unix:gid:7", "unix:uid:1000"] && made["x509_svid_ttl_seconds"] == 600)
        let id = try #require(made["entry_id"].string)
        #expect(try await api.get("/api/v1/entries").expect(200).json["entries"].array == [made])
        #expect(try await api.get("/api/v1/entries/\(id)").expect(200).json == made)
        let refused: [(JSON, Int, String)] = [
          (["spiffe_id": "/x", "selectors": ["uid:1"]], 400, "entry_bad_selector"),
          (["spiffe_id": "/x", "selectors": []], 400, "entry_no_selectors"),
          (["spiffe_id": "/node", "selectors": ["unix:uid:1"]], 400, "entry_reserved_id"),
          (["spiffe_id": "/agent/alice", "selectors": ["unix:uid:1000", "unix:gid:7"]], 409, "entry_exists"),
          (["spiffe_id": "/x", "selectors": ["unix:uid:1"], "x509_svid_ttl_seconds": 3601], 400, "entry_lifetime"),
          (["spiffe_id": "/x", "selectors": ["unix:uid:1"], "x509_svid_ttl_seconds": 29], 400, "entry_lifetime"),
          (["spiffe_id": "/x", "selectors": ["unix:uid:1"], "jwt_svid_ttl_seconds": 0], 400, "entry_lifetime"),
        ]
        for (body, status, code) in refused {
          #expect(try await api.post("/api/v1/entries", body).expect(status).json["code"] == .string(code))
        }
        try await api.post("/api/v1/entries/\(id)/delete", ["reason": "over"]).expect(200)
        #expect(try await api.get("/api/v1/entries/\(id)").expect(404).json["code"] == "entry_unknown")
        #expect(try await api.get("/api/v1/entries").expect(200).json["entries"].array.isEmpty)
      }
    }
  }
}
