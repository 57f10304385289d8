import ArgumentParser
import FrameAPI
import FrameCore
import FrameEvents

/// `frame peer former-log`: what stands towards logs that peers have lost.
struct PeerFormerLogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "former-log", abstract: "What stands towards a log that a peer has lost: look, recognise, write off.",
    discussion: """
      A peer that comes back with another log is another debtor: nothing that stood towards the old one is acted on before
      it was decided about. Recognising takes both operators; writing off closes our own books, for good.

        frame peer former-log list
        frame peer former-log recognise frame-a.example 0f3a… --note agreed
        frame peer former-log accept frame-b.example 0198f2…
      """,
    subcommands: [
      FormerLogListCommand.self, FormerLogShowCommand.self, FormerLogRecogniseCommand.self,
      FormerLogWithdrawCommand.self, FormerLogWriteOffCommand.self, FormerLogAcceptCommand.self,
      FormerLogRejectCommand.self,
    ], defaultSubcommand: FormerLogListCommand.self)

  static func show(_ logs: FormerLogsView) {
    if logs.formerLogs.isEmpty, logs.claims.isEmpty { return Output.note("No peer has lost a log.") }
    if !logs.formerLogs.isEmpty {
      Output.table(
        ["FRAME", "LOG", "STATE", "SINCE", "CLEARING", "IN FLIGHT", "RESERVE", "WRAPPED"],
        logs.formerLogs.map { log in
          [
            log.frameId, log.id, state(of: log), log.since, Money.owed(log.clearing, log.asset, to: "it"),
            "\(log.transfers + log.items) items", Money.text(log.reserve, log.asset), log.wrapped ?? "none",
          ]
        })
    }
    for claim in logs.claims {
      Output.line("")
      Output.fields([
        ("claim", claim.proposalId), ("by", claim.frameId), ("about our lost log", claim.log), ("state", claim.state),
        (
          "it would be",
          claim.clearing.map { Money.owed($0, claim.asset, to: claim.frameId) } ?? "what our currency cannot say"
        ), ("we would lock for it", Money.text(claim.reserve, claim.asset)),
        ("of that being redeemed", Money.text(claim.redeeming, claim.asset)),
        ("since", claim.since), ("note", claim.note), ("reason", claim.reason),
      ])
    }
  }

  /// A proposal decides nothing: until the peer has answered, the log is undecided, as the supply statement says.
  private static func state(of log: FormerLogView) -> String {
    log.state == "proposed" ? "undecided, proposed to the peer" : log.state
  }

  static func show(_ log: FormerLogView) {
    func money(_ decimal: String) -> String { Money.text(decimal, log.asset) }
    Output.fields([
      ("log", log.log), ("state", state(of: log)), ("since", log.since),
      ("clearing", Money.owed(log.clearing, log.asset, to: "it")), ("sent", money(log.sent)),
      ("held", money(log.held)), ("transfers in flight", "\(log.transfers)"), ("reserve", money(log.reserve)),
      ("to be returned", money(log.returnable)), ("bridge items", "\(log.items)"), ("wrapped here", log.wrapped),
      ("of that being redeemed", log.redeeming),
      ("proposal", log.proposalId), ("withdrawn", log.withdrawnAt), ("decided", log.decidedAt), ("note", log.note),
      ("its key", log.logVerifierKey), ("the new key", log.newLogVerifierKey),
    ])
    guard let open = log.open, !open.isEmpty else { return }
    Output.line("")
    Output.table(
      ["KIND", "ID", "GOES TO", "AMOUNT"],
      open.map { [$0.kind, $0.id, $0.to, $0.asset == nil ? money($0.amount) : $0.money] })
  }
}

/// The peer and its former log, as every subcommand names them.
struct FormerLogArguments: ParsableArguments {
  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The log: the 16 digits that frame peer former-log list shows.")
  var log: String

  func validate() throws {
    guard (try? FrameID(frame)) != nil else { throw ValidationError("'\(frame.prefix(80))' is not a frame id.") }
    guard PeerLog(name: "\(frame)+\(log.split(separator: "+").last ?? "")") != nil else {
      throw ValidationError(
        "'\(log.prefix(80))' is not a log: give the 16 digits that frame peer former-log list shows.")
    }
  }

  func path(_ verb: APIPath = "") -> APIPath {
    // The whole name is taken too.
    let id = log.split(separator: "+").last.map(String.init) ?? log
    return "/api/v1/peers/\(frame)/former-logs/\(id)\(verb)"
  }
}

struct FormerLogListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Former logs of peers, and what peers ask about a log that we have lost.",
    discussion: """
      Examples:
        frame peer former-log list
        frame peer former-log list frame-a.example --json
      """)

  @Argument(help: "Only those with this peer.")
  var frame: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let path: APIPath = frame.map { "/api/v1/peers/\($0)/former-logs" } ?? "/api/v1/former-logs"
    let answer: APIClient.Answer<FormerLogsView> = try await node.client().get(path)
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "One former log, with what is in flight by id.",
    discussion: """
      Example:
        frame peer former-log show frame-a.example 0f3a…
      """)

  @OptionGroup var of: FormerLogArguments
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogView> = try await node.client().get(of.path())
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogRecogniseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recognise", abstract: "Ask the peer's new log to take over what stands; its operator decides.",
    discussion: """
      Once accepted, what is owed goes on with the new log, which books its side against its own treasury; what was in flight
      goes back to its senders, and wrapped tokens that were being redeemed to their holders, backed.

      Example:
        frame peer former-log recognise frame-a.example 0f3a… --note agreed
      """)

  @OptionGroup var of: FormerLogArguments

  @Option(name: .long, help: "Shown to the other operator and kept in the log.")
  var note: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogView> = try await node.client().post(
      of.path("/recognise"), NoteBody(note: note))
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogWithdrawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdraw", abstract: "Take back what we asked, unless the peer has accepted already.",
    discussion: """
      Example:
        frame peer former-log withdraw frame-a.example 0f3a… --reason no
      """)

  @OptionGroup var of: FormerLogArguments

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogView> = try await node.client().post(
      of.path("/withdraw"), ReasonBody(reason: reason))
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogWriteOffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write-off", abstract: "Close our books on a former log, alone and for good.",
    discussion: """
      What was in flight goes back to its senders, what remains goes to or out of the treasury, and wrapped tokens of that
      log stay with their holders, or go back to them when they were being redeemed, marked unbacked.

      Example:
        frame peer former-log write-off frame-a.example 0f3a… --note lost
      """)

  @OptionGroup var of: FormerLogArguments

  @Option(name: .long, help: "Why; kept in the log.")
  var note: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogView> = try await node.client().post(
      of.path("/write-off"), NoteBody(note: note))
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogAcceptCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept", abstract: "Take over what a peer says stood towards the log that we have lost.",
    discussion: """
      It is booked against our treasury at once. The log that could have told whether it is true is lost: compare the
      figures with what you have from elsewhere first.

      Example:
        frame peer former-log accept frame-b.example 0198f2…
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The claim: see frame peer former-log list.")
  var claim: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogsView> = try await node.client().post(
      "/api/v1/peers/\(frame)/former-log-claims/\(claim)/accept")
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}

struct FormerLogRejectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Refuse to take over what a peer says stood towards our lost log.",
    discussion: """
      Example:
        frame peer former-log reject frame-b.example 0198f2… --reason "10.00 less"
      """)

  @Argument(help: "The peer's frame id.")
  var frame: String

  @Argument(help: "The claim: see frame peer former-log list.")
  var claim: String

  @Option(name: .long, help: "Told to the other frame and kept in the log.")
  var reason: String

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<FormerLogsView> = try await node.client().post(
      "/api/v1/peers/\(frame)/former-log-claims/\(claim)/reject", ReasonBody(reason: reason))
    output.print(answer, text: PeerFormerLogCommand.show)
  }
}
