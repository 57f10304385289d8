import Foundation

/// Changes inputs, the same way for the same seed.
struct Mutator {
  private var random: SeededGenerator
  private let words: [Data]
  private let bytesMax: Int

  init(seed: UInt64, words: [String], bytesMax: Int) {
    random = SeededGenerator(state: seed)
    self.words = words.map { Data($0.utf8) }
    self.bytesMax = bytesMax
  }

  /// Numbers at which readers break: the edges of the integers, as text and as a varint.
  private static let edges: [Data] =
    [
      "0", "-1", "00", "1e400", "255", "256", "65535", "65536", "2147483648", "4294967296", "9223372036854775807",
      "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999999",
      "0.0000000001",
      "\u{0}", "\u{1b}[2J", "\r\n", "\u{202e}", "\u{feff}", "e\u{301}", "\u{1f468}\u{200d}\u{1f469}", "{{", "[[[[[[[[",
    ].map { Data($0.utf8) } + [
      Data(repeating: 0xff, count: 9) + [1], Data(repeating: 0xff, count: 8), Data([0xff, 0xff]), Data([0x80, 0x00]),
      Data([0xc0, 0x80]), Data([0xed, 0xa0, 0x80]), Data([0x00, 0x00, 0x00, 0x80]), Data([0x7f, 0xff, 0xff, 0xff]),
    ]

  private mutating func below(_ bound: Int) -> Int { Int(random.next() >> 33) % max(1, bound) }

  /// One to eight changes of `input`, some of them with parts of `other`.
  mutating func mutate(_ input: Data, with other: Data) -> Data {
    var bytes = [UInt8](input)
    for _ in 0...below(8) { change(&bytes, [UInt8](other)) }
    return Data(bytes.prefix(bytesMax))
  }

  private mutating func change(_ bytes: inout [UInt8], _ other: [UInt8]) {
    let at = below(bytes.count + 1)
    let length = min(below(16) == 0 ? below(bytes.count + 1) : below(16), bytes.count - at)
    switch below(11) {
    case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8(below(8))
    case 1 where at < bytes.count: bytes[at] = UInt8(below(256))
    case 2: bytes.insert(UInt8(below(256)), at: at)
    case 3: bytes.removeSubrange(at..<at + length)
    case 4: bytes.insert(contentsOf: bytes[at..<at + length], at: below(bytes.count + 1))
    case 5: bytes.removeSubrange(at...)
    case 6 where !other.isEmpty:
      let from = below(other.count)
      bytes.insert(contentsOf: other[from..<min(other.count, from + 1 + below(64))], at: at)
    case 7 where !words.isEmpty: put(words[below(words.count)], &bytes, at, length)
    case 8: put(Self.edges[below(Self.edges.count)], &bytes, at, length)
    case 9 where length > 0:
      // Much of the same: nesting, repeated members, long names.
      let part = Array(bytes[at..<at + min(length, 32)])
      bytes.insert(contentsOf: (0..<(1 << below(9))).flatMap { _ in part }.prefix(bytesMax), at: at)
    default:
      if at < bytes.count { bytes[at] = bytes[at] &+ UInt8(below(2) == 0 ? 1 : 255) }
    }
    if bytes.count > 2 * bytesMax { bytes.removeSubrange((2 * bytesMax)...) }
  }

  /// In place of what is there, or between.
  private mutating func put(_ word: Data, _ bytes: inout [UInt8], _ at: Int, _ length: Int) {
    bytes.replaceSubrange(at..<at + (below(2) == 0 ? length : 0), with: word)
  }
}

/// Randomness that is the same for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ (state >> 29)) &* 0x9fb2_1c65_1e98_df25
  }
}
