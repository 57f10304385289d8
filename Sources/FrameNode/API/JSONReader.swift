/// Reads JSON (RFC 8259) front to back, without building a tree; the caller says what it expects where.
///
/// Bounded by the bytes it is given and by `maximumDepth`; never reads past them.
struct JSONReader {
  struct Failure: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }

    static let malformed = Failure("it is not valid JSON")
    static func type(_ name: String) -> Failure { Failure("'\(name)' has the wrong type") }
  }

  static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private var next = 0
  private var depth = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  // MARK: What a caller expects

  /// An object; `member` reads or skips the value of each name.
  mutating func object(_ member: (String, inout JSONReader) throws -> Void) throws {
    guard peek() == UInt8(ascii: "{") else { throw Failure("an object was expected") }
    try container(until: UInt8(ascii: "}")) { reader in
      guard reader.peek() == UInt8(ascii: "\"") else { throw Failure.malformed }
      let name = try reader.text()
      guard reader.peek() == UInt8(ascii: ":") else { throw Failure.malformed }
      reader.next += 1
      try member(name, &reader)
    }
  }

  /// An array; `element` reads each element.
  mutating func array(_ name: String, _ element: (inout JSONReader) throws -> Void) throws {
    guard peek() == UInt8(ascii: "[") else { throw Failure.type(name) }
    try container(until: UInt8(ascii: "]"), element)
  }

  mutating func string(_ name: @autoclosure () -> String) throws -> String {
    guard peek() == UInt8(ascii: "\"") else { throw Failure.type(name()) }
    return try text()
  }

  mutating func optionalString(_ name: @autoclosure () -> String) throws -> String? {
    if peek() == UInt8(ascii: "n") {
      try literal("null")
      return nil
    }
    return try string(name())
  }

  /// Any value, checked for its form.
  mutating func skip() throws {
    switch peek() {
    case UInt8(ascii: "{"): try object { _, reader in try reader.skip() }
    case UInt8(ascii: "["): try array("") { try $0.skip() }
    case UInt8(ascii: "\""): _ = try text()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    default: try number()
    }
  }

  /// Nothing but white space may be left.
  mutating func end() throws {
    guard peek() == nil else { throw Failure.malformed }
  }

  // MARK: Parts

  private mutating func container(until close: UInt8, _ element: (inout JSONReader) throws -> Void) throws {
    depth += 1
    guard depth <= Self.maximumDepth else { throw Failure("it is nested too deeply") }
    next += 1
    if peek() == close {
      next += 1
    } else {
      while true {
        try element(&self)
        let after = peek()
        next += 1
        if after == close { break }
        guard after == UInt8(ascii: ",") else { throw Failure.malformed }
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
    else { throw Failure.malformed }
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
    guard next > start else { throw Failure.malformed }
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
        return try Self.valid(bytes[start..<next])
      case UInt8(ascii: "\\"): return try escaped(from: start)
      case ..<0x20: throw Failure.malformed
      default: next += 1
      }
    }
    throw Failure.malformed
  }

  /// The rest of a string that has an escape at `next`.
  private mutating func escaped(from start: Int) throws -> String {
    var text = Array(bytes[start..<next])
    while next < bytes.count {
      let byte = bytes[next]
      next += 1
      switch byte {
      case UInt8(ascii: "\""): return try Self.valid(text)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case ..<0x20: throw Failure.malformed
      default: text.append(byte)
      }
    }
    throw Failure.malformed
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard next < bytes.count else { throw Failure.malformed }
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
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw Failure.malformed }
        let low = UInt32(try unit())
        guard (0xdc00..<0xe000).contains(low) else { throw Failure.malformed }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw Failure.malformed }
      text.append(contentsOf: String(Character(scalar)).utf8)
    default: throw Failure.malformed
    }
  }

  /// Four hexadecimal digits.
  private mutating func unit() throws -> UInt16 {
    guard next + 4 <= bytes.count else { throw Failure.malformed }
    var value: UInt16 = 0
    for byte in bytes[next..<next + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { throw Failure.malformed }
      value = value << 4 | UInt16(digit)
    }
    next += 4
    return value
  }

  private static func valid(_ bytes: some Collection<UInt8>) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure.malformed }
    return text
  }
}
