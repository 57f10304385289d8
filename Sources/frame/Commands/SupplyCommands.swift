import ArgumentParser
import FrameAPI

/// `frame issue`.
struct IssueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue", abstract: "Mint native currency into the treasury (the frame's authority only).",
    discussion: """
      Example:
        frame issue --amount 1000000.00 --memo "first issue"
        frame transfer --from frame:treasury --to alice --amount 500.00
      """)

  @Option(name: .long, help: "A decimal, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = MintBody(amount: amount, memo: memo)
    let answer: APIClient.Answer<ReceiptView> = try await node.client().post(
      "/api/v1/issue", body, key: key.resolved())
    output.print(answer, text: TransferCommand.show)
  }
}

/// `frame burn`.
struct BurnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "burn", abstract: "Burn native currency out of the treasury (the frame's authority only).",
    discussion: """
      Example:
        frame burn --amount 100.00
      """)

  @Option(name: .long, help: "A decimal, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = MintBody(amount: amount, memo: memo)
    let answer: APIClient.Answer<ReceiptView> = try await node.client().post("/api/v1/burn", body, key: key.resolved())
    output.print(answer, text: TransferCommand.show)
  }
}
