import ArgumentParser
import FrameAPI

/// `frame peer`: treaties with other frames (WS3).
struct PeerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peer", abstract: "Treaties with other frames: invite, approve, amend, revoke.",
    discussion: """
      A treaty is bilateral: one side invites, the other compares the fingerprint it was told by other means and approves.

        frame peer invite --trust-domain frame-b.example --bundle-endpoint \\
          https://b.example:9444
        # at B: the fingerprint to compare
        frame peer show frame-a.example
        frame peer approve frame-a.example --fingerprint SHA256:…
      """,
    subcommands: [
      PeerInviteCommand.self, PeerListCommand.self, PeerShowCommand.self, PeerApproveCommand.self,
      PeerRejectCommand.self, PeerRevokeCommand.self, PeerInvitationsCommand.self, PeerTreatyCommand.self,
      PeerAmendCommand.self, PeerAmendmentsCommand.self, PeerRepinCommand.self, PeerFormerLogCommand.self,
    ])

  static func show(_ peer: PeerView) {
    let sight = peer.reachability
    Output.fields([
      ("frame", peer.frameId), ("state", peer.state), ("direction", peer.direction), ("currency", peer.currency),
      ("answers", sight?.answers), ("last answer", sight?.lastSuccessAgeSeconds.map { "\(Age.text($0)) ago" }),
      ("last error", sight?.lastError?.text), ("stream", sight?.stream), ("fingerprint", peer.fingerprint),
      ("observed", observed(peer)), ("log key", peer.logVerifierKey),
      (
        "LOG KEY SERVED",
        peer.servedLogVerifierKey == peer.logVerifierKey ? nil : peer.servedLogVerifierKey
      ),
      ("federation", peer.federationAddress), ("bundle endpoint", peer.bundleEndpoint),
      ("bundle profile", peer.bundleProfile),
      ("last refresh", peer.lastRefresh.map { $0 + Age.suffix(sight?.lastRefreshAgeSeconds) }),
      ("revision", "\(peer.revision)"), ("lapses", peer.expiresAt),
      ("reason", peer.reason), ("waiting for", peer.next), ("last step", peer.trouble),
    ])
    for amendment in peer.amendments where amendment.state == "pending" {
      Output.line("")
      show(amendment)
    }
  }

  /// What the newest look at the peer's bundle endpoint saw.
  private static func observed(_ peer: PeerView) -> String? {
    guard let sight = peer.reachability else { return peer.observedFingerprint }
    if let seen = peer.observedFingerprint {
      return (seen == peer.fingerprint ? seen : "\(seen) (NOT THE PINNED ONE)") + Age.suffix(sight.observedAgeSeconds)
    }
    return sight.refreshError.map { "nothing: \($0.text)" } ?? "not looked at yet"
  }

  static func show(_ amendment: AmendmentView) {
    Output.fields([
      ("amendment", amendment.amendmentId), ("frame", amendment.frameId), ("direction", amendment.direction),
      ("state", amendment.state), ("revision", "\(amendment.revision)"),
      ("note", amendment.note.isEmpty ? nil : amendment.note), ("reason", amendment.reason),
      ("lapses", amendment.state == "pending" ? amendment.expiresAt : nil),
    ])
    for change in amendment.changes { Output.line("  \(change)") }
  }
}
