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

  @Test("a fee outside its bounds is refused", arguments: [(-1, 0), (10_001, 0), (0, -1)] as [(Int64, Int64)])
  func bounds(points: Int64, fixed: Int64) {
    #expect(throws: LedgerError.invalidFeeRule(basisPoints: points, fixed: fixed)) {
      try FeeRule(basisPoints: points, fixed: fixed)
    }
  }
}
