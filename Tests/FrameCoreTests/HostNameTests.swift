import FrameCore
import Testing

@Suite("Host names")
struct HostNameTests {
  @Test(
    "every spelling of a name is one name",
    arguments: ["shop.example", "Shop.Example", "SHOP.EXAMPLE.", "shop.example."])
  func spellings(_ text: String) throws { #expect(try HostName(text).text == "shop.example") }

  @Test(
    "what is no host name, is an address in any form, or is another name in disguise is refused",
    arguments: [
      "", ".", "..", "a..b", ".a", "a.b..", "-a.example", "a-.example", "a b", "a/b", "*.example", "*", "a:1", "[::1]",
      "::1", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "a.0x", "1.2.3.4.", "ſhop.example",
      "shop。example",
      "shop.example\0", "xn--shop-.example", "xn--.example", "münchen.example", "ＳＨＯＰ.example",
      String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "aa",
    ])
  func refused(_ text: String) { #expect(throws: Refusal.self) { try HostName(text) } }

  @Test(
    "names of frames, of IDNA and with one label are names",
    arguments: ["frame_a.example", "xn--mnchen-3ya.de", "default"])
  func accepted(_ text: String) throws { #expect(try HostName(text).text == text) }
}
