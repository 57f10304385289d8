import FrameCore
import FrameIdentity
import FrameProtos
import Foundation
import Testing

@testable import FrameTreaty

/// What an invited frame may put into its approval: its text becomes lines of a treaty that our own log key signs.
@Suite("A notice that is made to break") struct HostileNoticeTests {
  @Test(
    "an approver whose words would break the treaty's lines is refused, and nothing is signed for it",
    arguments: ["x\r", "CrossFrameTransferInitiated\r", "x\n", "\u{301}", "\r\n\r"])
  func approver(_ word: String) async throws {
    let a = try await TestFrame(Names.a)
    var theirs = describe(Names.b, fingerprint: "SHA256:x")
    _ = try await a.writer.submit(
      .requestOutgoing(
        invitationID: "T", ours: describe(Names.a, fingerprint: a.authority.bundle.fingerprint.description),
        theirs: theirs,
        pin: pin("x"), expires: SystemClock().now() + .seconds(60)),
      actor: Names.a.authority, key: try IdempotencyKey("k", caller: Names.a.authority))
    theirs.terms.subscriptions = [word]
    var notice = PBApprovalNotice()
    notice.invitationID = "T"
    notice.approver = theirs
    notice.document = Data("x\n\n".utf8)
    await #expect(throws: FederationError.self) { try await a.federation.approvalNotified(notice, by: Names.b) }
    #expect(await a.writer.book.types == ["FrameInvitationRequested"])
    await a.stop()
  }
}
