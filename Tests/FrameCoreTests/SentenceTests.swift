import Foundation
import FrameCore
import Testing

@Suite("Messages as sentences")
struct SentenceTests {
  @Test(
    "a message ends in one full stop, however the parts it was made of ended",
    arguments: [
      ("It failed", "It failed."), ("It failed.", "It failed."), ("It failed: no room..", "It failed: no room."),
      ("It failed: no room. ", "It failed: no room."), ("frame hold capture h3f9…", "frame hold capture h3f9…"),
      ("", ""),
      ("(in a.example)", "(in a.example)."),
    ])
  func sentence(text: String, sentence: String) {
    #expect(text.sentence == sentence)
    #expect(sentence.sentence == sentence)
  }

  @Test("an error's words are no sentence yet, and its description has one")
  func description() {
    let error = Refusal("x", .invalid, "The text is not valid: it is empty..", remedy: "Write one.")
    #expect(error.words == "The text is not valid: it is empty")
    #expect(error.description == "The text is not valid: it is empty. [x] Write one.")
  }

  @Test(
    "what a place cannot take is told by who can mend it",
    arguments: [
      (EACCES, FrameErrorKind.forbidden), (EPERM, .forbidden), (EROFS, .forbidden), (ENOENT, .invalid),
      (ENOTDIR, .invalid), (ENAMETOOLONG, .invalid), (ENOSPC, .unavailable), (EDQUOT, .unavailable),
      (EIO, .unavailable),
    ])
  func places(code: Int32, kind: FrameErrorKind) {
    #expect(WriteFailure(errno: code).kind == kind)
    let posix = POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL)
    #expect(WriteFailure(posix) == WriteFailure(errno: code))
    let cocoa = CocoaError(.fileWriteUnknown, userInfo: [NSUnderlyingErrorKey: posix])
    #expect(WriteFailure(cocoa).kind == kind)
    #expect(!WriteFailure(errno: code).why.hasSuffix(".") && WriteFailure(errno: code).remedy.hasSuffix("."))
  }
}
