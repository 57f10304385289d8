import Foundation
import FrameAPI
import FrameCore
import FrameProtos
import Testing

@testable import FrameTreaty
@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("What is shown of a treaty")
struct PeerViewTests {
  private static let now = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  private func view(
    _ state: TreatyState, _ direction: Treaty.Direction, trouble: String? = nil, isStopped: Bool = false,
    lapsed: Bool = false
  ) throws -> PeerView {
    let treaty = Treaty(
      peer: try FrameID("frame-b.example"), invitationID: "i", state: state, direction: direction,
      ours: PBFrameDescription(), theirs: PBFrameDescription(),
      pin: PinnedBundle(document: Data(), fingerprint: "SHA256:aa", sequence: 1),
      expires: lapsed ? Self.now + .seconds(-1) : Self.now + .seconds(60), since: Self.now)
    return PeerView(
      treaty, native: try Asset(origin: FrameID("frame-a.example"), code: "AVT", scale: 2), sight: nil, now: Self.now,
      trouble: trouble, isStopped: isStopped)
  }

  @Test("a treaty that is stopped for two histories is not shown as established, and says what it waits for")
  func stopped() throws {
    let stopped = try view(.established, .outgoing, isStopped: true)
    #expect(stopped.state == "stopped")
    #expect(stopped.next?.contains("frame log equivocation show frame-b.example") == true)
    let sound = try view(.established, .outgoing)
    #expect(sound.state == "established" && sound.next == nil)
    // What has ended is ended, whatever was the matter with it.
    #expect(try view(.revoked, .outgoing, isStopped: true).state == "revoked")
  }

  @Test("a treaty that is not established yet says who has to do what")
  func waiting() throws {
    #expect(try view(.requested, .incoming).next?.contains("frame peer approve frame-b.example") == true)
    #expect(try view(.requested, .outgoing).next?.hasPrefix("frame-b.example's operator, who approves") == true)
    let standing = try view(.requested, .outgoing, trouble: "already_federated").next
    #expect(standing?.contains("a treaty of before still stands there") == true)
    #expect(try view(.requested, .incoming, lapsed: true).next?.contains("lapsed") == true)
    #expect(try view(.approved, .incoming).next != nil)
    for state in [TreatyState.rejected, .revoked] { #expect(try view(state, .incoming).next == nil) }
  }
}
