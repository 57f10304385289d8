import ArgumentParser
import Foundation
import FrameAPI
import FrameConfiguration
import FrameCore

/// `frame audit`.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Check the whole log and the supply equation; exits 1 unless everything holds.",
    discussion: """
      Examples:
        # by the running node, from where its last audit stopped
        frame audit
        # the whole log again, from its first event
        frame audit --full
        # two logs held against each other, trusting neither
        frame audit --offline --data ./a --with ./b
        # with the log that a peer has lost, from its old folder
        frame audit --offline --data ./b --with ./old-a
        # from the files alone, whether the node runs or not
        frame audit --offline --data ./frame-data
        # an outsider's copy
        frame audit verify --checkpoint ./log/checkpoint --key KEY --log ./log
      """,
    subcommands: [AuditVerifyCommand.self, AuditClearCommand.self])

  @Flag(name: .long, help: "Have the node read the whole log again, not only what is new.")
  var full = false

  @Flag(name: .long, help: "Read the data folder instead of asking the node; always the whole log.")
  var offline = false

  @Option(name: .long, help: "With --offline: the data folder of a peer, to hold the two logs against each other.")
  var with: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if with != nil, !offline { throw ValidationError("--with needs --offline: it reads both logs.") }
  }

  func run() async throws {
    if let with { return try await runTwoSided(peer: URL(fileURLWithPath: with)) }
    let report: AuditView
    if offline {
      let data = try await OfflineAudit.run(try Self.configuration(of: node))
      report = try OfflineAudit.decode(data)
      if output.json { Output.json(data) } else { Self.show(report) }
    } else {
      var client = try node.client()
      client.timeout = .minutes(10)
      let answer: APIClient.Answer<AuditView> = try await client.post(
        full ? "/api/v1/audit?full=true" : "/api/v1/audit")
      report = answer.body
      output.print(answer, text: Self.show)
    }
    if !report.passes { throw ExitCode(1) }
  }

  /// A log that was downloaded is no data folder: it has a checkpoint and tiles, and is audited by another command.
  private static func configuration(of node: NodeOptions) throws -> NodeConfiguration {
    do { return try node.configuration() } catch CLIError.noNode(let path) {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
      guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("checkpoint").path) else {
        throw CLIError.noNode(path: path)
      }
      throw Refusal(
        "no_frame_here", .notFound, "\(folder.path) is a copy of a log, not the data folder of a frame.",
        remedy:
          "Check it with frame audit verify --checkpoint \(folder.path)/checkpoint --key KEY --log \(folder.path).")
    }
  }

  private func runTwoSided(peer: URL) async throws {
    let theirs = try NodeOptions.configuration(in: peer.appendingPathComponent(NodeSetup.configurationName))
    let (audit, sides) = try await TwoSidedAudit.run(try node.configuration(), theirs)
    if output.json {
      Output.json(try APIEncoding.encode(audit))
    } else {
      for side in sides {
        Output.line(side.name)
        Self.show(
          try OfflineAudit.decode(try OfflineAudit.encode(side.report, native: side.configuration.native)))
        Output.line("")
      }
      Output.table(
        ["ORIGIN", "DESTINATION", "LOCKED", "WRAPPED", "IN FLIGHT"],
        audit.bridge.map { direction in
          [direction.origin, direction.destination]
            + [direction.locked, direction.wrapped, direction.in_flight].map { direction.money($0) }
        })
      // Each ledger counts what it owes the other; between them a unit is a unit, whatever their currencies are called.
      Output.line(
        "clearing difference \(audit.clearing_difference): what each owes the other, added; the rest is in flight")
      Output.line("in flight \(audit.transfers_in_flight) transfers, \(audit.bridge_in_flight) bridge items")
      for line in audit.proven { Output.line("proven: \(line)") }
      for line in audit.not_proven { Output.line("not proven: \(line)") }
      for problem in audit.problems { Output.line("problem: \(problem.text)") }
      if audit.problem_count > audit.problems.count { Output.line("problems in all \(audit.problem_count)") }
    }
    if !audit.clean { throw ExitCode(1) }
  }

  static func show(_ report: AuditView) {
    let signed = report.checkpoint?.split(separator: "\n", omittingEmptySubsequences: false)
    Output.fields(
      [
        ("result", report.passes ? "clean" : "NOT CLEAN"), ("log size", "\(report.position)"), ("root", report.root),
        (
          "checkpoint",
          signed.map { $0.count > 1 ? "\($0[0]) size \($0[1]), signed" : "unreadable" } ?? "none to compare"
        ),
        ("issuing frozen", report.frozen), ("frozen since", report.frozenSince),
      ] + report.problems.map { ("problem", $0) }
        + (report.findings > report.problems.count ? [("problems in all", "\(report.findings)")] : []))
    show(report.supply)
  }

  /// The supply statement, and what the names of former logs in it mean.
  static func show(_ supply: AuditView.Supply) {
    Output.table(["LINE", "WITH", "AMOUNT"], lines(supply))
    let former = supply.formerLogs
    guard !former.isEmpty else { return }
    Output.line("")
    Output.table(
      ["FORMER LOG", "STATE", "CLEARING", "LOCKED", "WRAPPED"],
      former.map { [$0.log, $0.state, $0.clearing, $0.lockedForBridge, $0.wrapped] })
    for (state, meaning) in formerLogMeanings where former.contains(where: { $0.state == state }) {
      Output.line("\(state): \(meaning)")
    }
  }

  private static let formerLogMeanings = [
    (
      "undecided",
      "stands still until both operators recognise it or one writes it off; its tokens are backed by no log"
    ),
    ("recognised", "the peer's present log has taken it over; its tokens are in that one's line"),
    ("written_off", "is in the treasury; its tokens stay with their holders, backed by no log"),
  ]

  /// The supply statement: each line of the equation, and per peer or origin what has one.
  static func lines(_ supply: AuditView.Supply) -> [[String]] {
    func money(_ decimal: String) -> String { Money.text(decimal, supply.asset) }
    func byName(_ line: String, _ amounts: [String: String], _ text: (String, String) -> String) -> [[String]] {
      amounts.isEmpty
        ? [[line, "no peer", text("", "0")]]
        : amounts.sorted { $0.key < $1.key }.map { [line, $0.key, text($0.key, $0.value)] }
    }
    return [
      ["issued", "", money(supply.issued)], ["circulating", "", money(supply.circulating)],
      ["staked", "", money(supply.staked)], ["held", "", money(supply.held)], ["fees", "", money(supply.fees)],
      ["treasury", "", money(supply.treasury)],
    ] + byName("locked_for_bridge", supply.lockedForBridge.amounts) { money($1) }
      + byName("clearing", supply.clearing.amounts) { Money.owed($1, supply.asset, to: $0, us: "this frame") } + [
        ["delta", "", money(supply.delta)]
      ] + byName("wrapped", supply.wrapped.amounts) { $0.isEmpty ? $1 : "\($1) in the currency of \($0)" }
  }
}

/// `frame audit clear`.
struct AuditClearCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clear", abstract: "Let issuing go on after an audit's finding froze it.",
    discussion: """
      The node audits its whole log first. When that is clean, issuing goes on. When it is not, the log keeps its findings for
      ever: name how many there are, once each is explained, and only more than these freeze issuing again.

      Example:
        frame audit clear --note "bad memory in the old host; full audit clean"
      """)

  @Option(name: .long, help: "Why it may go on; kept in the log.")
  var note: String

  @Option(name: .long, help: "How many findings of the full audit are known and explained.")
  var acceptFindings: Int?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let body = ClearAuditBody(note: note, acceptFindings: acceptFindings.map { UInt64(max(0, $0)) })
    var client = try node.client()
    client.timeout = .minutes(10)
    let answer: APIClient.Answer<AuditView> = try await client.post("/api/v1/audit/clear", body)
    output.print(answer) { report in
      AuditCommand.show(report)
      Output.line("")
      Output.line(Self.outcome(report))
    }
  }

  /// What came of it: the audit may say NOT CLEAN for ever, and nothing is frozen all the same.
  static func outcome(_ report: AuditView) -> String {
    if let frozen = report.frozen { return "Issuing is frozen again: \(frozen)." }
    guard !report.passes else { return "Issuing goes on." }
    return
      "Issuing goes on. The log keeps its findings (\(report.findings)), which are accepted: audits name them and exit 1; only more freeze issuing again."
  }
}

extension AuditView {
  /// Clean, and a delta of exactly nothing.
  var passes: Bool { clean && problems.isEmpty && !supply.delta.contains { ("1"..."9").contains($0) } }
}
