import FrameCore
import FrameIdentity
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Who may call the API")
struct AuthenticationTests {
  @Test("without a token only the public paths answer")
  func anonymous() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for path in ["/api/v1/frame", "/api/v1/log/checkpoint", "/openapi.yaml", "/openapi.json"] {
          try await api.get(path, token: .some(nil)).expect(200)
        }
        for path in ["/api/v1/agents", "/api/v1/peers", "/api/v1/supply", "/api/v1/log/events", "/api/v1/metrics"] {
          let answer = try await api.get(path, token: .some(nil)).expectProblem(401, "unauthenticated")
          #expect(answer.headers[.wwwAuthenticate] == "Bearer")
        }
        try await api.post("/api/v1/transfers", ["to": "bob", "amount": "1"], key: "k", token: .some(nil))
          .expectProblem(401, "unauthenticated")
      }
    }
  }

  @Test(
    "with an authority elsewhere, its tokens count for everyone, and those of the data folder for the command line alone"
  )
  func authorityElsewhere() async throws {
    let frame = try FrameID("frame-a.example")
    let alice = SPIFFEID.agent(try AgentName("alice"), of: frame)
    let (elsewhere, folder) = (try FrameAuthority.ephemeral(frame: frame), try FrameAuthority.ephemeral(frame: frame))
    func authenticator(local: FrameAuthority) -> BearerAuthenticator {
      BearerAuthenticator(
        frame: frame, bundles: elsewhere,
        local: LocalTokens(bundle: local.bundle, subjects: [.authority(of: frame)]), clock: SystemClock(), metrics: nil)
    }
    func code(_ authenticator: BearerAuthenticator, _ authority: FrameAuthority, _ id: SPIFFEID) async throws -> String?
    {
      let token = try await authority.issueJWTSVID(for: id, audience: [SPIFFEID.api(of: frame).description]).token
      do {
        #expect(try await authenticator.authenticate(token).id == id)
        return nil
      } catch { return (error as? any FrameError)?.code ?? "\(error)" }
    }
    let apart = authenticator(local: folder)
    #expect(try await code(apart, elsewhere, alice) == nil)
    #expect(try await code(apart, elsewhere, .authority(of: frame)) == nil)
    #expect(try await code(apart, folder, .authority(of: frame)) == nil)
    #expect(try await code(apart, folder, alice) == "token_not_of_authority")
    #expect(try await code(apart, try FrameAuthority.ephemeral(frame: frame), alice) == "token_unknown_key")
    // The authority elsewhere may have been given the very keys of the folder.
    #expect(try await code(authenticator(local: elsewhere), elsewhere, alice) == nil)
  }

  @Test("S15: a token that is not one of ours is refused, each for its own reason")
  func foreignTokens() async throws {
    try await NodeFixture.with { fixture in
      let elsewhere = try FrameID("frame-b.example")
      let keys = KeyDirectory(path: fixture.folder.appendingPathComponent("other-keys").path)
      let other = try FrameAuthority.create(frame: elsewhere, in: keys)
      let api = SPIFFEID.api(of: fixture.frame).description
      let foreign = try await other.issueJWTSVID(for: .authority(of: elsewhere), audience: [api]).token
      let impostorKeys = KeyDirectory(path: fixture.folder.appendingPathComponent("impostor-keys").path)
      let impostor = try FrameAuthority.create(frame: fixture.frame, in: impostorKeys)
      let forged = try await impostor.issueJWTSVID(for: .authority(of: fixture.frame), audience: [api]).token
      let elsewhereAudience = try await fixture.token(
        .authority(of: fixture.frame), audience: SPIFFEID.api(of: elsewhere).description)
      let good = try await fixture.authority()
      let tampered = String(good.dropLast(4)) + (good.hasSuffix("AAAA") ? "BBBB" : "AAAA")
      try await fixture.api { client in
        try await client.get("/api/v1/agents", token: good).expect(200)
        var codes: Set<String> = []
        for token in [
          foreign, forged, elsewhereAudience, tampered, "", "x", "a.b.c", String(repeating: "a", count: 9000),
        ] {
          let answer = try await client.get("/api/v1/agents", token: token)
          #expect(answer.status == 401, "\(token.prefix(40)): \(answer.text)")
          answer.expectProblem(401, answer.code)
          #expect(!answer.text.contains(good))
          codes.insert(answer.code)
        }
        #expect(codes.count >= 4, "\(codes)")
      }
    }
  }

  @Test("an expired token is refused, also one that was accepted before")
  func expired() async throws {
    try await NodeFixture.with { fixture in
      let token = try await fixture.token(.authority(of: fixture.frame), lifetime: .seconds(60))
      try await fixture.api { api in
        try await api.get("/api/v1/agents", token: token).expect(200)
        fixture.clock.advance(by: .seconds(3600))
        let answer = try await api.get("/api/v1/agents", token: token)
        answer.expectProblem(401, answer.code)
        #expect(answer.code.contains("expired"), "\(answer.code)")
      }
    }
  }

  @Test("an Authorization header that is no bearer token is refused")
  func otherSchemes() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for header in ["Basic YTpi", "Bearer", "", "Token x"] {
          let answer = try await api.send(.get, "/api/v1/agents", authorization: .some(header))
          answer.expectProblem(401, "unsupported_authorization")
        }
        try await api.send(.get, "/api/v1/agents", authorization: "bEaReR \(api.authority)").expect(200)
      }
    }
  }

  @Test("a subject without a role here is refused")
  func otherSubjects() async throws {
    try await NodeFixture.with { fixture in
      let node = try await fixture.token(.node(of: fixture.frame))
      let workload = try await fixture.token(try SPIFFEID("spiffe://frame-a.example/agent/alice/more"))
      try await fixture.api { api in
        try await api.get("/api/v1/agents", token: node).expectProblem(403, "unknown_subject")
        try await api.get("/api/v1/agents", token: workload).expectProblem(403, "unknown_subject")
      }
    }
  }

  @Test("an agent may do what is its own and nothing of the authority's")
  func agents() async throws {
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.get("/api/v1/agents/alice", token: alice).expect(200)
        try await api.get("/api/v1/agents/bob", token: alice).expectProblem(403, "not_your_account")
        try await api.get("/api/v1/agents/nobody", token: alice).expectProblem(403, "not_your_account")
        for (path, body) in [
          ("/api/v1/issue", ["amount": "1.00"]), ("/api/v1/burn", ["amount": "1.00"]),
          ("/api/v1/agents", ["name": "eve"]),
          ("/api/v1/agents/alice/token", [:]), ("/api/v1/audit", [:]),
          ("/api/v1/peers/invitations", ["trust_domain": "b", "bundle_endpoint": "https://b"]),
          ("/api/v1/peers/frame-b.example/approve", ["fingerprint": "SHA256:00"]),
          ("/api/v1/peers/frame-b.example/revoke", [:]),
          ("/api/v1/bridge/frame-b.example/breaker/close", ["note": "x"]),
        ] as [(String, JSON)] {
          try await api.post(path, body, key: "k-\(path.hashValue)", token: alice).expectProblem(403, "not_authority")
        }
        for path in ["/api/v1/agents", "/api/v1/log/events", "/api/v1/supply", "/api/v1/bridge/reserves"] {
          try await api.get(path, token: alice).expectProblem(403, "not_authority")
        }
        #expect(try await api.balance("alice") == "100.00")
      }
    }
  }

  @Test("the token that the authority makes for an agent works and is that agent's")
  func issuedToken() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice")
        let answer = try await api.post("/api/v1/agents/alice/token", ["ttl_seconds": 60]).expect(200)
        #expect(answer.json["spiffe_id"] == "spiffe://frame-a.example/agent/alice")
        let token = try #require(answer.json["token"].string)
        try await api.get("/api/v1/agents/alice", token: token).expect(200)
        try await api.get("/api/v1/agents", token: token).expectProblem(403, "not_authority")
        fixture.clock.advance(by: .seconds(120))
        let late = try await api.get("/api/v1/agents/alice", token: token)
        late.expectProblem(401, late.code)
        let fresh = try await fixture.authority()
        try await api.post("/api/v1/agents/nobody/token", [:], token: fresh).expectProblem(404, "unknown_agent")
        for ttl in [0, -1, 86_401, Int64.max] {
          try await api.post("/api/v1/agents/alice/token", ["ttl_seconds": .integer(ttl)], token: fresh)
            .expectProblem(400, "invalid_ttl")
        }
      }
    }
  }
}
