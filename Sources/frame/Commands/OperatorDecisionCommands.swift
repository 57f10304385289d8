import ArgumentParser
import FrameLedger
import FrameAPI

/// `frame operator suspend`.
struct OperatorSuspendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suspend", abstract: "Refuse everything of an operator and its agents, at once.",
    discussion: """
      Its host names leave the SNI map and their connections end. Money that others send to its agents still arrives, and
      transfers under way still settle.

      Example:
        frame operator suspend acme --reason "unpaid"
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @Option(name: .long, help: "Kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().post(
      "/api/v1/operators/\(name)/suspend", ReasonBody(reason: reason))
    output.print(answer, text: OperatorCommand.show)
  }
}

/// `frame operator resume`.
struct OperatorResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "End an operator's suspension.",
    discussion: """
      Example:
        frame operator resume acme
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().post("/api/v1/operators/\(name)/resume")
    output.print(answer, text: OperatorCommand.show)
  }
}

/// `frame operator renew`.
struct OperatorRenewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew", abstract: "Issue a new licence in the place of the old.",
    discussion: """
      Scopes and host names stay as they are unless they are given; the time starts anew. A suspension stays.

      Example:
        frame operator renew acme --days 90
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @OptionGroup var licence: LicenceOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().post(
      "/api/v1/operators/\(name)/renew", try licence.body())
    output.print(answer, text: OperatorCommand.show)
  }
}

/// `frame operator remove`.
struct OperatorRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove an operator whose agents have no money any more.",
    discussion: """
      Its name is licensed again only when nothing of its agents is held or under way. Agents that are to keep their money are released to the frame first (frame operator release).

      Example:
        frame operator remove acme --reason "contract ended"
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @Option(name: .long, help: "Kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().post(
      "/api/v1/operators/\(name)/remove", ReasonBody(reason: reason))
    output.print(answer, text: OperatorCommand.show)
  }
}

/// `frame operator release`.
struct OperatorReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Make an operator's agent the frame's own, with its money.",
    discussion: """
      Example:
        frame operator release acme acme.alice
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @Argument(help: "The agent's name, <operator>.<name>.")
  var agent: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().post(
      "/api/v1/operators/\(name)/agents/\(agent)/release")
    output.print(answer, text: OperatorCommand.show)
  }
}
