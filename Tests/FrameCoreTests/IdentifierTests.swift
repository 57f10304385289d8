import FrameCore
import Testing

@Suite("Identifiers")
struct IdentifierTests {
  @Test(
    "S1: well-formed SPIFFE IDs parse and print unchanged",
    arguments: [
      "spiffe://frame-a.example", "spiffe://frame-a.example/agent/alice", "spiffe://a_b.c-d1/A/b.C/_-",
      "spiffe://example.org/...", "spiffe://example.org/.a",
    ])
  func accepts(text: String) throws {
    #expect(try SPIFFEID(text).description == text)
  }

  @Test(
    "S1: everything else is refused",
    arguments: [
      "", "spiffe:/a", "SPIFFE://a", "http://a/b", "spiffe://", "spiffe:///x", "spiffe://A.example/x",
      "spiffe://a.example:80/x", "spiffe://u@a.example/x", "spiffe://a.example/", "spiffe://a.example/x/",
      "spiffe://a.example//x", "spiffe://a.example/./x", "spiffe://a.example/../x", "spiffe://a.example/x%20y",
      "spiffe://a.example/x?q", "spiffe://a.example/x#f", "spiffe://a.example/ü", "spiffe://ä/x", " spiffe://a/x",
    ])
  func refuses(text: String) {
    #expect(throws: IdentifierError.self) { try SPIFFEID(text) }
  }

  @Test("S1: lengths are bounded: 255 bytes of trust domain, 2048 of the whole id")
  func lengths() throws {
    let domain = String(repeating: "a", count: 255)
    #expect(throws: Never.self) { try FrameID(domain) }
    #expect(throws: IdentifierError.self) { try FrameID(domain + "a") }
    let path = "/" + String(repeating: "p", count: 2048 - "spiffe://a/".utf8.count)
    #expect(throws: Never.self) { try SPIFFEID("spiffe://a" + path) }
    #expect(throws: IdentifierError.self) { try SPIFFEID("spiffe://a" + path + "p") }
  }

  @Test("an agent's address names its SPIFFE ID and back")
  func agents() throws {
    let address = try AgentAddress("alice@frame-a.example")
    let id = SPIFFEID.agent(address.name, of: address.frame)
    #expect(id.description == "spiffe://frame-a.example/agent/alice")
    #expect(id.agentName == address.name)
    #expect(SPIFFEID.node(of: address.frame).agentName == nil)
    for bad in ["alice", "@a", "a@", "a@b@c", "Alice@a", ".a@b"] {
      #expect(throws: IdentifierError.self) { try AgentAddress(bad) }
    }
  }

  @Test("an account of the frame's own where an agent is needed is told as that, with what it can do")
  func frameAccounts() throws {
    for account in FrameAccount.allCases {
      let error = #expect(throws: IdentifierError.self) { try AgentName(account.text) }
      #expect(error?.message.contains("an account of the frame itself") == true)
      #expect(error?.remedy.contains("only pays agents of this frame") == true)
    }
    let other = #expect(throws: IdentifierError.self) { try AgentName("frame:other") }
    #expect(other?.message == "'frame:other' is not an agent name.")
  }

  @Test("times print as RFC 3339 in UTC, before the epoch too")
  func times() {
    #expect(FrameTime(unixNanoseconds: 0).description == "1970-01-01T00:00:00.000000Z")
    #expect(FrameTime(unixNanoseconds: 1_700_000_000_123_456_789).description == "2023-11-14T22:13:20.123456Z")
    #expect(FrameTime(unixNanoseconds: -1000).description == "1969-12-31T23:59:59.999999Z")
  }

  @Test("an idempotency key is bounded and scoped by its caller")
  func keys() throws {
    let alice = try SPIFFEID("spiffe://a/agent/alice")
    #expect(try IdempotencyKey("k1", caller: alice).text == "spiffe://a/agent/alice/k1")
    #expect(try IdempotencyKey("k1", caller: alice).chosen(by: alice) == "k1")
    for bad in ["", "a b", "é", String(repeating: "x", count: 129)] {
      #expect(throws: IdentifierError.self) { try IdempotencyKey(bad, caller: alice) }
    }
  }
}
