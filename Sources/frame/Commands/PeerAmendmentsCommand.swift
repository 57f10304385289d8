import ArgumentParser
import FrameAPI

/// `frame peer amendments`: proposals to change the terms of treaties.
struct PeerAmendmentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "amendments", abstract: "Proposals to change treaties: list, accept, reject, withdraw.",
    discussion: """
      Examples:
        frame peer amendments
        frame peer amendments accept frame-a.example 0198f2…
      """,
    subcommands: [
      AmendmentsListCommand.self, AmendmentAcceptCommand.self, AmendmentRejectCommand.self,
      AmendmentWithdrawCommand.self,
    ], defaultSubcommand: AmendmentsListCommand.self)
}

/// `frame peer amendments list`.
struct AmendmentsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The last amendment of each treaty and direction, with what it changes.",
    discussion: """
      Examples:
        frame peer amendments list
        frame peer amendments list frame-b.example --json
      """)

  @Argument(help: "Only those with this peer.")
  var frame: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    if let frame {
      let answer: APIClient.Answer<AmendmentsView> = try await node.client().get("/api/v1/peers/\(frame)/amendments")
      return output.print(answer) { Self.show($0.amendments) }
    }
    let answer: APIClient.Answer<PeersView> = try await node.client().get("/api/v1/peers")
    output.print(answer) { Self.show($0.peers.flatMap { $0.amendments }) }
  }

  private static func show(_ amendments: [AmendmentView]) {
    if amendments.isEmpty { return Output.note("There are no amendments.") }
    for (index, amendment) in amendments.enumerated() {
      if index > 0 { Output.line("") }
      PeerCommand.show(amendment)
    }
  }
}

/// `frame peer amendments accept`.
struct AmendmentAcceptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept", abstract: "Accept what the peer proposed; the new terms are then in force.",
    discussion: """
      Example:
        frame peer amendments accept frame-b.example 0198f2…
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The amendment's id: see frame peer amendments list.")
  var amendment: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AmendmentView> = try await node.client().post(
      "/api/v1/peers/\(frame)/amendments/\(amendment)/accept")
    output.print(answer, text: PeerCommand.show)
  }
}

/// `frame peer amendments reject`.
struct AmendmentRejectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Reject what the peer proposed.",
    discussion: """
      Example:
        frame peer amendments reject frame-b.example 0198f2… --reason "not agreed"
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The amendment's id: see frame peer amendments list.")
  var amendment: String

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AmendmentView> = try await node.client().post(
      "/api/v1/peers/\(frame)/amendments/\(amendment)/reject", ReasonBody(reason: reason))
    output.print(answer, text: PeerCommand.show)
  }
}

/// `frame peer amendments withdraw`.
struct AmendmentWithdrawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw", abstract: "Take back what we proposed, unless the peer has decided already.",
    discussion: """
      Example:
        frame peer amendments withdraw frame-b.example 0198f2… --reason "not agreed"
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The amendment's id: see frame peer amendments list.")
  var amendment: String

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<AmendmentView> = try await node.client().post(
      "/api/v1/peers/\(frame)/amendments/\(amendment)/withdraw", ReasonBody(reason: reason))
    output.print(answer, text: PeerCommand.show)
  }
}
