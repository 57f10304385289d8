import Foundation
import FrameAPI
import FrameCore
import Testing

/// The encoder of replies writes what Foundation's writes, byte for byte.
@Suite("Encoding of replies")
struct EncodingTests {
  private struct Sample: Codable, Sendable {
    struct Inner: Codable, Sendable { var x509SvidTtlSeconds: Int64?; var b: [Bool] }
    var text: String
    var expiresAt: String?
    var apiUrl: String?
    var count: Int
    var position: UInt64
    var revision: UInt32
    var inner: Inner
    var list: [Inner]
    var byName: [String: String]
    var nested: [[Int64]]
    var ratio: Double
    var bytes: Data
  }

  /// Texts with all that JSON has to escape, and much that it has not.
  private static func text(_ generator: inout some RandomNumberGenerator) -> String {
    let letters: [Unicode.Scalar] = [
      "a", "Z", "0", "_", "\"", "\\", "/", "\n", "\t", "\u{8}", "\u{c}", "\u{1f}", "\u{0}", "\u{7f}", "ä", "\u{2028}",
      "😀", "<", "&",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      text.unicodeScalars.append(letters.randomElement(using: &generator) ?? "a")
    }
    return text
  }

  private static func sample(_ generator: inout some RandomNumberGenerator) -> Sample {
    func inner(_ generator: inout some RandomNumberGenerator) -> Sample.Inner {
      .init(
        x509SvidTtlSeconds: Bool.random(using: &generator) ? Int64.random(in: .min ... .max, using: &generator) : nil,
        b: (0..<Int.random(in: 0...3, using: &generator)).map { _ in Bool.random(using: &generator) })
    }
    return Sample(
      text: text(&generator), expiresAt: Bool.random(using: &generator) ? text(&generator) : nil,
      apiUrl: Bool.random(using: &generator) ? text(&generator) : nil,
      count: Int.random(in: .min ... .max, using: &generator),
      position: UInt64.random(in: 0 ... .max, using: &generator),
      revision: UInt32.random(in: 0 ... .max, using: &generator), inner: inner(&generator),
      list: (0..<Int.random(in: 0...3, using: &generator)).map { _ in inner(&generator) },
      byName: ["someName": text(&generator), "AVT@frame-a.example": "1.00", "aB": "", "a_c": "x"],
      nested: (0..<Int.random(in: 0...3, using: &generator)).map { _ in [Int64.random(in: -9...9, using: &generator)] },
      ratio: [0, 1, -2, 0.5, 1e-7, 1e22, 123.25].randomElement(using: &generator) ?? 0,
      bytes: Data((0..<Int.random(in: 0...5, using: &generator)).map { UInt8($0) }))
  }

  @Test("it writes the bytes of the plain form")
  func sameBytes() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let value = Self.sample(&generator)
      let (quick, plain) = (try APIEncoding.encode(value), try APIEncoding.plain(value))
      #expect(quick == plain, "\(String(decoding: quick, as: UTF8.self))\n\(String(decoding: plain, as: UTF8.self))")
    }
  }

  @Test("replies of each kind are the same in both")
  func replies() throws {
    let receipt = ReceiptView(
      state: "completed", position: 7, time: "2026-11-30T00:00:00Z", eventTypes: ["TokensTransferred"], amount: "1.00",
      fee: nil, asset: "AVT@frame-a.example", from: "alice", to: "bob", idempotencyKey: "k\"1")
    #expect(try APIEncoding.encode(receipt) == APIEncoding.plain(receipt))
    let event = EventsView(
      size: 1,
      events: [
        EventView(
          position: 0, time: "t", clock: nil, type: "x", actor: "a", idempotencyKey: "k",
          postings: [.init(owner: "a", kind: "liquid", asset: "A", minorUnits: -5)],
          payload: JSONFragment(
            .object([
              .init("lockId", .string("1")), .init("n", .number("18446744073709551615")), .init("z", .null),
              .init("list", .list([.object([]), .boolean(false), .number("-3")])),
            ])))
      ])
    #expect(try APIEncoding.encode(event) == APIEncoding.plain(event))
    let discovery = [ServiceDiscovery(targets: ["127.0.0.1:1"], labels: ["frameName": "a", "frame": "b"])]
    #expect(try APIEncoding.encode(discovery) == APIEncoding.plain(discovery))
    let sums = AuditView.ByName(amounts: ["aB": "1", "a": "2"])
    #expect(try APIEncoding.encode(sums) == APIEncoding.plain(sums))
  }

  @Test("a number that JSON does not have is refused in both")
  func notANumber() {
    #expect(throws: EncodingError.self) { try APIEncoding.encode(["x": Double.nan]) }
    #expect(throws: EncodingError.self) { try APIEncoding.plain(["x": Double.infinity]) }
  }
}
