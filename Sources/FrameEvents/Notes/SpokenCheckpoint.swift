package import Foundation

extension SignedCheckpoint {
  /// The most bytes that are looked through for what a log has said.
  package static let spokenBytesMax = 256 << 10

  private static let startsMax = 2
  private static let linesMax = 8
  private static let endsMax = 4

  /// What `key` has signed somewhere in `bytes`, whatever is wrong with the rest: a log's word binds it also in a note that is none,
  /// or in a request that is none (CONFORMANCE B19). Nothing is accepted by this; it is only held against what was witnessed.
  ///
  /// Looks at a few places only: whoever hides a statement among many that do not verify has told nobody anything.
  /// - Returns: nil when nothing is found. Its ``note`` has the text and the one line that signs it.
  package static func spoken(in bytes: Data, by key: LogVerifierKey) -> SignedCheckpoint? {
    guard bytes.count <= spokenBytesMax else { return nil }
    let bytes = [UInt8](bytes)
    let origin = Array("\(key.name)\n".utf8)
    let mark = Array("\u{2014} \(key.name) ".utf8)
    for start in lineStarts(bytes, of: origin, from: 0).prefix(startsMax) {
      for line in lineStarts(bytes, of: mark, from: start).prefix(linesMax) {
        let blob = bytes[(line + mark.count)...].prefix { $0 != 0x0a && $0 != 0x0d }
        guard let data = Data(base64Encoded: Data(blob)), data.count > 4,
          data.prefix(4).reduce(0, { $0 << 8 | UInt32($1) }) == key.keyID
        else { continue }
        for end in blankLines(bytes, from: start, before: line).prefix(endsMax) {
          let text = Data(bytes[start..<end])
          guard key.isValid(Data(data.dropFirst(4)), over: text) else { continue }
          return SignedCheckpoint(spoken: text, by: "\u{2014} \(key.name) \(data.base64EncodedString())\n")
        }
      }
    }
    return nil
  }

  private init?(spoken text: Data, by line: String) {
    guard let text = String(validating: text, as: UTF8.self) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 4, let size = UInt64(lines[1]), String(size) == lines[1],
      let root = Data(base64Encoded: String(lines[2])), root.count == 32
    else { return nil }
    self.origin = String(lines[0])
    self.size = size
    self.root = root
    self.note = Data((text + "\n" + line).utf8)
  }

  /// Where lines begin with `words`, in their order.
  private static func lineStarts(_ bytes: [UInt8], of words: [UInt8], from first: Int) -> [Int] {
    var found: [Int] = []
    var index = first
    while index + words.count <= bytes.count, found.count < max(startsMax, linesMax) {
      let isStart = index == first || bytes[index - 1] == 0x0a
      if isStart, bytes[index..<index + words.count].elementsEqual(words) { found.append(index) }
      index += 1
    }
    return found
  }

  /// The ends of texts that a blank line follows, the last first.
  private static func blankLines(_ bytes: [UInt8], from start: Int, before end: Int) -> [Int] {
    var found: [Int] = []
    var index = end - 1
    while index > start, found.count < endsMax {
      if bytes[index] == 0x0a, bytes[index - 1] == 0x0a { found.append(index) }
      index -= 1
    }
    return found
  }
}
