import FrameTesting
import Testing

@testable import FrameSNI

@Suite("ClientHello")
struct ClientHelloTests {
  @Test("the name is found, in lower case, whatever stands around it")
  func found() {
    let message = Hello.message([(10, [0, 2, 0, 29]), Hello.name("Registry.Example.COM"), (43, [2, 3, 4])])
    #expect(ClientHello.read(Hello.records(message)) == .name("registry.example.com"))
    #expect(ClientHello.read(Hello.records(message) + [22, 3, 1, 0]) == .name("registry.example.com"))
  }

  @Test("every prefix asks for more, however the hello is split into records", arguments: [16_384, 100, 7, 1])
  func split(_ size: Int) {
    let bytes = Hello.records(Hello.message([Hello.name("frame-b.example")]), size: size)
    for end in 0..<bytes.count { #expect(ClientHello.read(bytes[..<end]) == .needsMore, "\(end)") }
    #expect(ClientHello.read(bytes) == .name("frame-b.example"))
  }

  @Test("B21: what the hello says does not depend on the pieces it arrives in", arguments: [1, 2, 5, 6, 64, 1000])
  func pieces(_ size: Int) {
    let whole = Hello.records(Hello.message([Hello.name("frame-b.example"), (43, [2, 3, 4])]), size: 11)
    var hello = ClientHello()
    var readings: [ClientHello.Reading] = []
    for start in stride(from: 0, to: whole.count, by: size) {
      readings.append(hello.take(whole[start..<min(start + size, whole.count)]))
    }
    #expect(readings.last == .name("frame-b.example"))
    #expect(readings.dropLast().allSatisfy { $0 == .needsMore })
  }

  @Test("GREASE values and an encrypted inner hello are passed over: the outer name counts")
  func greaseAndECH() {
    let message = Hello.message([
      (0x0a0a, []), (0xfe0d, Array(repeating: 9, count: 250)), Hello.name("public.example"), (0xfafa, [0]),
    ])
    #expect(ClientHello.read(Hello.records(message)) == .name("public.example"))
    #expect(ClientHello.read(Hello.records(Hello.message([(0xfe0d, [0, 1, 2])]))) == .noName)
  }

  @Test("a hello without a server name says so")
  func noName() {
    #expect(ClientHello.read(Hello.records(Hello.message([(10, [0, 2, 0, 29])]))) == .noName)
    #expect(ClientHello.read(Hello.records(Hello.message([(0, Hello.serverNames([(9, [1, 2])]))]))) == .noName)
  }

  @Test(
    "what is not TLS is seen from its first bytes",
    arguments: ["GET / HTTP/1.1\r\n", "SSH-2.0-x", "PRI * HTTP/2.0", "\u{80}\u{2e}\u{1}"])
  func notTLS(_ text: String) { #expect(ClientHello.read(Array(text.utf8)) == .notTLS) }

  @Test("malformed hellos are refused, not guessed at")
  func malformed() {
    let cases: [[UInt8]] = [
      Hello.records(Hello.message([(0, [0])])),
      Hello.records(Hello.message([(0, Hello.serverNames([(0, [])]))])),
      Hello.records(Hello.message([Hello.name("a.example"), Hello.name("b.example")])),
      Hello.records(Hello.message([(0, Hello.serverNames([(0, Array("a".utf8)), (0, Array("b".utf8))]))])),
      Hello.records(Hello.message([(0, Hello.serverNames([(0, Array("a\u{0}b".utf8))]))])),
      Hello.records(Hello.message([(0, Hello.serverNames([(0, Array(repeating: 97, count: 256))]))])),
      Hello.records(Hello.message([], session: Array(repeating: 0, count: 33))),
      Hello.records([2, 0, 0, 0]),
      [22, 3, 1, 0, 0],
      [22, 3, 1, 0x40, 0x01, 1],
      Hello.records([1, 0, 0, 3, 3, 3, 0]),
    ]
    for (index, bytes) in cases.enumerated() { #expect(ClientHello.read(bytes) == .malformed, "case \(index)") }
  }

  @Test("a hello over the limit is refused before it is all here")
  func tooLarge() {
    #expect(ClientHello.read([22, 3, 1, 0x40, 0, 1, 0, 0x80, 0, 3, 3]) == .tooLarge)
    let endless = Hello.records(Array(Hello.message([(65_000, Array(repeating: 0, count: 40_000))])), size: 64)
    #expect(ClientHello.read(endless) == .tooLarge)
  }

  @Test("random bytes and random damage never crash the parser")
  func fuzz() {
    var random = SeededGenerator(seed: 42)
    let good = Hello.records(Hello.message([Hello.name("frame-b.example"), (43, [2, 3, 4])]), size: 50)
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0..<(random.next() % 4 + 1) {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255)
      }
      bytes.removeLast(Int(random.next() % 20))
      _ = ClientHello.read(bytes)
    }
  }
}
