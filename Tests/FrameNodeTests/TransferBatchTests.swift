import Foundation
import FrameCore
import FrameLedger
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Batches of transfers")
struct TransferBatchTests {
  private static func transfer(_ to: String, _ amount: String, _ memo: String? = nil) -> JSON {
    var fields: [String: JSON] = ["to": .string(to), "amount": .string(amount)]
    if let memo { fields["memo"] = .string(memo) }
    return .object(fields)
  }

  @Test("a batch is done as a whole, its receipt says the sums, and a repetition is answered with the same bytes")
  func whole() async throws {
    try await NodeFixture.with("fees: {basis_points: 100, fixed: \"0.01\"}\n") { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob", "carol")
        let token = try await fixture.agent("alice")
        let body: JSON = ["transfers": [Self.transfer("bob", "10.00", "rent"), Self.transfer("carol", "2.50")]]
        let answer = try await api.post("/api/v1/transfers/batch", body, key: "b1", token: token).expect(200)
        #expect(answer.json["transfers"] == 2 && answer.json["from"] == "alice" && answer.json["state"] == "completed")
        #expect(answer.json["amount"] == "12.50" && answer.json["fee"] == "0.14")
        #expect(answer.json["idempotency_key"] == "b1")
        #expect(try await api.balance("alice") == "87.36")
        #expect(try await api.balance("bob") == "110.00")
        #expect(try await api.balance("carol") == "102.50")
        let first = try #require(answer.json["position"].integer)
        let events = try await api.get("/api/v1/log/events?from=\(first)&limit=2").expect(200)
        #expect(events.json["events"].array.count == 2)
        let repeated = try await api.post("/api/v1/transfers/batch", body, key: "b1", token: token).expect(200)
        #expect(repeated.bytes == answer.bytes && repeated.header("Idempotency-Replayed") == "true")
        #expect(try await api.balance("bob") == "110.00")
        let other: JSON = ["transfers": [Self.transfer("bob", "10.00", "rent")]]
        try await api.post("/api/v1/transfers/batch", other, key: "b1", token: token)
          .expectProblem(409, "idempotency_conflict")
        let batches = Exposition.text(fixture.registry)
        #expect(batches.contains("frame_transfer_batch_transfers_count 1"))
        #expect(batches.contains("frame_transfer_batch_transfers_sum 2"))
      }
    }
  }

  @Test("a refusal names the item and the reason, and nothing of the batch happens")
  func refused() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = try await fixture.agent("alice")
        let size = try await api.get("/api/v1/frame").expect(200).json["log_size"]
        let cases: [(JSON, Int, String)] = [
          (Self.transfer("nobody", "1.00"), 404, "unknown_agent"),
          (Self.transfer("alice", "1.00"), 400, "same_account"),
          (Self.transfer("bob", "0.001"), 400, "amount_too_precise"),
          (Self.transfer("bob", "0"), 400, "amount_not_positive"),
          (Self.transfer("Bob", "1"), 400, "invalid_agent_name"),
          (Self.transfer("bob", "99.00"), 422, "insufficient_funds"),
        ]
        for (bad, status, code) in cases {
          let body: JSON = ["transfers": [Self.transfer("bob", "1.00"), Self.transfer("bob", "2.00"), bad]]
          let answer = try await api.post("/api/v1/transfers/batch", body, key: "k-\(code)", token: token)
          #expect(answer.json["code"].string == code, "\(answer.text)")
          answer.expectProblem(answer.status, code)
          #expect(answer.json["index"] == 2, "\(answer.text)")
          #expect((400..<500).contains(status) && answer.status >= 400 && answer.status < 500)
        }
        #expect(try await api.get("/api/v1/frame").expect(200).json["log_size"] == size)
        #expect(try await api.balance("alice") == "100.00")
      }
    }
  }

  @Test("the authority may pay a batch out of the treasury or, by name, an agent's account; an agent only its own")
  func payers() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        try await api.post("/api/v1/issue", ["amount": "5.00"], key: "more").expect(200)
        func body(_ from: String) -> JSON { ["from": .string(from), "transfers": [Self.transfer("bob", "5.00")]] }
        try await api.post("/api/v1/transfers/batch", body("treasury"), key: "t").expect(200)
        try await api.post("/api/v1/transfers/batch", body("alice"), key: "a").expect(200)
        #expect(try await api.balance("bob") == "110.00")
        try await api.post(
          "/api/v1/transfers/batch", ["transfers": [Self.transfer("bob", "5.00")]], key: "n"
        ).expectProblem(400, "from_missing")
        try await api.post("/api/v1/transfers/batch", body("bob"), key: "x", token: try await fixture.agent("alice"))
          .expectProblem(403, "not_your_account")
        try await api.post(
          "/api/v1/transfers/batch", body("treasury"), key: "y", token: try await fixture.agent("alice")
        )
        .expectProblem(403, "not_your_account")
      }
    }
  }

  @Test("a batch of a thousand fits, one of a thousand and one does not, nor one of none, nor one without a key")
  func limits() async throws {
    try await NodeFixture.with { fixture in
      try await fixture.api { api in
        try await api.fund("alice", "bob")
        let token = try await fixture.agent("alice")
        func post(_ count: Int, key: String?) async throws -> Answer {
          let body: JSON = ["transfers": .list(Array(repeating: Self.transfer("bob", "0.01", "memo"), count: count))]
          return try await api.post("/api/v1/transfers/batch", body, key: key, token: token)
        }
        let most = try await post(1_000, key: "most").expect(200)
        #expect(most.json["amount"] == "10.00" && most.json["transfers"] == 1_000)
        try await post(1_001, key: "over").expectProblem(400, "batch_too_large")
        try await post(0, key: "none").expectProblem(400, "batch_empty")
        try await post(1, key: nil).expectProblem(400, "idempotency_key_missing")
        let huge = [UInt8](repeating: 0x20, count: TransferBatchRoutes.bodyLimit + 1)
        try await api.send(
          .post, "/api/v1/transfers/batch", huge, key: "huge", authorization: "Bearer \(token)"
        ).expectProblem(413, "body_too_large")
        // Only this path takes so much.
        let large = [UInt8](repeating: 0x20, count: APIRouter.bodyLimit + 1)
        try await api.send(.post, "/api/v1/transfers", large, key: "large", authorization: "Bearer \(token)")
          .expectProblem(413, "body_too_large")
        #expect(try await api.balance("alice") == "90.00")
      }
    }
  }
}

@Suite("The body of a batch")
struct TransferBatchReaderTests {
  private struct Reference: Decodable {
    struct Item: Decodable {
      let to: String
      let amount: String
      let memo: String?
    }
    let from: String?
    let asset: String?
    let transfers: [Item]
  }

  private static let sample = """
    {"from": "ali\\u0063e", "asset": "AVT@frame-a.example", "transfers": [
      {"to": "bob", "amount": "1.00", "memo": "caf\\u00e9 \\ud83d\\ude00 \\n\\/\\\\ caf\u{e9}"},
      {"amount": "2.00", "t\\u006f": "carol"}]}
    """

  /// The body, when none of its transfers has a fault.
  private static func read(_ data: Data) throws -> TransferBatchReader {
    let body = try TransferBatchReader(json: data)
    if let fault = body.faults.min(by: { $0.key < $1.key })?.value.first { throw RequestError.body(fault) }
    return body
  }

  /// The one-pass reader takes and refuses what the reader of all other bodies does.
  private static func expectSame(_ bytes: [UInt8], _ comment: @autoclosure () -> String) {
    let ours = try? read(Data(bytes))
    let theirs = try? TextDecoding.request.decode(
      Reference.self, json: Data(bytes), JSONReader.Limits(bytes: bytes.count))
    #expect((ours == nil) == (theirs == nil), "\(comment())")
    #expect(ours?.from == theirs?.from && ours?.asset == theirs?.asset, "\(comment())")
    #expect(ours?.transfers.compactMap(\.to) == theirs?.transfers.map(\.to), "\(comment())")
    #expect(ours?.transfers.compactMap(\.amount) == theirs?.transfers.map(\.amount), "\(comment())")
    #expect(ours?.transfers.map(\.memo) == theirs?.transfers.map { $0.memo ?? "" }, "\(comment())")
  }

  @Test("it reads what the reader of other bodies reads")
  func same() throws {
    let body = try Self.read(Data(Self.sample.utf8))
    #expect(body.from == "alice" && body.transfers.count == 2)
    #expect(body.transfers.first?.memo == "caf\u{e9} \u{1f600} \n/\\ caf\u{e9}")
    Self.expectSame(Array(Self.sample.utf8), "the sample")
  }

  @Test("what is wrong with one transfer is kept, bounded, and the others are read")
  func faults() throws {
    let unknown = (0..<50).map { #""x\#($0)":{"a":[1,{}],"a":2}"# }.joined(separator: ",")
    let text = """
      {"transfers":[{"to":"a","amount":"1"}, 7, {"to":1,"to":"b","memo":null}, {\(unknown),"to":"c","amount":"3"}, null,
      {"to":"d","amount":"4"}],"from":"alice"}
      """
    let body = try TransferBatchReader(json: Data(text.utf8))
    #expect(body.from == "alice" && body.transfers.map(\.to) == ["a", nil, nil, "c", nil, "d"])
    let told = body.faults.mapValues { failures in failures.map(\.description) }
    #expect(told[1] == ["'/transfers/1' must be an object"])
    #expect(
      told[2] == [
        "'/transfers/2/to' must be a string", "'/transfers/2/to' is there twice",
        "'/transfers/2/memo' is null, and must be a string or left out", "'/transfers/2/amount' is missing",
      ])
    #expect(told[4] == ["'/transfers/4' is null, and must be an object or left out"])
    #expect(body.faults[3]?.count == 4)
  }

  @Test("cut off anywhere, it is refused, and nothing past the end is read")
  func truncated() {
    let bytes = Array(Self.sample.utf8)
    for length in 0..<bytes.count {
      #expect(throws: RequestError.self, "\(length)") { try Self.read(Data(bytes[..<length])) }
    }
  }

  @Test(
    "what is not JSON, or not a batch, is refused with invalid_body",
    arguments: [
      "", " ", "[]", "1", "null", "{", "{}", #"{"transfers":{}}"#, #"{"transfers":null}"#, #"{"transfers":[1]}"#,
      #"{"transfers":[{"to":"bob"}]}"#, #"{"transfers":[{"amount":"1"}]}"#, #"{"transfers":[{"to":"b","amount":1}]}"#,
      #"{"transfers":[{"to":null,"amount":"1"}]}"#, #"{"from":1,"transfers":[]}"#, #"{"transfers":[]} x"#,
      #"{"transfers":[],}"#, #"{"transfers":[{"to":"b","amount":"1"},]}"#, #"{'transfers':[]}"#,
      #"{"transfers":[] "a":1}"#,
      #"{"a":tru,"transfers":[]}"#, #"{"a":01,"transfers":[]}"#, #"{"a":-,"transfers":[]}"#,
      #"{"a":1.,"transfers":[]}"#,
      #"{"a":"\x","transfers":[]}"#, #"{"a":"\ud800","transfers":[]}"#, #"{"a":"\udc00","transfers":[]}"#,
      #"{"a":"\u12","transfers":[]}"#, #"{"from":"a","from":"b","transfers":[]}"#,
      #"{"transfers":[{"to":"b","amount":"1.00","amount":"9.00"}]}"#,
      #"{"transfers":[{"to":"b","amount":"1","t\u006f":"c"}]}"#,
      #"{"transfers":[{"to":"b","amount":"1","memo":null}]}"#,
      #"{"transfers":[{"to":"b","amount":"1","reference":"x"}]}"#,
      #"{"transfers":[],"metadata":{}}"#, #"{"from":null,"transfers":[]}"#, "{\"a\":\"\u{1}\",\"transfers\":[]}",
      #"{"a":1e,"transfers":[]}"#,
    ])
  func refused(text: String) {
    #expect("\(text)") { try Self.read(Data(text.utf8)) } throws: {
      ($0 as? any FrameError)?.code == "invalid_body"
    }
  }

  @Test("bytes that are no UTF-8 and nesting without end are refused")
  func hostile() {
    let prefix = Array(#"{"transfers":[{"to":""#.utf8)
    #expect(throws: RequestError.self) {
      try Self.read(Data(prefix + [0xff, 0xc0] + Array(#"","amount":"1"}]}"#.utf8)))
    }
    let deep = #"{"a":"# + String(repeating: "[", count: 200_000)
    #expect(throws: RequestError.self) { try Self.read(Data(deep.utf8)) }
  }

  @Test(
    "with any byte changed, it reads the same as the reader of other bodies or is refused with it",
    arguments: 1...4 as ClosedRange<UInt64>)
  func mutated(seed: UInt64) {
    let bytes = Array(Self.sample.utf8)
    // Bytes that mean something in JSON, so that many changes are still JSON.
    let words = Array("\"{}[]:,\\ u0 9atn".utf8)
    var state = seed
    for _ in 0..<400 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var changed = bytes
      changed[Int((state >> 33) % UInt64(bytes.count))] = words[Int((state >> 20) % UInt64(words.count))]
      Self.expectSame(changed, String(decoding: changed, as: UTF8.self))
    }
  }
}
