/// Builds hellos, well formed or not.
package enum Hello {
  package static func message(_ extensions: [(Int, [UInt8])], session: [UInt8] = [1, 2, 3]) -> [UInt8] {
    var body: [UInt8] = [3, 3] + Array(repeating: 7, count: 32)
    body += [UInt8(session.count)] + session
    body += [0, 2, 0x13, 0x01, 1, 0]
    let all = extensions.flatMap { uint16($0.0) + uint16($0.1.count) + $0.1 }
    body += uint16(all.count) + all
    return [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 255), UInt8(body.count & 255)] + body
  }

  package static func name(_ text: String) -> (Int, [UInt8]) { (0, serverNames([(0, Array(text.utf8))])) }

  package static func serverNames(_ names: [(UInt8, [UInt8])]) -> [UInt8] {
    let list = names.flatMap { [$0.0] + uint16($0.1.count) + $0.1 }
    return uint16(list.count) + list
  }

  package static func records(_ message: [UInt8], size: Int = 16_384) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start -> [UInt8] in
      let part = Array(message[start..<min(start + size, message.count)])
      return [22, 3, 1] + uint16(part.count) + part
    }
  }

  package static func uint16(_ n: Int) -> [UInt8] { [UInt8(n >> 8 & 255), UInt8(n & 255)] }
}
