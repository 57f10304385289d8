import FrameCore
import Testing

@Suite("Headers of gRPC calls") struct CallHeaderTests {
  @Test("a deadline is one to eight digits and a unit", arguments: ["1S", "99999999n", "0m", "5H", "7M", "3u"])
  func deadlines(_ text: String) { #expect(CallHeader.isTimeout(text)) }

  @Test(
    "nothing else is",
    arguments: ["", "S", "-1S", "+1S", "1", "1s", "1 S", "999999999S", "1\u{661}S", "\u{661}S", "1SS", "-S"])
  func noDeadlines(_ text: String) { #expect(!CallHeader.isTimeout(text)) }

  @Test(
    "a status is three digits, from 100",
    arguments: [
      ("200", true), ("999", true), ("-1", false), ("-99", false), ("099", false), ("2000", false), ("", false),
      ("20x", false),
    ])
  func statuses(_ text: String, _ isOne: Bool) { #expect(CallHeader.isStatus(text) == isOne) }
}
