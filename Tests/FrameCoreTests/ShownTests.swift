import Foundation
import Testing

@testable import FrameCore

/// What others wrote, as a person sees it (kind: text of others on a terminal).
struct ShownTests {
  @Test("ordinary text stays as it is, in any script")
  func plain() {
    for text in [
      "", "invoice 17", "Grüße, Ægir", "日本語のメモ", "Привет", "שלום", "مرحبا", "नमस्ते", "€ 5.00 — “paid”", "👍", "a\\b",
    ] {
      #expect(Shown(text).text == text)
    }
  }

  @Test("nothing that moves a cursor, ends a line, turns a direction or stays unseen goes through")
  func hostile() {
    var scalars: [UInt32] = Array(0x00...0x1f) + Array(0x7f...0x9f)
    scalars += [0x2028, 0x2029, 0x200e, 0x200f, 0x061c] + Array(0x202a...0x202e) + Array(0x2066...0x2069)
    scalars += [
      0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0x00ad, 0x034f, 0x115f, 0x1160, 0x17b4, 0x180e, 0x2800, 0x3164, 0xffa0,
    ]
    scalars += [
      0xfe00, 0xfe0f, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe000, 0xf8ff, 0xf0000, 0x10fffd, 0xfffe, 0x10ffff, 0x0378,
    ]
    scalars += [0x00a0, 0x1680, 0x2000, 0x2007, 0x202f, 0x205f, 0x3000, 0xfff9, 0x1d173, 0x13430]
    for value in scalars {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let hex = String(value, radix: 16, uppercase: true)
      #expect(Shown("a\(scalar)b").text == "a\\u{\(hex)}b", "U+\(hex)")
      #expect(!Shown.json("\"a\(scalar)b\"").unicodeScalars.contains(scalar) || value == 0x0a, "U+\(hex) in JSON")
    }
  }

  @Test("a memo cannot forge a line below it, and showing what is shown changes nothing")
  func lines() {
    let forged = Shown("paid\r\n  approved by the other operator\u{1b}[2K")
    #expect(forged.text == "paid\\u{D}\\u{A}  approved by the other operator\\u{1B}[2K")
    #expect(Shown(forged.text) == forged)
    // CR LF is one character to Swift and two to a terminal.
    #expect(!forged.text.unicodeScalars.contains("\n") && !forged.text.unicodeScalars.contains("\r"))
  }

  @Test("marks pile up on no letter, and none sits on what is ours")
  func marks() {
    #expect(Shown("e\u{301}").text == "e\u{301}")
    #expect(Shown("\u{301}e").text == "\\u{301}e")
    #expect(Shown(" \u{20dd}").text == " \\u{20DD}")
    let pile = Shown("z" + String(repeating: "\u{35c}", count: 200)).text
    #expect(pile.unicodeScalars.count { $0 == "\u{35c}" } == 3)
  }

  @Test("every scalar there is comes out as one line of things that are seen")
  func all() {
    for value in (0...UInt32(0x10ffff)) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let shown = Shown(String(scalar)).text
      for out in shown.unicodeScalars {
        switch out.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
          Issue.record("U+\(String(value, radix: 16)) is shown as itself")
        default: continue
        }
      }
    }
  }

  @Test("JSON says the same after it as before")
  func json() throws {
    let memo = "a\u{202e}b\u{9b}c\u{7f}\u{e0041}日\"\\\n\u{2028}"
    let document = String(decoding: try JSONEncoder().encode(["memo": memo]), as: UTF8.self)
    let shown = Shown.json(document)
    #expect(try JSONDecoder().decode([String: String].self, from: Data(shown.utf8)) == ["memo": memo])
    #expect(shown.unicodeScalars.allSatisfy { $0.isASCII || $0 == "日" })
    #expect(!shown.contains("\u{7f}"))
  }

  @Test("columns are counted as a terminal counts them, after the spelling out")
  func columns() {
    #expect(Shown("abc").columns == 3)
    #expect(Shown("日本").columns == 4)
    #expect(Shown("e\u{301}").columns == 1)
    #expect(Shown("\u{1b}").columns == 6)
    #expect(Shown("\u{1b}").padded(to: 8) == "\\u{1B}  ")
    #expect(Shown("long").padded(to: 2) == "long")
  }
}

/// What the system's errors are called.
struct SystemWordsTests {
  @Test("a file's trouble is told in our words, without numbers or a library's sentences")
  func files() throws {
    let missing = URL(fileURLWithPath: "/nonexistent/\(UUID().uuidString)")
    do {
      _ = try Data(contentsOf: missing)
      Issue.record("there is no such file")
    } catch {
      #expect(error.words == "there is no such file or folder")
    }
    do {
      try Data().write(to: missing)
      Issue.record("there is no such folder")
    } catch {
      #expect(error.words == "there is no such file or folder")
    }
    #expect(POSIXError(.ENOSPC).words == "the disk is full")
    #expect(SystemWords.of(errno: ECONNREFUSED) == "connection refused")
    #expect(CocoaError(.fileWriteNoPermission).words == "permission denied")
  }

  private struct Secret: Error, CustomStringConvertible {
    let description = "failed at /home/builder/src/thing.c:17"
  }

  @Test("an error that nobody has words for is named by its type, and says nothing of its own")
  func unknown() {
    #expect(Secret().words == "an error of the kind Secret")
    #expect(Secret().report == Secret().words)
    let known = Refusal("full", .refused, "It is full.", remedy: "Wait.")
    #expect(known.words == "It is full")
    #expect(known.report == "It is full. [full] Wait.")
  }
}

/// When people are told that something does not answer.
struct OutageTests {
  private func at(_ seconds: Int64) -> FrameTime {
    FrameTime(unixNanoseconds: (1_800_000_000 + seconds) * 1_000_000_000)
  }

  @Test("it is told once when it is lost, once when it is back, and every ten minutes in between")
  func story() {
    var outage = Outage()
    #expect(outage.failed(at: at(0)) == nil)
    #expect(outage.failed(at: at(3)) == .lost)
    var reminders: [Outage.News] = []
    for second in stride(from: Int64(6), through: 1900, by: 3) {
      if let news = outage.failed(at: at(second)) { reminders.append(news) }
    }
    #expect(reminders == [.still(.seconds(603)), .still(.seconds(1203)), .still(.seconds(1803))])
    #expect(outage.succeeded(at: at(2000)) == .back(.seconds(2000)))
    #expect(outage.succeeded(at: at(2001)) == nil)
  }

  @Test("calls that end together with their connection are no loss")
  func burst() {
    var outage = Outage()
    for _ in 0..<50 { #expect(outage.failed(at: at(0)) == nil) }
    #expect(!outage.isLost && outage.isFailing)
    #expect(outage.succeeded(at: at(1)) == nil)
  }

  @Test("a clock that is set back silences nothing for long")
  func clock() {
    var outage = Outage(patience: 1, spread: .zero)
    #expect(outage.failed(at: at(10_000)) == .lost)
    #expect(outage.failed(at: at(0)) == .still(.zero))
    #expect(outage.succeeded(at: at(0)) == .back(.zero))
  }
}
