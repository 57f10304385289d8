import ArgumentParser
import FrameAPI

/// `frame hold`: money set aside for a payee until it is captured, released or expires.
struct HoldCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Set money aside, capture it in part or whole, release it.",
    discussion: """
      Examples:
        frame hold create --from alice --payee shop --amount 25.00 --expires-in 3600
        frame hold capture h3f9ac2… --amount 20.00
        frame hold list
      """,
    subcommands: [
      HoldCreateCommand.self, HoldCaptureCommand.self, HoldReleaseCommand.self, HoldListCommand.self,
      HoldShowCommand.self,
    ])

  static func show(_ hold: HoldView) {
    Output.fields([
      ("hold", hold.holdId), ("state", hold.state), ("from", hold.from), ("payee", hold.payee),
      ("amount", "\(hold.amount) \(hold.asset)"), ("captured", hold.captured), ("remaining", hold.remaining),
      ("memo", hold.memo.isEmpty ? nil : hold.memo), ("created", hold.createdAt), ("expires", hold.expiresAt),
      ("ended", hold.endedAt), ("position", "\(hold.position)"),
    ])
  }

  static func show(_ receipt: ReceiptView) {
    Output.fields([
      ("hold", receipt.holdId), ("state", receipt.state), ("to", receipt.to),
      ("amount", "\(receipt.amount) \(receipt.asset)"), ("released", receipt.released),
      ("position", "\(receipt.position)"),
    ])
  }
}

/// `frame hold create`.
struct HoldCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Set an agent's money aside until a time.",
    discussion: """
      With a payee it is a promise: the payee (or the frame's authority, to that payee) captures it, and its owner cannot
      take it back before its time. Without one only its owner captures it, and may release it. The authority may release any hold.

      Example:
        frame hold create --from alice --payee shop --amount 25.00 --expires-in 3600
      """)

  @Option(name: .long, help: "The agent whose money it is (default: the agent of the token).")
  var from: String?

  @Option(name: .long, help: "The agent that may capture it.")
  var payee: String?

  @Option(name: .long, help: "A decimal in this frame's currency, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "Seconds until it expires, at most 366 days.")
  var expiresIn: Int?

  @Option(name: .long, help: "When it expires, instead of --expires-in: 2027-01-31T12:00:00Z.")
  var expiresAt: String?

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (expiresIn == nil) != (expiresAt == nil) else {
      throw ValidationError("Give either --expires-in or --expires-at: every hold has an end.")
    }
  }

  func run() async throws {
    let body = NewHoldBody(
      from: from, payee: payee, amount: amount, expiresInSeconds: expiresIn.map(Int64.init), expiresAt: expiresAt,
      memo: memo)
    let answer: APIClient.Answer<HoldView> = try await node.client().post("/api/v1/holds", body, key: key.resolved())
    output.print(answer) { HoldCommand.show($0) }
  }
}

/// `frame hold capture`.
struct HoldCaptureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture", abstract: "Pay out of a hold; what is not captured goes back unless --keep-rest.",
    discussion: """
      Example:
        frame hold capture h3f9ac2… --amount 20.00 --keep-rest
      """)

  @Argument(help: "The hold's id.")
  var id: String

  @Option(name: .long, help: "A decimal; all that is left unless given.")
  var amount: String?

  @Option(name: .long, help: "Who is paid, when the hold names no payee.")
  var to: String?

  @Flag(name: .long, help: "Leave the rest on hold, to be captured later.")
  var keepRest = false

  @Option(name: .long, help: "Kept in the log.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = CaptureHoldBody(amount: amount, to: to, keepRest: keepRest ? true : nil, memo: memo)
    let client = try node.client()
    let answer: APIClient.Answer<ReceiptView> = try await client.post(
      "/api/v1/holds/\(id)/capture", body, key: key.resolved())
    output.print(answer) { HoldCommand.show($0) }
    // The receipt is of the one event, and the same whenever it is asked for; what is on hold now is the hold's to say.
    guard keepRest, !output.json, let hold = try? await client.get("/api/v1/holds/\(id)", as: HoldView.self).body else {
      return
    }
    Output.fields([("still on hold", "\(hold.remaining) \(hold.asset)"), ("the hold is", hold.state)])
  }
}

/// `frame hold release`.
struct HoldReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Give what is left of a hold back to its owner.",
    discussion: """
      Example:
        frame hold release h3f9ac2… --reason "sold out"
      """)

  @Argument(help: "The hold's id.")
  var id: String

  @Option(name: .long, help: "Kept in the log.")
  var reason: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = ReasonBody(reason: reason)
    let answer: APIClient.Answer<ReceiptView> = try await node.client().post(
      "/api/v1/holds/\(id)/release", body, key: key.resolved())
    output.print(answer) { HoldCommand.show($0) }
  }
}

/// `frame hold list`.
struct HoldListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Open holds, oldest first.",
    discussion: """
      Example:
        frame hold list --agent alice
      """)

  @Option(name: .long, help: "Only those of which this agent is owner or payee.")
  var agent: String?

  @Option(name: .long, help: "How many at most, 1 to 1000.")
  var limit = 100

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let filter: APIPath = agent.map { "&agent=\($0)" } ?? ""
    let answer: APIClient.Answer<HoldsView> = try await node.client().get("/api/v1/holds?limit=\(limit)\(filter)")
    output.print(answer) { list in
      Output.table(
        ["HOLD", "STATE", "FROM", "PAYEE", "REMAINING", "EXPIRES"],
        list.holds.map { [$0.holdId, $0.state, $0.from, $0.payee ?? "", $0.remaining, $0.expiresAt] })
    }
  }
}

/// `frame hold show`.
struct HoldShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One hold, open or lately ended.",
    discussion: """
      Example:
        frame hold show h3f9ac2…
      """)

  @Argument(help: "The hold's id.")
  var id: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<HoldView> = try await node.client().get("/api/v1/holds/\(id)")
    output.print(answer) { HoldCommand.show($0) }
  }
}
