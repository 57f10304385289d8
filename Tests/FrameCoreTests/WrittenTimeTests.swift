import FrameCore
import Testing

@Suite("Times as people write them")
struct WrittenTimeTests {
  @Test(
    "RFC 3339 is read exactly, with a fraction and an offset",
    arguments: [
      ("1970-01-01T00:00:00Z", Int64(0)), ("1969-12-31T23:59:59Z", -1_000_000_000),
      ("2027-01-31T12:00:00Z", 1_801_396_800_000_000_000), ("2027-01-31t12:00:00z", 1_801_396_800_000_000_000),
      ("2027-01-31T12:00:00.5Z", 1_801_396_800_500_000_000),
      ("2027-01-31T13:00:00+01:00", 1_801_396_800_000_000_000),
      ("2027-01-31T11:30:00-00:30", 1_801_396_800_000_000_000),
      ("2027-01-31T12:00:00.123456789Z", 1_801_396_800_123_456_789),
      ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
      ("2000-02-29T00:00:00Z", 951_782_400_000_000_000), ("2262-04-11T23:47:16.854775807Z", .max),
      ("1677-09-21T00:12:43.145224192Z", .min),
    ])
  func reads(text: String, nanoseconds: Int64) throws {
    #expect(try WrittenTime(text).time.unixNanoseconds == nanoseconds)
  }

  @Test(
    "what is no time is refused by name, whatever a lenient reader would make of it",
    arguments: [
      "", "yesterday", "2027-01-31", "2027-01-31 12:00:00Z", "2027-01-31T12:00:00", "2027-01-31T12:00:00.Z",
      "2027-1-31T12:00:00Z", "2027-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2027-13-01T00:00:00Z",
      "2027-00-01T00:00:00Z", "2027-04-31T00:00:00Z", "2027-01-31T24:00:00Z", "2027-01-31T12:60:00Z",
      "2027-01-31T12:00:60Z", "2027-01-31T12:00:00+0100", "2027-01-31T12:00:00+24:00", "2027-01-31T12:00:00Z ",
      "+2027-01-31T12:00:00Z", "12027-01-31T12:00:00Z", "2027-01-31T12:00:00.1234567890Z", "2027-01-31T12:00:00ZZ",
      "\u{662}027-01-31T12:00:00Z", "2027-01-31T12:00:00Z\u{0}", "20270131T120000Z", "1801396800",
    ])
  func refuses(text: String) {
    #expect(throws: WrittenTimeError.notATime(text)) { try WrittenTime(text) }
  }

  @Test(
    "what nanoseconds cannot say is out of range, not bent",
    arguments: [
      "9999-12-31T23:59:59Z", "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43.145224191Z",
      "0000-01-01T00:00:00Z",
      "2300-01-01T00:00:00Z",
    ])
  func range(text: String) {
    #expect(throws: WrittenTimeError.outOfRange(text)) { try WrittenTime(text) }
  }

  @Test("every time that is written is read as the same microsecond")
  func roundTrip() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let time = FrameTime(unixNanoseconds: .random(in: Int64.min + 1000 ... .max - 1000, using: &random))
      let read = try WrittenTime("\(time)")
      #expect(read.fractionDigits == 6)
      let away = time - read.time
      #expect(away >= .zero && away < .microseconds(1), "\(time)")
      #expect(read.endOfMicrosecond >= time, "\(time)")
    }
  }

  @Test("times do not wrap around: what lies beyond the last one is the last one")
  func saturates() {
    let (first, last) = (FrameTime(unixNanoseconds: .min), FrameTime(unixNanoseconds: .max))
    #expect(last + .nanoseconds(999) == last && last + .seconds(Int64.max) == last)
    #expect(first - .nanoseconds(1) == first && first - .seconds(Int64.max) == first)
    #expect(last - .seconds(Int64.min) == last && first + .seconds(Int64.min) == first)
    #expect(last - first > .seconds(18_000_000_000) && first - last < .seconds(-18_000_000_000))
    #expect(FrameTime(unixNanoseconds: 5).isWithin(.nanoseconds(2), of: FrameTime(unixNanoseconds: 7)))
    #expect(!last.isWithin(.seconds(60), of: first) && !first.isWithin(.seconds(60), of: last))
  }
}
