import Foundation
import Testing

@testable import FrameCore

@Suite("The one reader of JSON from outside")
struct JSONReaderTests {
  /// SplitMix64: the same changes each time.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  private struct Payment: Decodable, Equatable {
    struct Part: Decodable, Equatable { let keepRest: Bool }
    let to: String
    let amount: String
    let expiresInSeconds: Int64?
    let parts: [Part]?
  }

  private func read(_ text: String, _ rules: TextDecoding = .request) throws -> Payment {
    try rules.decode(Payment.self, json: Data(text.utf8), JSONReader.Limits(bytes: 4_096))
  }

  private func refusal(_ bytes: [UInt8], _ limits: JSONReader.Limits = .init(bytes: 4_096)) -> String? {
    do {
      _ = try TextTree(json: Data(bytes), limits)
      return nil
    } catch {
      return error.description
    }
  }

  @Test(
    "two readers could make two things of it: it is refused, and the message names the member",
    arguments: [
      (#"{"to":"b","amount":"1.00","amount":"9.00"}"#, "'/amount' is there twice"),
      (#"{"to":"b","amount":"1.00","\u0061mount":"9.00"}"#, "'/amount' is there twice"),
      (
        #"{"to":"b","amount":"1.00","parts":[{"keep_rest":true,"keep_rest":false}]}"#,
        "'/parts/0/keep_rest' is there twice"
      ),
      (#"{"to":"b","amount":"1.00","expiresInSeconds":5}"#, "'/expiresInSeconds' is unknown here"),
      (#"{"to":"b","amount":"1.00","expires_in_second":5}"#, "'expires_in_seconds' is known"),
      (#"{"to":"b","amount":"1.00","parts":[{"keep_rest":true,"more":1}]}"#, "'/parts/0/more' is unknown here"),
      (#"{"to":"b","amount":"1.00","a/b~c":1}"#, "'/a~1b~0c' is unknown here"),
      (#"{"to":"b"}"#, "'/amount' is missing"), (#"{"to":"b","amount":1}"#, "'/amount' must be a string"),
      (#"{"to":null,"amount":"1"}"#, "'/to' is null"),
      (#"{"to":"b","amount":"1","expires_in_seconds":null}"#, "'/expires_in_seconds' is null"),
      (#"{"to":"b","amount":"1","expires_in_seconds":1.0}"#, "'/expires_in_seconds' must be a whole number"),
      (#"{"to":"b","amount":"1","expires_in_seconds":9223372036854775808}"#, "is not between"),
      (#"{"to":"b","amount":"1","parts":{}}"#, "'/parts' must be a list"), ("[]", "it must be an object"),
      (#"{"to":"b","amount":"1",}"#, "it is not valid JSON"),
      (#"{"to":"b","amount":"\ud800"}"#, "it is not valid JSON"),
      (#"{"to":"b","amount":"1"} x"#, "it is not valid JSON"), ("", "it is not valid JSON"),
      ("\u{feff}{}", "it begins with a byte order mark"),
    ])
  func refused(text: String, says: String) {
    #expect(throws: TextFailure.self) { try read(text) }
    do { _ = try read(text) } catch { #expect("\(error)".contains(says), "\(error)") }
  }

  @Test("what may be there is read, in any order and however it is escaped")
  func taken() throws {
    let payment = try read(
      #" {"\u0061mount" : "1.00", "parts":[{"keep_rest":true}], "to":"\u0062" , "expires_in_seconds":-5 } "#)
    #expect(payment == Payment(to: "b", amount: "1.00", expiresInSeconds: -5, parts: [.init(keepRest: true)]))
    // An answer of a newer node may say more.
    #expect(try read(#"{"to":"b","amount":"1","more":{},"expires_in_seconds":null}"#, .answer).amount == "1")
  }

  @Test("UTF-16 in either order, with or without a mark, is not UTF-8")
  func encodings() {
    let text = #"{"a":1}"#
    for encoding in [String.Encoding.utf16, .utf16BigEndian, .utf16LittleEndian, .utf32] {
      #expect(refusal(Array(text.data(using: encoding) ?? Data()))?.isEmpty == false)
    }
    #expect(refusal([0x22, 0xc3, 0x28, 0x22]) != nil && refusal([0x22, 0xed, 0xa0, 0x80, 0x22]) != nil)
    #expect(refusal(Array(text.utf8)) == nil)
  }

  @Test("length, depth and the number of values have bounds, and a long object costs no square")
  func bounds() {
    #expect(refusal(Array(repeating: 0x20, count: 4_097)) == "it has 4097 bytes; 4096 are allowed")
    let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
    #expect(refusal(Array(deep.utf8)) == "it is nested too deeply")
    #expect(refusal(Array(deep.dropFirst().dropLast().utf8)) == nil)
    #expect(refusal(Array("[1,2,3]".utf8), .init(bytes: 99, values: 3)) == "it has more than 3 values")
    let members = (0..<50_000).map { "\"k\($0)\":0" }.joined(separator: ",")
    let many = JSONReader.Limits(bytes: 1 << 20)
    #expect(refusal(Array("{\(members)}".utf8), many) == nil)
    #expect(refusal(Array("{\(members),\"k7\":1}".utf8), many) == "'/k7' is there twice")
  }

  @Test("numbers stay as they are written, and what is written is read back as the same")
  func exact() throws {
    let text = #"{"a":[18446744073709551615,-0,1.10,1e400,true,null,"\u0000\"\\é"],"b":{}}"#
    let tree = try TextTree(json: Data(text.utf8), .init(bytes: 999))
    #expect(tree["a"]?.list?.first?.wholeNumber == .max)
    #expect(tree.json().contains("[18446744073709551615,-0,1.10,1e400,true,null,"))
    for indented in [false, true] {
      #expect(try TextTree(json: Data(tree.json(indented: indented).utf8), .init(bytes: 999)) == tree)
    }
  }

  @Test("with a byte changed or cut off anywhere, it is read whole or refused, and nothing past the end is looked at")
  func mutated() {
    let text = Array(#"{"a":[1,-2.5e+1,true,{"x":"caf\u00e9 \ud83d\ude00"}],"b":"","c":null}"#.utf8)
    var random = Seeded(state: 8)
    for length in 0..<text.count { #expect(refusal(Array(text[..<length])) != nil, "\(length)") }
    for _ in 0..<2_000 {
      var changed = text
      changed[Int.random(in: text.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      // Foundation takes more than we do; what we take, it takes too.
      if refusal(changed) == nil {
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(changed)) }
      }
    }
  }

  @Test("a misspelt name is met with the nearest that is known, and with none when none is near")
  func nearest() {
    let known = ["amount", "expires_at", "memo"]
    #expect(NearestName.of("ammount", in: known) == "amount" && NearestName.of("expiresAt", in: known) == "expires_at")
    #expect(NearestName.of("prot", in: ["port", "host"]) == "port")
    #expect(NearestName.of("reference", in: known) == nil && NearestName.of("", in: known) == nil)
    #expect(NearestName.of(String(repeating: "amount", count: 1_000), in: known) == nil)
  }

  @Test("a limit on a text counts code points, as JSON Schema's maxLength does")
  func limits() {
    #expect(TextLimit.memo.admits(String(repeating: "é", count: 512)))
    #expect(!TextLimit.memo.admits(String(repeating: "é", count: 513)))
    #expect(TextLimit.memo.admits(String(repeating: "\u{1f600}", count: 512)))
    // One character to a person, two code points.
    #expect(!TextLimit.memo.admits(String(repeating: "e\u{301}", count: 257)))
  }

  @Test("no agent's name spells an account of the frame, and words for them are reserved")
  func accounts() {
    for account in FrameAccount.allCases {
      #expect(throws: IdentifierError.self) { try AgentName(account.text) }
      #expect(FrameAccount(text: account.text) == account)
      #expect(ReservedNames.contain(account.rawValue))
    }
    for word in ReservedNames.words { #expect(ReservedNames.contain(word)) }
    #expect(ReservedNames.contain("f.e.e.s") && ReservedNames.contain("bridge.reserve"))
    #expect(!ReservedNames.contain("alice") && !ReservedNames.contain("acme.fees") && !ReservedNames.contain("canary"))
  }
}
