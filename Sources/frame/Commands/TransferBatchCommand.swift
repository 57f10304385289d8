import ArgumentParser
import FrameAPI

/// `frame transfer batch`: a file of transfers, all of them or none.
struct TransferBatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch", abstract: "Do a file of transfers within this frame: all of them, or none.",
    discussion: """
      The file has up to 1,000 transfers of one payer: JSON, a list of {"to", "amount", "memo"}; or CSV with a first line
      that names the columns to, amount and, if there are any, memo. Who is paid is an agent of this frame, by its name
      alone (alice, not alice@frame-a.example). Amounts are decimals, in JSON as strings.

      Examples:
        frame transfer batch --from frame:treasury --file payroll.csv
        frame transfer batch --from alice --file transfers.json \\
          --idempotency-key payroll-2026-11
      """)

  @Option(name: .long, help: "The file; its name ends in .json or .csv.")
  var file: String

  @Option(name: .long, help: "The paying agent, or frame:treasury (default: the agent of the token).")
  var from: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let transfers = try TransferFile.read(file)
    let body = TransferBatchBody(from: from, transfers: transfers)
    let answer: APIClient.Answer<TransferBatchView> = try await node.client().post(
      "/api/v1/transfers/batch", body, key: key.resolved())
    output.print(answer) { receipt in
      Output.fields([
        ("state", receipt.state), ("transfers", "\(receipt.transfers)"), ("from", receipt.from),
        ("amount", "\(receipt.amount) \(receipt.asset)"), ("fee", receipt.fee), ("position", "\(receipt.position)"),
      ])
    }
  }
}
