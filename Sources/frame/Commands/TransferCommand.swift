import ArgumentParser
import FrameAPI
import FrameCore

/// `frame transfer`: money to an agent of this frame or of a peer.
struct TransferCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Move money to an agent of this frame or of a peer frame.",
    discussion: """
      Examples:
        frame transfer --from alice --to carol --amount 1.00
        frame transfer --from alice --to bob@frame-b.example --amount 1.00 \\
          --backend async
        frame transfer batch --from alice --file transfers.csv
        frame transfer show t5d0c…
      """,
    subcommands: [TransferSendCommand.self, TransferBatchCommand.self, TransferShowCommand.self],
    defaultSubcommand: TransferSendCommand.self)

  /// What happened within the frame.
  static func show(_ receipt: ReceiptView) {
    Output.fields([
      ("state", receipt.state), ("from", receipt.from), ("to", receipt.to),
      ("amount", "\(receipt.amount) \(receipt.asset)"), ("fee", receipt.fee), ("position", "\(receipt.position)"),
    ])
  }

  /// A transfer to a peer.
  static func show(_ transfer: TransferView) {
    Output.fields([
      ("state", transfer.state), ("transfer", transfer.transferId), ("backend", transfer.backend),
      ("from", transfer.from.isEmpty ? nil : transfer.from), ("to", transfer.to.isEmpty ? nil : transfer.to),
      ("amount", "\(transfer.amount) \(transfer.asset)"), ("position", "\(transfer.position)"),
      ("reason", transfer.reason),
    ])
  }
}

/// How a cross-frame transfer settles.
enum Backend: String, ExpressibleByArgument, CaseIterable {
  /// The caller returns once the debit is durable; the credit follows.
  case async
  /// The caller returns once both sides are durable.
  case twoPhase = "2pc"
}

/// `frame transfer [send]`.
struct TransferSendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Move money to an agent of this frame or of a peer frame.",
    discussion: """
      A refused transfer exits with the code of its reason, such as 76 for want of funds; one that is accepted and still on its
      way exits 0 and prints its id.

      Example:
        frame transfer send --from alice --to bob@frame-b.example --amount 1.00 \\
          --backend 2pc
      """)

  @Option(name: .long, help: "The paying agent, or frame:treasury (default: the agent of the token).")
  var from: String?

  @Option(name: .long, help: "An agent of this frame (carol), or of a peer (bob@frame-b.example).")
  var to: String

  @Option(name: .long, help: "A decimal in this frame's currency, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "How a transfer to a peer settles: async or 2pc (the default).")
  var backend: Backend?

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let client = try node.client()
    guard let local = try await localName(client) else {
      let body = TransferBody(from: from, to: to, amount: amount, memo: memo)
      let answer: APIClient.Answer<TransferView> = try await client.post(
        "/teg/cross-registry-transfer?backend=\((backend ?? .twoPhase).rawValue)", body, key: key.resolved())
      return output.print(answer, text: TransferCommand.show)
    }
    guard backend == nil else {
      throw Refusal(
        "backend_not_used", .invalid, "'\(to)' is an agent of this frame, where a transfer settles at once.",
        remedy: "Leave --backend out, or name an agent of a peer.")
    }
    let body = TransferBody(from: from, to: local, amount: amount, memo: memo)
    let answer: APIClient.Answer<ReceiptView> = try await client.post(
      "/api/v1/transfers", body, key: key.resolved())
    output.print(answer, text: TransferCommand.show)
  }

  /// The receiver's name when it is an agent of the node's own frame, written with or without the frame.
  private func localName(_ client: APIClient) async throws -> String? {
    let parts = to.split(separator: "@", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return to }
    let own: APIClient.Answer<FrameView> = try await client.get("/api/v1/frame")
    return parts[1] == own.body.frameId ? parts[0] : nil
  }
}

/// `frame transfer show`.
struct TransferShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The state of a transfer to a peer.",
    discussion: """
      Example:
        frame transfer show t5d0c…
      """)

  @Argument(help: "The transfer's id.")
  var id: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<TransferView> = try await node.client().get("/teg/cross-registry-transfer/\(id)")
    output.print(answer, text: TransferCommand.show)
  }
}
