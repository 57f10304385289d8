import ArgumentParser
import FrameLedger
import FrameAPI

/// `frame operator`: the frame's tenants.
struct OperatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator", abstract: "The frame's tenants: license, suspend, resume, renew, remove.",
    discussion: """
      An operator shares the frame's trust domain and writes to its log; it never mints. Its agents are named
      <operator>.<name> and use the same endpoints as the frame's own.

        frame operator add acme --host acme.example=127.0.0.1:9643 --days 365
        frame operator licence acme > acme.licence
        frame agent create acme.alice --token "$(frame operator token acme)"
      """,
    subcommands: [
      OperatorAddCommand.self, OperatorListCommand.self, OperatorShowCommand.self, OperatorSuspendCommand.self,
      OperatorResumeCommand.self, OperatorRenewCommand.self, OperatorRemoveCommand.self, OperatorReleaseCommand.self,
      OperatorTokenCommand.self, OperatorLicenceCommand.self, OperatorVerifyCommand.self,
    ])

  static func show(_ info: OperatorView) {
    Output.fields([
      ("operator", info.name), ("spiffe id", info.spiffeId), ("state", info.state), ("reason", info.reason),
      ("licence", info.licenceId), ("expires", info.expiresAt), ("scopes", info.scopes.joined(separator: " ")),
      ("agents", info.agents.isEmpty ? nil : info.agents.joined(separator: " ")),
    ])
    if !info.hosts.isEmpty { Output.table(["HOST NAME", "UPSTREAM"], info.hosts.map { [$0.name, $0.upstream] }) }
  }
}

/// What a licence is issued with.
struct LicenceOptions: ParsableArguments {
  @Option(name: .long, help: "How long the licence is valid, in days, 1 to 1096 (default: 365).")
  var days: Int?

  @Option(name: .long, help: "agents, transfers or bridge; may be given several times (default: all, or as before).")
  var scope: [String] = []

  @Option(
    name: .long,
    help: "A public host name of the operator and where it listens, name=host:port; may be given several times.")
  var host: [String] = []

  func body() throws -> LicenceBody {
    let hosts = try host.map { text in
      let parts = text.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { throw ValidationError("'\(text)' is not name=host:port.") }
      return OperatorView.Host(name: String(parts[0]), upstream: String(parts[1]))
    }
    return LicenceBody(days: days, scopes: scope.isEmpty ? nil : scope, hosts: hosts.isEmpty ? nil : hosts)
  }
}

/// `frame operator add`.
struct OperatorAddCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "License an operator; its host names are routed at once.",
    discussion: """
      Example:
        frame operator add acme --host acme.example=127.0.0.1:9643 \\
          --scope agents --scope transfers
      """)

  @Argument(help: "1 to 32 of a-z, 0-9 and '-'.")
  var name: String

  @OptionGroup var licence: LicenceOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let terms = try licence.body()
    let body = NewOperatorBody(name: name, days: terms.days, scopes: terms.scopes, hosts: terms.hosts)
    let answer: APIClient.Answer<OperatorView> = try await node.client().post("/api/v1/operators", body)
    output.print(answer, text: OperatorCommand.show)
  }
}

/// `frame operator list`.
struct OperatorListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All operators and where they stand.",
    discussion: """
      Example:
        frame operator list --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorsView> = try await node.client().get("/api/v1/operators")
    output.print(answer) { list in
      Output.table(
        ["OPERATOR", "STATE", "EXPIRES", "SCOPES", "AGENTS"],
        list.operators.map {
          [$0.name, $0.state, $0.expiresAt, $0.scopes.joined(separator: " "), String($0.agents.count)]
        })
    }
  }
}

/// `frame operator show`.
struct OperatorShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One operator: standing, licence, host names, agents.",
    discussion: """
      Example:
        frame operator show acme
      """)

  @Argument(help: "The operator's name.")
  var name: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<OperatorView> = try await node.client().get("/api/v1/operators/\(name)")
    output.print(answer, text: OperatorCommand.show)
  }
}
