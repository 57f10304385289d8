import ArgumentParser
import Foundation
import FrameAPI
import FrameTreaty
import FrameEvents

/// `frame peer treaty`.
struct PeerTreatyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "treaty",
    abstract: "The treaty with a peer as both sides signed it, or a check of such a text, offline.",
    discussion: """
      The text is a C2SP signed note with a signature of each frame's log key. Take the keys for a check from the frames'
      operators, never from where the text came from; exits 1 unless each key has signed.

      Examples:
        frame peer treaty frame-b.example
        frame peer treaty frame-b.example --verify
        frame peer treaty --file ./treaty.txt --key KEY-OF-A --key KEY-OF-B
      """)

  @Argument(help: "The peer's frame id; not with --file.")
  var frame: String?

  @Flag(name: .long, help: "Check the signatures here instead of believing the node.")
  var verify = false

  @Option(name: .long, help: "Check this text, asking no node.")
  var file: String?

  @Option(name: .long, help: "A verifier key that must be one of the treaty's (name+id+base64); may be repeated.")
  var key: [String] = []

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if (frame == nil) == (file == nil) { throw ValidationError("Give a peer's frame id, or --file.") }
    if file == nil, !verify, !key.isEmpty { throw ValidationError("--key needs --verify or --file.") }
  }

  func run() async throws {
    for key in key { _ = try LogVerifierKey(given: key) }
    if let file {
      return report(try TreatyDocument.inspect(try Files.read(file), known: key))
    }
    let answer: APIClient.Answer<TreatyView> = try await node.client().get("/api/v1/peers/\(frame ?? "")/treaty")
    guard verify else { return output.print(answer) { Output.lines($0.document) } }
    report(try TreatyDocument.inspect(Data(answer.body.document.utf8), known: key))
  }

  private func report(_ inspection: TreatyDocument.Inspection) {
    if output.json {
      let keys = inspection.keys.map { "\"\($0)\"" }.joined(separator: ",")
      return Output.json(Data("{\"signed\":true,\"keys\":[\(keys)]}".utf8))
    }
    Output.lines(inspection.text)
    Output.line("")
    for key in inspection.keys { Output.line("signed by \(key)") }
    if self.key.isEmpty { Output.note("The keys are those that the text names: compare them with what you know.") }
  }
}

/// `frame peer repin`.
struct PeerRepinCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repin", abstract: "Trust the bundle that a peer serves now, naming the fingerprint you compared.",
    discussion: """
      For a peer whose keys were lost or rebuilt, so that the pinned bundle does not vouch for the new ones. A rotation
      needs none of this.

      Example:
        frame peer repin frame-b.example --fingerprint SHA256:0f3a…
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Option(name: .long, help: "The fingerprint that the other operator told you by other means.")
  var fingerprint: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<PeerView> = try await node.client().post(
      "/api/v1/peers/\(frame)/repin", FingerprintBody(fingerprint: fingerprint))
    output.print(answer, text: PeerCommand.show)
  }
}

/// `frame peer invitations`.
struct PeerInvitationsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invitations", abstract: "Invitations that wait for a decision, and those that have lapsed.",
    discussion: """
      Example:
        frame peer invitations --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<InvitationsView> = try await node.client().get("/api/v1/peers/invitations")
    output.print(answer) { list in
      Output.table(
        ["FRAME", "DIRECTION", "STATE", "LAPSES", "FINGERPRINT"],
        list.invitations.map { [$0.frameId, $0.direction, $0.state, $0.expiresAt, $0.fingerprint] })
    }
  }
}
