import ArgumentParser
import FrameAPI

/// `frame fees`: the fee rule and the fee pool.
struct FeesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fees", abstract: "What a transfer costs, and the pool its fees go to.",
    discussion: """
      The rule itself is in frame.yaml (fees: basis_points, fixed, minimum, maximum).

      Examples:
        frame fees show --amount 250.00
        frame fees collect
      """,
    subcommands: [FeesShowCommand.self, FeesCollectCommand.self])
}

/// `frame fees show`.
struct FeesShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The fee rule, and what it makes of an amount.",
    discussion: """
      Example:
        frame fees show --amount 250.00
      """)

  @Option(name: .long, help: "A decimal to work out the fee for.")
  var amount: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let query: APIPath = amount.map { "?amount=\($0)" } ?? ""
    let answer: APIClient.Answer<FeesView> = try await node.client().get("/api/v1/fees\(query)")
    output.print(answer) { fees in
      Output.fields([
        ("basis points", "\(fees.basisPoints)"), ("fixed", fees.fixed), ("minimum", fees.minimum),
        ("maximum", fees.maximum ?? "none"), ("fee pool", fees.pool), ("amount", fees.amount), ("fee", fees.fee),
      ])
    }
  }
}

/// `frame fees collect`.
struct FeesCollectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect", abstract: "Move the fee pool to the treasury (the frame's authority only).",
    discussion: """
      Example:
        frame fees collect --memo "November"
      """)

  @Option(name: .long, help: "A decimal; all of the pool unless given.")
  var amount: String?

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = CollectFeesBody(amount: amount, memo: memo)
    do {
      let answer: APIClient.Answer<ReceiptView> = try await node.client().post(
        "/api/v1/fees/collect", body, key: key.resolved())
      output.print(answer, text: TransferCommand.show)
    } catch let problem as ProblemDocument where problem.code == "nothing_to_collect" {
      // What was wanted is so already.
      if output.json { return try Output.json(["state": problem.code, "amount": "0"]) }
      Output.line("nothing to collect")
    }
  }
}
