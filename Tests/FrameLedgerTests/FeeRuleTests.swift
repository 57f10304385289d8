import FrameCore
import FrameTesting
import Testing

@testable import FrameLedger

@Suite struct FeeRuleTests {
  @Test("a fee is the share rounded down plus the fixed part")
  func share() throws {
    let rule = try FeeRule(basisPoints: 25, fixed: 3)
    #expect(try rule.fee(on: 399) == 3)
    #expect(try rule.fee(on: 400) == 4)
    #expect(try rule.fee(on: .max) == 23_058_430_092_136_942)
    #expect(try FeeRule.none.fee(on: 5) == 0)
  }

  @Test("a fee is never below its floor nor above its ceiling")
  func floorAndCeiling() throws {
    let rule = try FeeRule(basisPoints: 100, fixed: 2, minimum: 5, maximum: 50)
    #expect(try rule.fee(on: 1) == 5)
    #expect(try rule.fee(on: 300) == 5)
    #expect(try rule.fee(on: 400) == 6)
    #expect(try rule.fee(on: 4_800) == 50)
    #expect(try rule.fee(on: .max) == 50)
    // With a ceiling nothing overflows; without one, what does not fit is refused.
    #expect(try FeeRule(basisPoints: 10_000, fixed: .max, maximum: .max).fee(on: .max) == .max)
    #expect(throws: AmountError.self) { try FeeRule(basisPoints: 10_000, fixed: 1).fee(on: .max) }
    #expect(try FeeRule(basisPoints: 0, fixed: 0, minimum: 7).fee(on: 1) == 7)
    #expect(try FeeRule(basisPoints: 10_000, fixed: 9, minimum: 0, maximum: 0).fee(on: 1_000) == 0)
  }

  @Test(
    "whatever the rule and the amount, the fee is the exact share within its bounds, and grows with the amount",
    arguments: 1...4 as ClosedRange<UInt64>)
  func exact(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let points = Int64.random(in: 0...10_000, using: &random)
      let fixed = Int64.random(in: 0...(1 << Int64.random(in: 0...40, using: &random)), using: &random)
      let minimum = Int64.random(in: 0...1_000, using: &random)
      let maximum = Bool.random(using: &random) ? minimum + Int64.random(in: 0...1_000_000, using: &random) : nil
      let rule = try FeeRule(basisPoints: points, fixed: fixed, minimum: minimum, maximum: maximum)
      let amount = Int64.random(in: 1...(Int64.max >> Int64.random(in: 20...62, using: &random)), using: &random)
      let fee = try rule.fee(on: amount)
      // The exact share lies between fee - fixed and one unit more.
      let unbounded = fee - fixed
      if fee > minimum, fee < maximum ?? .max {
        let exact = Int128(amount) * Int128(points)
        #expect(Int128(unbounded) * 10_000 <= exact && exact < Int128(unbounded + 1) * 10_000, "seed \(seed)")
      }
      #expect(fee >= minimum && fee <= maximum ?? .max, "seed \(seed)")
      #expect(try rule.fee(on: amount + 1) >= fee, "seed \(seed)")
    }
  }

  @Test(
    "a fee rule outside its bounds is refused",
    arguments: [
      FeeRule.Terms(basisPoints: -1), .init(basisPoints: 10_001), .init(fixed: -1), .init(minimum: -1),
      .init(minimum: 2, maximum: 1), .init(maximum: -1),
    ])
  func bounds(terms: FeeRule.Terms) {
    #expect(throws: LedgerError.invalidFeeRule(terms)) { try FeeRule(terms) }
  }
}
