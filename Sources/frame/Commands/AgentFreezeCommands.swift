import ArgumentParser
import FrameAPI

/// `frame agent freeze`.
struct AgentFreezeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "freeze", abstract: "Keep an agent's money from moving out by its own commands.",
    discussion: """
      What comes in is credited, and what is under way (a 2pc transfer, a hold with a payee) is carried to its end.

      Example:
        frame agent freeze alice --reason "court order 17"
      """)

  @Argument(help: "The agent's name.")
  var name: String

  @Option(name: .long, help: "Kept in the log and shown to the agent.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AgentView> = try await node.client().post(
      "/api/v1/agents/\(name)/freeze", FreezeBody(reason: reason))
    output.print(answer, text: AgentCommand.show)
  }
}

/// `frame agent unfreeze`.
struct AgentUnfreezeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unfreeze", abstract: "Let an agent's money move again.",
    discussion: """
      Example:
        frame agent unfreeze alice --reason "order lifted"
      """)

  @Argument(help: "The agent's name.")
  var name: String

  @Option(name: .long, help: "Kept in the log.")
  var reason: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = ReasonBody(reason: reason)
    let answer: APIClient.Answer<AgentView> = try await node.client().post("/api/v1/agents/\(name)/unfreeze", body)
    output.print(answer, text: AgentCommand.show)
  }
}
