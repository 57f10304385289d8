import Foundation
import FrameProtos
import SwiftProtobuf
import FrameTesting
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite("The encoder of stored events")
struct EventEncoderTests {
  /// Whatever stands before them stays as it is.
  private func bytes(_ event: PBEvent) throws -> [UInt8] {
    var bytes: [UInt8] = [1, 2, 3]
    try EventEncoder.append(StoredEvent(event), to: &bytes)
    #expect(bytes.prefix(3) == [1, 2, 3])
    return Array(bytes.dropFirst(3))
  }

  private static let texts = [
    "", "a", "alice", "bob@frame-b.example", "spiffe://frame-a.example/agent/alice",
    "memo with \u{e9}\u{20ac}\u{1f600}",
    String(repeating: "x", count: 127), String(repeating: "y", count: 128), String(repeating: "z", count: 20_000),
  ]

  private static func number(_ random: inout SeededGenerator) -> Int64 {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: 0
    case 1: Int64.random(in: -200...200, using: &random)
    case 2: [Int64.min, .max, -1, 1, 127, 128, -64, -65].randomElement(using: &random) ?? 0
    default: Int64.random(in: .min ... .max, using: &random)
    }
  }

  private static func text(_ random: inout SeededGenerator) -> String { texts.randomElement(using: &random) ?? "" }

  private static func posting(_ random: inout SeededGenerator) -> PBPosting {
    .with {
      $0.owner = text(&random)
      $0.kind = PBAccountKind(rawValue: Int.random(in: -1...12, using: &random)) ?? .unspecified
      $0.amount = number(&random)
      if Int.random(in: 0..<20, using: &random) == 0 { $0.asset = .with { $0.code = "AVT" } }
      if Int.random(in: 0..<40, using: &random) == 0 { $0.unknownFields = unknown }
    }
  }

  /// A field that this version does not know.
  private static var unknown: UnknownStorage {
    // Field 100, a varint of 1.
    (try? PBAsset(serializedBytes: [0xa0, 0x06, 0x01]).unknownFields) ?? UnknownStorage()
  }

  private static func event(_ random: inout SeededGenerator) -> PBEvent {
    .with {
      $0.position = UInt64(bitPattern: number(&random))
      $0.timeUnixNs = number(&random)
      $0.actor = text(&random)
      $0.idempotencyKey = text(&random)
      $0.commandDigest = Data(repeating: 7, count: [0, 1, 32, 200].randomElement(using: &random) ?? 0)
      $0.commandIndex = UInt32(truncatingIfNeeded: number(&random))
      $0.commandEvents = UInt32(truncatingIfNeeded: number(&random))
      $0.postings = (0..<Int.random(in: 0...4, using: &random)).map { _ in posting(&random) }
      switch Int.random(in: 0..<10, using: &random) {
      case 0: break
      case 1: $0.tokensIssued = .with { $0.amount = 5 }
      default:
        $0.tokensTransferred = .with {
          $0.from = text(&random)
          $0.to = text(&random)
          $0.amount = number(&random)
          $0.fee = number(&random)
          $0.memo = text(&random)
          $0.transferID = text(&random)
          if Int.random(in: 0..<40, using: &random) == 0 { $0.unknownFields = unknown }
        }
      }
    }
  }

  @Test(
    "it makes the bytes that SwiftProtobuf makes, whatever is in the event", arguments: 1...4 as ClosedRange<UInt64>)
  func sameBytes(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for round in 0..<500 {
      let event = Self.event(&random)
      #expect(
        try bytes(event) == event.serializedBytes() as [UInt8], "seed \(seed), round \(round): \(event)")
    }
    #expect(!Self.unknown.data.isEmpty)
  }

  @Test("an event of nothing has a payload of no bytes")
  func empty() throws {
    let event = PBEvent.with { $0.tokensTransferred = .init() }
    #expect(try bytes(event) == [0xc2, 0x01, 0x00])
  }

  @Test(
    "the owners of postings are read from the bytes as the whole event gives them", arguments: [UInt64(1), 2, 3, 4])
  func owners(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<400 {
      var bytes = try Self.event(&random).serializedBytes() as [UInt8]
      // Sometimes damaged: then both say nothing, or the same.
      if Bool.random(using: &random), !bytes.isEmpty {
        bytes[Int.random(in: 0..<min(bytes.count, 200), using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var found: [String] = []
      guard PostingScanner.scan(Data(bytes), { found.append("\($0) \($1)") }) else { continue }
      guard let event = try? PBEvent(serializedBytes: bytes) else { continue }
      #expect(found == event.postings.map { "\($0.owner) \($0.kind)" })
    }
  }

  @Test("of a sound event every posting is read, of the first byte of one none")
  func allOwners() throws {
    let event = PBEvent.with {
      $0.position = 7
      $0.actor = "spiffe://frame-a.example/node"
      $0.postings = [
        .with { ($0.owner, $0.kind, $0.amount) = ("alice", .liquid, -5) },
        .with { ($0.kind, $0.amount) = (.fees, 5) },
      ]
      $0.tokensTransferred = .with { $0.from = "alice" }
    }
    let bytes = try event.serializedBytes() as Data
    var found: [String] = []
    #expect(PostingScanner.scan(bytes) { found.append("\($0) \($1)") })
    #expect(found == ["alice \(PBAccountKind.liquid)", " \(PBAccountKind.fees)"])
    #expect(!PostingScanner.scan(bytes.prefix(bytes.count - 1)) { _, _ in })
    #expect(PostingScanner.scan(Data()) { _, _ in })
  }
}
