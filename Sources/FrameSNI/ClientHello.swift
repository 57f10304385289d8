/// Reads the server name out of the first bytes of a TLS connection (RFC 8446 §4.1.2, RFC 6066 §3), and nothing else.
///
/// Works on whatever has arrived: the hello may be split over TCP segments and over TLS records. Looks at no more than
/// ``bytesMax`` bytes.
struct ClientHello {
  enum Reading: Equatable {
    /// Not enough has arrived to tell.
    case needsMore
    /// The name asked for, in lower case.
    case name(String)
    /// A proper hello that names no server.
    case noName
    case notTLS
    case malformed
    case tooLarge
  }

  /// Hellos with post-quantum key shares have about 1,800 bytes; nothing honest comes near this.
  static let bytesMax = 16 * 1024

  /// Reads a hello that may be incomplete.
  static func read(_ bytes: some Sequence<UInt8>) -> Reading {
    var hello = ClientHello()
    return hello.take(bytes)
  }

  /// The record header that is being read, at most five bytes: type, version, length.
  private var header: [UInt8] = []
  /// What is left of the record's fragment.
  private var left = 0
  private var message: [UInt8] = []
  private var taken = 0

  /// Takes what has newly arrived. Each byte is looked at once, however small the pieces are: who sends a hello byte by byte
  /// costs no more than who sends it whole.
  /// - Returns: anything but ``Reading/needsMore`` is final.
  mutating func take(_ bytes: some Sequence<UInt8>) -> Reading {
    for byte in bytes {
      taken += 1
      if taken > Self.bytesMax { return .tooLarge }
      if left > 0 {
        left -= 1
        if let reading = takeMessage(byte) { return reading }
      } else if let reading = takeHeader(byte) {
        return reading
      }
    }
    return .needsMore
  }

  /// Records: type 22 (handshake), version 3.x, length 1...2^14.
  private mutating func takeHeader(_ byte: UInt8) -> Reading? {
    header.append(byte)
    switch header.count {
    case 1: if byte != 22 { return message.isEmpty ? .notTLS : .malformed }
    case 2: if byte != 3 { return message.isEmpty ? .notTLS : .malformed }
    case 5:
      left = Int(header[3]) << 8 | Int(header[4])
      guard (1...16_384).contains(left) else { return .malformed }
      header.removeAll(keepingCapacity: true)
    default: break
    }
    return nil
  }

  private mutating func takeMessage(_ byte: UInt8) -> Reading? {
    message.append(byte)
    if message.count == 1 { return byte == 1 ? nil : .malformed }
    guard message.count >= 4 else { return nil }
    let size = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
    if size + 4 > Self.bytesMax { return .tooLarge }
    return message.count == size + 4 ? Self.parse(Array(message[4...])) : nil
  }

  private static func parse(_ body: [UInt8]) -> Reading {
    var hello = Cursor(body)
    // legacy_version, random, session id, cipher suites, compression methods
    guard hello.skip(2 + 32), let session = hello.byte(), session <= 32, hello.skip(Int(session)),
      let suites = hello.uint16(), suites >= 2, suites % 2 == 0, hello.skip(suites),
      let compressions = hello.byte(), compressions >= 1, hello.skip(Int(compressions))
    else { return .malformed }
    if hello.remaining == 0 { return .noName }
    guard let length = hello.uint16(), length == hello.remaining else { return .malformed }
    var found: Reading?
    while hello.remaining > 0 {
      guard let type = hello.uint16(), let size = hello.uint16(), let content = hello.exactly(size) else {
        return .malformed
      }
      if type == 0 {
        guard found == nil else { return .malformed }  // RFC 8446 §4.2: one of each type.
        found = serverName(content)
      }
    }
    return found ?? .noName
  }

  private static func serverName(_ content: [UInt8]) -> Reading {
    var list = Cursor(content)
    guard let length = list.uint16(), length >= 1, length == list.remaining else { return .malformed }
    var name: String?
    while list.remaining > 0 {
      guard let type = list.byte(), let size = list.uint16(), let value = list.exactly(size) else { return .malformed }
      guard type == 0 else { continue }
      guard name == nil, (1...255).contains(value.count), value.allSatisfy(isHostByte) else { return .malformed }
      name = String(decoding: value, as: UTF8.self).lowercased()
    }
    return name.map { .name($0) } ?? .noName
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// The fatal alert `unrecognized_name` (RFC 6066 §3), as a record of its own.
  static let unrecognizedName: [UInt8] = [21, 3, 3, 0, 2, 2, 112]
}

/// Reads big-endian fields from bytes that may end anywhere.
private struct Cursor {
  private let bytes: [UInt8]
  private var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - index }

  mutating func byte() -> UInt8? {
    guard remaining >= 1 else { return nil }
    defer { index += 1 }
    return bytes[index]
  }

  mutating func uint16() -> Int? {
    guard remaining >= 2 else { return nil }
    defer { index += 2 }
    return Int(bytes[index]) << 8 | Int(bytes[index + 1])
  }

  mutating func skip(_ count: Int) -> Bool {
    guard remaining >= count else { return false }
    index += count
    return true
  }

  mutating func exactly(_ count: Int) -> [UInt8]? {
    guard remaining >= count else { return nil }
    defer { index += count }
    return Array(bytes[index..<(index + count)])
  }
}
