import ArgumentParser
import FrameAPI

/// `frame bridge`: wrapped tokens (SF-3).
struct BridgeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bridge", abstract: "Wrapped tokens: lock here and issue there, redeem there and unlock here.",
    subcommands: [
      BridgeLockCommand.self, BridgeRedeemCommand.self, BridgeShowCommand.self, BridgeReservesCommand.self,
      BridgeCloseBreakerCommand.self,
    ])

  static func show(_ item: BridgeItemView) {
    Output.fields([
      ("state", item.state), ("lock", item.lockId), ("redeem", item.redeemId), ("peer", item.peer),
      ("from", item.from), ("recipient", item.recipient), ("amount", "\(item.amount) \(item.asset)"),
      ("memo", item.memo.isEmpty ? nil : item.memo), ("position", "\(item.position)"),
    ])
  }
}

/// `frame bridge lock`.
struct BridgeLockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lock", abstract: "Lock native tokens here, so that the peer issues as many wrapped ones.",
    discussion: """
      Example:
        frame bridge lock --from alice --to bob@frame-b.example --amount 100.00
      """)

  @Option(name: .long, help: "The agent whose tokens are locked (default: the agent of the token).")
  var from: String?

  @Option(name: .long, help: "Who receives the wrapped tokens, e.g. bob@frame-b.example.")
  var to: String

  @Option(name: .long, help: "A decimal, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "Kept in both frames' logs.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = TransferBody(from: from, to: to, amount: amount, memo: memo)
    let answer: APIClient.Answer<BridgeItemView> = try await node.client().post(
      "/api/v1/bridge/lock", body, key: key.resolved())
    output.print(answer, text: BridgeCommand.show)
  }
}

/// `frame bridge redeem`.
struct BridgeRedeemCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redeem", abstract: "Give wrapped tokens back, so that the frame they came from unlocks as many.",
    discussion: """
      Example:
        frame bridge redeem --from bob --origin frame-a.example \\
          --to alice@frame-a.example --amount 100.00
      """)

  @Option(name: .long, help: "The agent that holds the wrapped tokens (default: the agent of the token).")
  var from: String?

  @Option(name: .long, help: "The frame whose tokens return.")
  var origin: String

  @Option(name: .long, help: "Who receives the unlocked tokens, e.g. alice@frame-a.example.")
  var to: String

  @Option(name: .long, help: "A decimal in the origin's currency, e.g. 12.50.")
  var amount: String

  @Option(name: .long, help: "Kept in both frames' logs.")
  var memo: String?

  @OptionGroup var key: KeyOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = RedeemBody(from: from, origin: origin, to: to, amount: amount, memo: memo)
    let answer: APIClient.Answer<BridgeItemView> = try await node.client().post(
      "/api/v1/bridge/redeem", body, key: key.resolved())
    output.print(answer, text: BridgeCommand.show)
  }
}

/// `frame bridge show`.
struct BridgeShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "The state of a lock or of a redeem.",
    discussion: """
      Examples:
        frame bridge show lock-5d0c…
        frame bridge show redeem-91e4… --redeem
      """)

  @Argument(help: "The lock's id, or with --redeem the redeem's.")
  var id: String

  @Flag(name: .long, help: "The id is a redeem's.")
  var redeem = false

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<BridgeItemView> = try await node.client().get(
      "/api/v1/bridge/\(redeem ? "redeems" : "locks")/\(id)")
    output.print(answer, text: BridgeCommand.show)
  }
}

/// `frame bridge reserves`.
struct BridgeReservesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reserves", abstract: "Per peer: what is locked here, what is outstanding there, what is in flight.",
    discussion: """
      reserve = outstanding + in flight, always; exits 1 when a peer's does not balance.

      Example:
        frame bridge reserves
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<ReservesView> = try await node.client().get("/api/v1/bridge/reserves")
    output.print(answer) { list in
      Output.table(
        ["PEER", "RESERVE", "OUTSTANDING", "IN FLIGHT", "IMBALANCE", "WRAPPED HERE", "BREAKER"],
        list.reserves.map {
          [
            $0.peer, $0.reserve, $0.outstanding, $0.inFlight, $0.imbalance, $0.wrappedOutstanding,
            $0.breakerOpen ? "open: \($0.breakerReason ?? "")" : "closed",
          ]
        })
    }
    let unbalanced = answer.body.reserves.contains { $0.imbalance.contains { ("1"..."9").contains($0) } }
    if unbalanced { throw ExitCode(1) }
  }
}

/// `frame bridge close-breaker`.
struct BridgeCloseBreakerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "close-breaker", abstract: "Let the bridge with a peer work again, after the cause was found.",
    discussion: """
      Example:
        frame bridge close-breaker frame-b.example --note "reserve reconciled"
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Option(name: .long, help: "Why it may be closed; kept in the log.")
  var note: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<ReservesView> = try await node.client().post(
      "/api/v1/bridge/\(frame)/breaker/close", NoteBody(note: note))
    output.print(answer) { _ in Output.line("closed") }
  }
}
