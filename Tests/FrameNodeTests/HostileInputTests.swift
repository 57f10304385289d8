import Foundation
import FrameCore
import Hummingbird
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Hostile input")
struct HostileInputTests {
  /// Reproducible from its printed seed (SplitMix64).
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  private static let texts = [
    "", " ", "\u{0}", "\u{7f}", "a\nb", "\r\n", "\u{202e}evil", "\u{feff}", "🦊", "e\u{301}", "ﬀ", "İ", "ß",
    "\u{10ffff}",
    "'; DROP TABLE events;--", "../../etc/passwd", "%00", "%2e%2e%2f", "${jndi:ldap://x}", "{{7*7}}", "<script>", "\\",
    "\"",
    "alice", "bob", "treasury", "issuance", "fees", "alice@frame-a.example", "bob@frame-b.example", "@", "a@b@c", "-1",
    "0",
    "1.00", "9223372036854775807", "92233720368547758.07", "1e309", "0.0000000000000000000000000000000000000001", "NaN",
    "SHA256:", "https://[::1", "https://user:pass@host:99999/", "file:///etc/passwd",
    String(repeating: "9", count: 400),
    String(repeating: "a", count: 5_000), String(repeating: "🦊", count: 600), "spiffe://frame-a.example/authority",
  ]
  private static let fields = [
    "from", "to", "amount", "memo", "name", "purpose", "ttl_seconds", "trust_domain", "bundle_endpoint",
    "expect_fingerprint", "fingerprint", "reason", "note", "proof", "origin", "unknown", "", "amount\u{0}",
  ]

  private static func value(_ random: inout Random, depth: Int = 0) -> JSON {
    switch Int.random(in: 0..<(depth > 3 ? 6 : 8), using: &random) {
    case 0: .null
    case 1: .bool(.random(using: &random))
    case 2: .integer(Int64(bitPattern: random.next()))
    case 3, 4, 5: .string(texts.randomElement(using: &random) ?? "")
    case 6: .list((0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth + 1) })
    default: object(&random, depth: depth + 1)
    }
  }

  private static func object(_ random: inout Random, depth: Int = 0) -> JSON {
    var fields: [String: JSON] = [:]
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      fields[Self.fields.randomElement(using: &random) ?? ""] = value(&random, depth: depth)
    }
    return .object(fields)
  }

  private static func body(_ random: inout Random) throws -> [UInt8] {
    var bytes = try object(&random).bytes()
    switch Int.random(in: 0..<6, using: &random) {
    case 0 where !bytes.isEmpty:
      for _ in 0..<4 {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
    case 1: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
    case 2: bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    default: break
    }
    return bytes
  }

  private static func path(_ template: String, _ random: inout Random) -> String {
    var path = template
    while let range = path.range(of: #"\{\w+\}"#, options: .regularExpression) {
      let text = texts.randomElement(using: &random) ?? ""
      let segment = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      path.replaceSubrange(range, with: segment.isEmpty ? "x" : segment)
    }
    guard Bool.random(using: &random) else { return path }
    let query = [
      "backend=2pc", "backend=async", "backend=%F0%28%8C", "from=0&limit=9", "limit=%00", "from=&&==", "a=b;c=d",
    ]
    return path + "?" + (query.randomElement(using: &random) ?? "")
  }

  @Test("whatever is sent, the answer is never a server error and every failure is a problem document")
  func fuzz() async throws {
    let seed =
      ProcessInfo.processInfo.environment["FRAME_TEST_SEED"].flatMap(UInt64.init) ?? .random(in: 0...UInt64.max)
    print("hostile input: FRAME_TEST_SEED=\(seed)")
    try await NodeFixture.with { fixture in
      let alice = try await fixture.agent("alice")
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        var random = Random(state: seed)
        let routes = fixture.parts.apiRoutes().routes.all
        for round in 0..<1_500 {
          // Inviting dials what the body names; what such a fetch does is the federation room's to test.
          guard let route = routes.randomElement(using: &random), route.path != "/api/v1/peers/invitations" else {
            continue
          }
          let path = Self.path(route.path, &random)
          let token = Bool.random(using: &random) ? alice : api.authority
          let key = Bool.random(using: &random) ? "k\(round)" : Self.texts.randomElement(using: &random)
          let body = route.method == .get ? nil : try Self.body(&random)
          let answer = try await api.send(
            route.method, path, body, key: key.map { $0.filter { $0.isASCII && $0 != "\u{0}" && !$0.isNewline } },
            authorization: "Bearer \(token)")
          #expect(
            answer.status < 500,
            "seed \(seed), round \(round): \(route.method) \(path) \(String(decoding: body ?? [], as: UTF8.self)): \(answer.text)"
          )
          // The witness protocol has its own answers.
          guard answer.status >= 400, !route.path.hasPrefix("/witness/") else { continue }
          answer.expectProblem(answer.status, answer.code)
        }
        let audit = try await api.post("/api/v1/audit", [:]).expect(200).json
        #expect(audit["clean"] == true, "seed \(seed)")
      }
    }
  }

  @Test("a body nested to the limit does not exhaust the stack")
  func nesting() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
          let depth = APIRouter.bodyLimit / (open.utf8.count + 1) - 1
          let text = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
          try await api.send(.post, "/api/v1/issue", Array(text.utf8), key: "k").expectProblem(400, "invalid_body")
          let half = String(repeating: open, count: depth)
          try await api.send(.post, "/api/v1/issue", Array(half.utf8), key: "k").expectProblem(400, "invalid_body")
        }
      }
    }
  }

  @Test("text in memos and purposes comes back exactly, whatever is in it")
  func unicode() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        for (index, text) in Self.texts.enumerated() where text.utf8.count <= 256 {
          let receipt = try await api.post(
            "/api/v1/issue", ["amount": "0.01", "memo": .string(text)], key: "memo-\(index)"
          ).expect(200).json
          let position = try #require(receipt["position"].integer)
          let event = try await api.get("/api/v1/log/events?from=\(position)&limit=1").expect(200).json["events"].array
            .first
          // An empty text is not written by protobuf's JSON mapping.
          let memo = event?["payload"]["memo"].string ?? ""
          #expect(Array(memo.utf8) == Array(text.utf8), "\(text.debugDescription)")
        }
      }
    }
  }
}
