import ArgumentParser

/// `frame peer`: treaties with other frames (WS3).
struct PeerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peer", abstract: "Treaties with other frames: invite, approve, revoke.",
    discussion: """
      A treaty is bilateral: one side invites, the other compares the fingerprint it was told by other means and approves.

        frame peer invite --trust-domain frame-b.example --bundle-endpoint https://b.example:9444
        frame peer show frame-a.example                  # at B: the fingerprint to compare
        frame peer approve frame-a.example --fingerprint SHA256:…
      """,
    subcommands: [
      PeerInviteCommand.self, PeerListCommand.self, PeerShowCommand.self, PeerApproveCommand.self,
      PeerRejectCommand.self, PeerRevokeCommand.self,
    ])

  static func show(_ peer: PeerInfo) {
    Output.fields([
      ("frame", peer.frameId), ("state", peer.state), ("direction", peer.direction), ("currency", peer.currency),
      ("fingerprint", peer.fingerprint), ("observed", peer.observedFingerprint),
      ("federation", peer.federationAddress), ("bundle endpoint", peer.bundleEndpoint),
      ("bundle profile", peer.bundleProfile),
      ("last refresh", peer.lastRefresh), ("reason", peer.reason), ("waiting for", peer.trouble),
    ])
  }
}
