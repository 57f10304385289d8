import Foundation
import Testing

@testable import FrameIdentity

@Suite("Base64url")
struct Base64URLTests {
  @Test("RFC 4648's vectors, without padding, both ways")
  func vectors() {
    let vectors = [
      "": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE", "foobar": "Zm9vYmFy",
    ]
    for (plain, text) in vectors {
      #expect(Base64URL.encode(Data(plain.utf8)) == text)
      #expect(Base64URL.decode(text) == Data(plain.utf8))
    }
    #expect(Base64URL.encode(Data([0xfb, 0xff, 0xfe])) == "-__-")
    #expect(Base64URL.decode("-__-") == Data([0xfb, 0xff, 0xfe]))
  }

  @Test("every length of every byte survives")
  func roundTrip() {
    for count in 0..<70 {
      let data = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ count) })
      #expect(Base64URL.decode(Base64URL.encode(data)) == data)
    }
  }

  @Test(
    "padding, the other alphabet, spaces, impossible lengths and stray bits are refused",
    arguments: [
      "Zg==", "Zm8=", "+/+/", "Zm9v ", " Zm9v", "Zm9v\n", "A", "AAAAA", "Zh", "Zm9", "é",
    ])
  func strict(_ text: String) { #expect(Base64URL.decode(text) == nil) }
}
