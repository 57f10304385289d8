import ArgumentParser
import FrameAPI

/// `frame agent`: the frame's account holders.
struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent",
    abstract: "The frame's account holders: create, list, show, history, freeze, and tokens for them.",
    subcommands: [
      AgentCreateCommand.self, AgentListCommand.self, AgentShowCommand.self, AgentTokenCommand.self,
      AgentFreezeCommand.self, AgentUnfreezeCommand.self, AgentHistoryCommand.self,
    ])

  static func show(_ agent: AgentView) {
    Output.fields([
      ("agent", agent.address), ("spiffe id", agent.spiffeId),
      ("purpose", agent.purpose.isEmpty ? nil : agent.purpose), ("frozen", agent.frozen),
      ("frozen since", agent.frozenSince),
    ])
    if let asOf = agent.asOf { Output.fields(asOf.fields) }
    if let balances = agent.balances, !balances.isEmpty {
      Output.table(["ACCOUNT", "ASSET", "AMOUNT"], balances.map { [$0.kind, $0.asset, $0.amount] })
    }
  }
}

/// `frame agent create`.
struct AgentCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Register an agent.",
    discussion: """
      Example:
        frame agent create alice
      """)

  @Argument(help: "1 to 64 of a-z, 0-9, '-', '_', '.'.")
  var name: String

  @Option(name: .long, help: "What the agent is for; empty for people's agents.")
  var purpose: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = NewAgentBody(name: name, purpose: purpose)
    let answer: APIClient.Answer<AgentView> = try await node.client().post("/api/v1/agents", body)
    output.print(answer, text: AgentCommand.show)
  }
}

/// `frame agent list`.
struct AgentListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All agents of the frame.",
    discussion: """
      Example:
        frame agent list --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AgentsView> = try await node.client().get("/api/v1/agents")
    output.print(answer) { list in
      Output.table(
        ["AGENT", "PURPOSE", "FROZEN", "SPIFFE ID"],
        list.agents.map { [$0.address, $0.purpose, $0.frozen == nil ? "" : "yes", $0.spiffeId] })
    }
  }
}

/// `frame agent show`.
struct AgentShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One agent with its balances, now or as of a position or time.",
    discussion: """
      Example:
        frame agent show alice
        frame agent show alice --at-time 2027-01-31T12:00:00Z
      """)

  @Argument(help: "The agent's name.")
  var name: String

  @OptionGroup var past: PastOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    var client = try node.client()
    if past.isGiven { client.timeout = .minutes(10) }
    let answer: APIClient.Answer<AgentView> = try await client.get("/api/v1/agents/\(name)\(past.query)")
    output.print(answer, text: AgentCommand.show)
  }
}

/// `frame agent token`.
struct AgentTokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "A JWT-SVID with which the agent itself can use the API.",
    discussion: """
      Prints the token alone, so that it can be used directly:
        curl -H "Authorization: Bearer $(frame agent token alice)" \\
          http://127.0.0.1:8080/api/v1/agents/alice
      """)

  @Argument(help: "The agent's name.")
  var name: String

  @Option(name: .long, help: "How long the token is valid, in seconds.")
  var ttlSeconds: Int?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = TokenBody(ttlSeconds: ttlSeconds)
    let answer: APIClient.Answer<TokenView> = try await node.client().post("/api/v1/agents/\(name)/token", body)
    output.print(answer) { Output.line($0.token) }
  }
}
