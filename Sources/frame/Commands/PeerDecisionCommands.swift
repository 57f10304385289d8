import ArgumentParser
import FrameAPI

/// `frame peer approve`.
struct PeerApproveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve", abstract: "Approve an invitation, naming the fingerprint you compared.",
    discussion: """
      Example:
        frame peer approve frame-a.example --fingerprint SHA256:0f3a…
      """)

  @Argument(help: "The frame that invited us.")
  var frame: String

  @Option(name: .long, help: "The fingerprint that frame peer show prints and the other operator confirmed.")
  var fingerprint: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<PeerView> = try await node.client().post(
      "/api/v1/peers/\(frame)/approve", FingerprintBody(fingerprint: fingerprint))
    output.print(answer, text: PeerCommand.show)
  }
}

/// `frame peer reject`.
struct PeerRejectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Reject an invitation.",
    discussion: """
      Example:
        frame peer reject frame-x.example --reason "not agreed"
      """)

  @Argument(help: "The frame that invited us.")
  var frame: String

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<PeerView> = try await node.client().post(
      "/api/v1/peers/\(frame)/reject", ReasonBody(reason: reason))
    output.print(answer, text: PeerCommand.show)
  }
}

/// `frame peer revoke`.
struct PeerRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "End a treaty, at once and unilaterally.",
    discussion: """
      Open connections to that peer close and everything it sends from now on is refused.

      Example:
        frame peer revoke frame-b.example --reason "treaty ended"
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<PeerView> = try await node.client().post(
      "/api/v1/peers/\(frame)/revoke", ReasonBody(reason: reason))
    output.print(answer, text: PeerCommand.show)
  }
}
