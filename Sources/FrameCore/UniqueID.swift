/// Time-ordered unique ids (UUID version 7, RFC 9562 §5.7), so that keys made from them stay clustered (CONFORMANCE L9).
public enum UniqueID {
  /// - Parameters:
  ///   - now: the time the id begins with, to the millisecond.
  ///   - generator: 74 random bits come from here.
  public static func make(
    at now: FrameTime, using generator: inout some RandomNumberGenerator
  ) -> String {
    let milliseconds = UInt64(max(0, now.unixNanoseconds / 1_000_000))
    let a: UInt64 = generator.next()
    let b: UInt64 = generator.next()
    let high = (milliseconds << 16) | 0x7000 | (a & 0x0fff)
    let low = (b & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
    let hex = padded(high) + padded(low)
    var text = ""
    text.reserveCapacity(36)
    for (index, character) in hex.enumerated() {
      if index == 8 || index == 12 || index == 16 || index == 20 { text.append("-") }
      text.append(character)
    }
    return text
  }

  /// With the system's random numbers.
  public static func make(at now: FrameTime) -> String {
    var generator = SystemRandomNumberGenerator()
    return make(at: now, using: &generator)
  }

  private static func padded(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }
}
