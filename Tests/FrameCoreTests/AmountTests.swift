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
}
