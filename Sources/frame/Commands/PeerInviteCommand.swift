import ArgumentParser
import FrameAPI

/// `frame peer invite`.
struct PeerInviteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite", abstract: "Invite another frame to a treaty; prints the fingerprint its bundle has.",
    discussion: """
      Example:
        frame peer invite --trust-domain frame-b.example --bundle-endpoint \\
          https://127.0.0.1:9454
      """)

  @Option(name: .long, help: "The other frame's id (trust domain).")
  var trustDomain: String

  @Option(name: .long, help: "Where the other frame serves its bundle, https://host:port.")
  var bundleEndpoint: String

  @Option(name: .long, help: "The fingerprint its bundle must have, SHA256:<hex>, learned by other means.")
  var expectFingerprint: String?

  @Option(
    name: .long,
    help: "How that endpoint proves itself: https_spiffe (its SVID) or https_web (Web PKI and host name).")
  var profile: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = InvitationBody(
      trustDomain: trustDomain, bundleEndpoint: bundleEndpoint, expectFingerprint: expectFingerprint, profile: profile)
    let client = try node.client()
    let answer: APIClient.Answer<PeerView> = try await client.post("/api/v1/peers/invitations", body)
    if output.json { return Output.json(answer.data) }
    PeerCommand.show(answer.body)
    let own: APIClient.Answer<FrameView> = try await client.get("/api/v1/frame")
    Output.fields([("our fingerprint", own.body.bundleFingerprint)])
    if expectFingerprint == nil { Output.note("Compare the fingerprint with the one the other operator tells you.") }
    Output.note("Tell the other operator ours: it is asked for when the invitation is approved there.")
  }
}
