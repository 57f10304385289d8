@testable import FrameEvents
import FrameTreaty
import Foundation
import FrameCore
import FrameIdentity
import FrameLog
import FrameProtos
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Treaty limits of frame.yaml")
struct TreatyLimitTests {
  /// What a frame with this scale and these settings tells a peer whose currency has that scale.
  private func terms(scale: Int, peer: Int?, _ treaty: String) throws -> PBTreatyTerms {
    let frame = try FrameID("frame-a.example")
    let text = "frame_id: \(frame)\ncurrency: {code: AVT, scale: \(scale)}\ntreaty: {\(treaty)}\n"
    let configuration = try NodeConfiguration.parse(
      text, file: "frame.yaml", directory: URL(fileURLWithPath: "/srv/frame"))
    #expect(
      try NodeConfiguration.parse(
        configuration.yaml(), file: "frame.yaml", directory: URL(fileURLWithPath: "/srv/frame")) == configuration)
    let authority = try FrameAuthority.ephemeral(frame: frame)
    let foreign = try peer.map { try Asset(origin: FrameID("frame-b.example"), code: "BVT", scale: $0) }
    return try configuration.description(
      bundle: authority.bundle, logKey: LogVerifierKey(name: frame.name, publicKey: Data(repeating: 1, count: 32)),
      for: foreign
    ).terms
  }

  private static let limits = "net_debit_cap: 7, bridge_cap: 1000, bridge_rate_per_minute: \"30.00\""

  @Test(
    "a limit is so many units of the currency that it limits, whatever the scales of the two frames",
    arguments: [0, 2, 6], [0, 2, 6])
  func scales(ours: Int, theirs: Int) throws {
    func units(_ whole: Int64, _ scale: Int) -> Int64 { (0..<scale).reduce(whole) { units, _ in units * 10 } }
    let terms = try terms(scale: ours, peer: theirs, Self.limits)
    #expect(terms.netDebitCap == units(7, ours))
    #expect(terms.bridgeCap == units(1000, theirs))
    #expect(terms.bridgeRatePerMinute == units(30, theirs))
    let defaults = try self.terms(scale: ours, peer: theirs, "")
    #expect(defaults.netDebitCap == units(1_000_000, ours))
    #expect(defaults.bridgeCap == units(1_000_000, theirs))
    #expect(defaults.bridgeRatePerMinute == units(100_000, theirs))
  }

  @Test("whole numbers and decimals, quoted or not, are the same limit")
  func spellings() throws {
    for text in ["1000", "\"1000\"", "1000.0", "\"1000.000000\""] {
      #expect(try terms(scale: 0, peer: 6, "bridge_cap: \(text)").bridgeCap == 1_000_000_000, "\(text)")
    }
    #expect(try terms(scale: 0, peer: 6, "bridge_cap: 0.000001").bridgeCap == 1)
    #expect(try terms(scale: 6, peer: 2, "bridge_cap: 12.50").bridgeCap == 1250)
  }

  @Test(
    "what a peer's currency cannot say exactly is refused in words, with the setting and the currency",
    arguments: [
      ("bridge_cap", "1000.5", 0, "0 decimal places"), ("bridge_cap", "0.125", 2, "2 decimal places"),
      ("bridge_rate_per_minute", "0.0000001", 6, "6 decimal places"),
      ("bridge_cap", "10000000000", 9, "more than it can count"),
    ])
  func unfit(setting: String, limit: String, peer: Int, why: String) throws {
    let refusal = try #require(throws: Refusal.self) { try terms(scale: 2, peer: peer, "\(setting): \"\(limit)\"") }
    #expect(refusal.code == "treaty_limit_unfit" && refusal.kind == .invalid)
    for word in ["treaty.\(setting)", limit, "BVT@frame-b.example", why] {
      #expect(refusal.message.contains(word), "\(refusal.message) does not say \(word)")
    }
    // Where it fits, the same file is right.
    #expect(throws: Never.self) { try terms(scale: 2, peer: limit.count > 10 ? 0 : 9, "\(setting): \"\(limit)\"") }
  }

  @Test("anybody is told no limit in a currency that is not known yet")
  func anybody() throws {
    let terms = try terms(scale: 2, peer: nil, Self.limits)
    #expect(terms.netDebitCap == 700 && terms.bridgeCap == 0 && terms.bridgeRatePerMinute == 0)
    #expect(!terms.subscriptions.isEmpty)
  }
}
