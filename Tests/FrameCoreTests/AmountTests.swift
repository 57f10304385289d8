import FrameCore
import Testing

@Suite("Amount")
struct AmountTests {
  @Test(
    "a decimal string survives the round trip",
    arguments: [("12.50", 2, 1250), ("0.01", 2, 1), ("-3.000001", 6, -3_000_001), ("7", 0, 7), ("1.100", 2, 110)])
  func parses(text: String, scale: UInt8, units: Int64) throws {
    let amount = try Amount(text, scale: scale)
    #expect(amount.minorUnits == units)
    #expect(try Amount(amount.decimal(scale: scale), scale: scale) == amount)
  }

  @Test(
    "what is not exactly an amount is refused",
    arguments: ["", ".", "1.", ".5", "1e3", " 1", "1 ", "+1", "--1", "1.2.3", "0x10", "١", "1,000", "NaN"])
  func refuses(text: String) {
    #expect(throws: AmountError.malformed(text)) { try Amount(text, scale: 2) }
  }

  @Test("B18: more precision than the scale is refused, never rounded")
  func precision() {
    #expect(throws: AmountError.tooPrecise("1.005", scale: 2)) { try Amount("1.005", scale: 2) }
    #expect(Amount(minorUnits: 1005).rescaled(from: 3, to: 2) == nil)
    #expect(Amount(minorUnits: 1000).rescaled(from: 3, to: 2) == Amount(minorUnits: 100))
    #expect(Amount(minorUnits: .max).rescaled(from: 0, to: 1) == nil)
  }

  @Test("the extremes of 64 bits parse and print; one more overflows")
  func extremes() throws {
    for value in [Int64.max, .min, 0, 1, -1] {
      for scale in UInt8(0)...9 {
        let amount = Amount(minorUnits: value)
        #expect(try Amount(amount.decimal(scale: scale), scale: scale) == amount)
      }
    }
    #expect(throws: AmountError.self) { try Amount("9223372036854775808", scale: 0) }
    #expect(throws: AmountError.self) { try Amount(minorUnits: .max).adding(Amount(minorUnits: 1)) }
  }

  @Test("random amounts round-trip at every scale")
  func property() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let units = Int64(bitPattern: generator.next()) >> Int64(generator.next() % 60)
      let scale = UInt8(generator.next() % 10)
      let text = Amount(minorUnits: units).decimal(scale: scale)
      #expect(try Amount(text, scale: scale).minorUnits == units, "\(units) at scale \(scale)")
    }
  }

  @Test("a decimal string is read digit by digit, exactly or not at all, and printed back in one way only")
  func strings() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Congruential(state: seed)
    func digits(_ count: ClosedRange<Int>) -> String {
      String(
        (0..<Int.random(in: count, using: &random)).map { _ in Character("\(Int.random(in: 0...9, using: &random))") })
    }
    for _ in 0..<4_000 {
      let scale = UInt8.random(in: 0...9, using: &random)
      let (whole, decimals) = (digits(1...20), digits(0...11))
      let text = (Bool.random(using: &random) ? "-" : "") + whole + (decimals.isEmpty ? "" : "." + decimals)
      // The same number worked out apart, in twice the width: every digit counts, and only zeros may be beyond the scale.
      let kept = decimals.prefix(Int(scale))
      var units = Int128(whole + kept + String(repeating: "0", count: Int(scale) - kept.count)) ?? 0
      if text.hasPrefix("-") { units = -units }
      let isExact = decimals.dropFirst(Int(scale)).allSatisfy { $0 == "0" }
      let expected = isExact ? Int64(exactly: units) : nil
      let amount = try? Amount(text, scale: scale)
      #expect(amount?.minorUnits == expected, "\(text) at scale \(scale), seed \(seed)")
      guard let amount else { continue }
      let printed = amount.decimal(scale: scale)
      #expect(try Amount(printed, scale: scale) == amount, "\(text), seed \(seed)")
      #expect(printed.split(separator: ".").dropFirst().first?.count ?? 0 == Int(scale), "\(text), seed \(seed)")
    }
  }

  @Test("sums are exact or refused, never wrapped around")
  func sums() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Congruential(state: seed)
    for _ in 0..<4_000 {
      let (a, b) = (Int64.random(in: .min ... .max, using: &random), Int64.random(in: .min ... .max, using: &random))
      let sum = try? Amount(minorUnits: a).adding(Amount(minorUnits: b)).minorUnits
      #expect(sum == Int64(exactly: Int128(a) + Int128(b)), "\(a) + \(b), seed \(seed)")
      let difference = try? Amount(minorUnits: a).subtracting(Amount(minorUnits: b)).minorUnits
      #expect(difference == Int64(exactly: Int128(a) - Int128(b)), "\(a) - \(b), seed \(seed)")
    }
  }
}

/// A small generator whose seed tells a failure apart (Knuth's MMIX constants).
private struct Congruential: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 32)
  }
}
