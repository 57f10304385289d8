import Foundation

/// Reads JSON (RFC 8259) front to back, without building a tree; the caller says what it expects where.
///
/// Everything from outside that is JSON is read with it, so that no two readers make different things of one text: UTF-8 without
/// a byte order mark, no name twice in an object however it is escaped, no trailing comma, no half surrogate. Bounded by the
/// bytes it is given, by the depth and by the number of values; never reads past them.
package struct JSONReader {
  /// How much of a text is taken.
  package struct Limits: Sendable {
    package var bytes: Int
    package var depth: Int
    /// Objects, arrays, strings, numbers and literals together.
    package var values: Int
    /// A name that is there twice in an object deeper than this is left to the caller, who drops that part alone
    /// (`TextTree.nameTwice`); the whole text is the first level.
    package var strictDepth: Int

    package init(
      bytes: Int, depth: Int = JSONReader.maximumDepth, values: Int = 100_000, strictDepth: Int = .max
    ) {
      self.bytes = bytes
      self.depth = depth
      self.values = values
      self.strictDepth = strictDepth
    }
  }

  package static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private let limits: Limits
  private var next = 0
  private var depth = 0
  private var values = 0
  /// The names seen so far in each open object, one after the other.
  private var names: [String] = []

  private init(_ bytes: UnsafeRawBufferPointer, _ limits: Limits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Reads a whole text: one value, and nothing but white space after it.
  /// - Throws: ``TextFailure``, and what `body` throws.
  package static func read<Result>(
    _ data: Data, _ limits: Limits, _ body: (inout JSONReader) throws -> Result
  ) throws -> Result {
    guard data.count <= limits.bytes else { throw TextFailure("has \(data.count) bytes; \(limits.bytes) are allowed") }
    return try data.withUnsafeBytes { bytes in
      if bytes.starts(with: [0xef, 0xbb, 0xbf]) { throw TextFailure("begins with a byte order mark") }
      if bytes.starts(with: [0xfe, 0xff]) || bytes.starts(with: [0xff, 0xfe]) || bytes.prefix(4).contains(0) {
        throw TextFailure("is not UTF-8")
      }
      var reader = JSONReader(bytes, limits)
      let result = try body(&reader)
      guard reader.peek() == nil else { throw reader.malformed }
      return result
    }
  }

  // MARK: What a caller expects

  /// What the next value is, by its first byte.
  package enum Kind { case object, list, string, number, boolean, null }

  package mutating func kind() throws -> Kind {
    switch peek() {
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .list
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
    case UInt8(ascii: "n"): .null
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): .number
    default: throw malformed
    }
  }

  /// An object; `member` reads the value of each name. A failure in it is told from here on.
  package mutating func object(_ member: (String, inout JSONReader) throws -> Void) throws {
    guard peek() == UInt8(ascii: "{") else { throw try mismatch("an object") }
    let first = names.count
    // Beyond a few names a linear search would let the length of a text cost its square.
    var many: Set<String>?
    try container(until: UInt8(ascii: "}")) { reader in
      guard reader.peek() == UInt8(ascii: "\"") else { throw reader.malformed }
      let name = try reader.text()
      if reader.depth > reader.limits.strictDepth {
        // The caller looks.
      } else if many != nil {
        guard many?.insert(name).inserted == true else { throw TextFailure.twice(name) }
      } else {
        guard !reader.names[first...].contains(name) else { throw TextFailure.twice(name) }
        reader.names.append(name)
        if reader.names.count - first > 24 { many = Set(reader.names[first...]) }
      }
      guard reader.peek() == UInt8(ascii: ":") else { throw reader.malformed }
      reader.next += 1
      do { try member(name, &reader) } catch let failure as TextFailure where !failure.isOfWhole {
        throw failure.within(name)
      }
    }
    names.removeSubrange(first...)
  }

  /// An array; `element` reads each element.
  package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    guard peek() == UInt8(ascii: "[") else { throw try mismatch("a list") }
    var index = 0
    try container(until: UInt8(ascii: "]")) { reader in
      do { try element(&reader) } catch let failure as TextFailure where !failure.isOfWhole {
        throw failure.within(String(index))
      }
      index += 1
    }
  }

  package mutating func string() throws -> String {
    guard peek() == UInt8(ascii: "\"") else { throw try mismatch("a string") }
    try count()
    return try text()
  }

  package mutating func boolean() throws -> Bool {
    guard try kind() == .boolean else { throw try mismatch("true or false") }
    try count()
    let value = peek() == UInt8(ascii: "t")
    try literal(value ? "true" : "false")
    return value
  }

  package mutating func null() throws {
    guard try kind() == .null else { throw try mismatch("null") }
    try count()
    try literal("null")
  }

  /// As it is written: what it is read as must not lose anything of it.
  package mutating func numeral() throws -> String {
    guard try kind() == .number else { throw try mismatch("a number") }
    try count()
    let start = next
    try number()
    return String(decoding: bytes[start..<next], as: UTF8.self)
  }

  /// Reads over the next value, whatever it is. Recursive only as deep as the limits allow.
  package mutating func skip() throws {
    switch try kind() {
    case .object: try object { _, reader in try reader.skip() }
    case .list: try array { reader in try reader.skip() }
    case .string: _ = try string()
    case .number: _ = try numeral()
    case .boolean: _ = try boolean()
    case .null: try null()
    }
  }

  // MARK: Parts

  private var malformed: TextFailure { .ofWhole("is not valid JSON, at byte \(next)") }

  /// The next value is there and of another kind, or there is none.
  private mutating func mismatch(_ expected: String) throws -> TextFailure {
    try kind() == .null
      ? TextFailure("is null, and must be \(expected) or left out") : TextFailure("must be \(expected)")
  }

  private mutating func count() throws {
    values += 1
    guard values <= limits.values else { throw TextFailure.ofWhole("has more than \(limits.values) values") }
  }

  private mutating func container(until close: UInt8, _ element: (inout JSONReader) throws -> Void) throws {
    depth += 1
    guard depth <= limits.depth else { throw TextFailure.ofWhole("is nested too deeply") }
    try count()
    next += 1
    if peek() == close {
      next += 1
    } else {
      while true {
        try element(&self)
        let after = peek()
        next += 1
        if after == close { break }
        guard after == UInt8(ascii: ",") else { throw malformed }
      }
    }
    depth -= 1
  }

  /// The next byte that is not white space, which it then stands at; nil at the end.
  private mutating func peek() -> UInt8? {
    while next < bytes.count {
      switch bytes[next] {
      case 0x20, 0x09, 0x0a, 0x0d: next += 1
      default: return bytes[next]
      }
    }
    return nil
  }

  private mutating func literal(_ word: StaticString) throws {
    let end = next + word.utf8CodeUnitCount
    guard end <= bytes.count,
      bytes[next..<end].elementsEqual(UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    else { throw malformed }
    next = end
  }

  /// `-`? (0 | digits without leading zero) fraction? exponent?
  private mutating func number() throws {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try digits() }
    if take(UInt8(ascii: ".")) { try digits() }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
  }

  private mutating func digits() throws {
    let start = next
    while next < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[next]) { next += 1 }
    guard next > start else { throw malformed }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next < bytes.count, bytes[next] == byte else { return false }
    next += 1
    return true
  }

  /// A string; the reader stands at its opening quote.
  private mutating func text() throws -> String {
    next += 1
    let start = next
    while next < bytes.count {
      switch bytes[next] {
      case UInt8(ascii: "\""):
        defer { next += 1 }
        return try valid(bytes[start..<next])
      case UInt8(ascii: "\\"): return try escaped(from: start)
      case ..<0x20: throw malformed
      default: next += 1
      }
    }
    throw malformed
  }

  /// The rest of a string that has an escape at `next`.
  private mutating func escaped(from start: Int) throws -> String {
    var text = Array(bytes[start..<next])
    while next < bytes.count {
      let byte = bytes[next]
      next += 1
      switch byte {
      case UInt8(ascii: "\""): return try valid(text)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case ..<0x20: throw malformed
      default: text.append(byte)
      }
    }
    throw malformed
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard next < bytes.count else { throw malformed }
    let byte = bytes[next]
    next += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = UInt32(try unit())
      if (0xd800..<0xdc00).contains(code) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw malformed }
        let low = UInt32(try unit())
        guard (0xdc00..<0xe000).contains(low) else { throw malformed }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw malformed }
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw malformed
    }
  }

  /// Four hexadecimal digits.
  private mutating func unit() throws -> UInt16 {
    guard next + 4 <= bytes.count else { throw malformed }
    var value: UInt16 = 0
    for byte in bytes[next..<next + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { throw malformed }
      value = value << 4 | UInt16(digit)
    }
    next += 4
    return value
  }

  private func valid(_ bytes: some Collection<UInt8>) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed }
    return text
  }
}
