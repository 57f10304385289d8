import FrameAPI
import FrameCore
import Hummingbird
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Problem documents (RFC 9457)")
struct ProblemTests {
  @Test(
    "a body that is not what the path takes is named as such",
    arguments: [
      "", "{", "[]", "null", "1", "\"a\"", "{\"amount\": \"1.00\"", "{\"amount\": 1}", "{\"amount\": null}",
      "{\"amount\": [\"1\"]}", "{\"Amount\": \"1.00\"}", "{} {}", "{\"amount\": \"\\ud800\"}", "\u{feff}{}",
    ])
  func malformed(body: String) async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let answer = try await api.send(.post, "/api/v1/issue", Array(body.utf8), key: "k")
        answer.expectProblem(400, "invalid_body")
        #expect(answer.json["instance"] == "/api/v1/issue")
      }
    }
  }

  @Test("a body that is not UTF-8 is refused")
  func notUTF8() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for bytes: [UInt8] in [
          [0xff, 0xfe], [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d], [0], [0x7b, 0x00, 0x7d, 0x00],
        ] {
          try await api.send(.post, "/api/v1/issue", bytes, key: "k").expectProblem(400, "invalid_body")
        }
      }
    }
  }

  @Test("the body limit is 64 KiB: what is at it is read, what is above is refused with 413")
  func tooLarge() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let limit = APIRouter.bodyLimit
        #expect(limit == 65_536)
        func body(_ size: Int) -> [UInt8] {
          let start = #"{"amount":"1.00""#
          let filler = String(repeating: " ", count: size - start.utf8.count - 1)
          return Array((start + filler + "}").utf8)
        }
        try await api.send(.post, "/api/v1/issue", body(limit), key: "at").expect(200)
        try await api.send(.post, "/api/v1/issue", body(limit + 1), key: "above").expectProblem(413, "body_too_large")
        try await api.send(.post, "/api/v1/issue", body(4 * limit), key: "far").expectProblem(413, "body_too_large")
      }
    }
  }

  @Test("a path that does not exist is 404, with or without a token")
  func unknownPath() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for path in [
          "/", "/api", "/api/v1", "/api/v1/nothing", "/api/v1/agents/a/b", "/metrics", "/%00", "/..%2f", "//",
        ] {
          let answer = try await api.get(path).expectProblem(404, "not_found")
          #expect(answer.headers[.allow] == nil)
          try await api.get(path, token: .some(nil)).expectProblem(404, "not_found")
        }
      }
    }
  }

  @Test("a method that a path does not take is 405 and the answer says which it takes")
  func wrongMethod() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for (method, path, allow) in [
          (HTTPRequest.Method.get, "/api/v1/issue", "POST"), (.delete, "/api/v1/agents/alice", "GET, HEAD"),
          (.put, "/api/v1/agents", "GET, HEAD, POST"), (.post, "/api/v1/frame", "GET, HEAD"),
          (.get, "/api/v1/peers/frame-b.example/approve", "POST"),
        ] {
          let answer = try await api.send(method, path).expectProblem(405, "method_not_allowed")
          #expect(answer.headers[.allow] == allow, "\(method) \(path)")
        }
        let made = HTTPRequest.Method("FROBNICATE")
        try await api.send(try #require(made), "/api/v1/frame").expectProblem(405, "method_not_allowed")
        try await api.send(try #require(made), "/nothing").expectProblem(404, "not_found")
      }
      let text = Exposition.text(fixture.registry)
      #expect(!text.contains("FROBNICATE"), "a caller can make up label values")
      #expect(text.contains(#"frame_http_requests_total{code="404",method="other",route="unrouted"} 1"#))
    }
  }

  @Test("HEAD of a path that is not there has no body either: it would be read as the next answer")
  func headOfNothing() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for path in ["/nothing", "/healthz", "/"] {
          let answer = try await api.send(.head, path).expect(404)
          #expect(answer.bytes.isEmpty, "\(path): \(answer.text)")
        }
      }
    }
  }

  @Test("HEAD answers what GET would, without a body")
  func head() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        let get = try await api.get("/api/v1/log/checkpoint").expect(200)
        let head = try await api.send(.head, "/api/v1/log/checkpoint").expect(200)
        #expect(head.bytes.isEmpty)
        #expect(head.headers[.contentType] == get.headers[.contentType])
      }
    }
  }

  @Test("what nobody foresaw is a 500 that tells nothing of the inside")
  func unforeseen() {
    struct Secret: Error { let path = "/very/secret" }
    let problem = Problem.from(Secret(), instance: "/api/v1/frame")
    #expect(problem.status == 500)
    #expect(problem.code == "internal")
    #expect(!problem.detail.contains("secret"))
    #expect(!problem.detail.contains("Secret"))
  }

  @Test("every kind of error has its own status, and a refused transfer its id")
  func kinds() {
    for kind in FrameErrorKind.allCases {
      let error = Refusal("some_code", kind, "What.", remedy: "Do.")
      let problem = Problem.from(TransferProblem(error: error, transferID: "t-1"), instance: "/x")
      #expect(problem.status == kind.httpStatus)
      #expect(problem.code == "some_code")
      #expect(problem.title == "Some code")
      #expect(problem.transferId == "t-1")
    }
  }
}
