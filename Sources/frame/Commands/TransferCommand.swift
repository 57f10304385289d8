import ArgumentParser
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

  static func show(_ receipt: Receipt) {
    Output.fields([
      ("state", receipt.state), ("transfer", receipt.transferId), ("backend", receipt.backend),
      ("from", receipt.from.flatMap { $0.isEmpty ? nil : $0 }), ("to", receipt.to.flatMap { $0.isEmpty ? nil : $0 }),
      ("amount", receipt.amount.map { "\($0) \(receipt.asset ?? "")" }), ("fee", receipt.fee),
      ("position", receipt.position.map(String.init)), ("reason", receipt.reason),
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
    var body: [String: JSONValue] = ["amount": .string(amount)]
    body.add("from", from)
    body.add("memo", memo)
    let path: APIPath
    if let local = try await localName(client) {
      guard backend == nil else {
        throw Refusal(
          "backend_not_used", .invalid, "'\(to)' is an agent of this frame, where a transfer settles at once.",
          remedy: "Leave --backend out, or name an agent of a peer.")
      }
      body["to"] = .string(local)
      path = "/api/v1/transfers"
    } else {
      body["to"] = .string(to)
      path = "/teg/cross-registry-transfer?backend=\((backend ?? .twoPhase).rawValue)"
    }
    let answer: APIClient.Answer<Receipt> = try await client.post(path, body, key: key.resolved())
    output.print(answer, text: TransferCommand.show)
  }

  /// The receiver's name when it is an agent of the node's own frame, written with or without the frame.
  private func localName(_ client: APIClient) async throws -> String? {
    let parts = to.split(separator: "@", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return to }
    let own: APIClient.Answer<FrameInfo> = try await client.get("/api/v1/frame")
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
    let answer: APIClient.Answer<Receipt> = try await node.client().get("/teg/cross-registry-transfer/\(id)")
    output.print(answer, text: TransferCommand.show)
  }
}
