import ArgumentParser
import Foundation
import FrameNode

/// `frame audit`.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Check the whole log and the supply equation; exits 1 unless everything holds.",
    discussion: """
      Examples:
        frame audit                          # by the running node
        frame audit --offline --data ./a --with ./b # two frames held against each other, trusting neither
        frame audit --offline --data ./frame-data   # from the files alone, whether the node runs or not
        frame audit verify --checkpoint ./log/checkpoint --key KEY --log ./log   # an outsider's copy
      """,
    subcommands: [AuditVerifyCommand.self])

  @Flag(name: .long, help: "Read the data folder instead of asking the node.")
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
    let report: AuditStatement
    if offline {
      let data = try await OfflineAudit.run(try node.configuration())
      report = try OfflineAudit.decode(data)
      if output.json { Output.json(data) } else { Self.show(report) }
    } else {
      var client = try node.client()
      client.timeout = .minutes(10)
      let answer: APIClient.Answer<AuditStatement> = try await client.post("/api/v1/audit")
      report = answer.body
      output.print(answer, text: Self.show)
    }
    if !report.passes { throw ExitCode(1) }
  }

  private func runTwoSided(peer: URL) async throws {
    let ours = try node.configuration()
    let theirs = try NodeConfiguration.load(peer.appendingPathComponent(NodeSetup.configurationName))
    var clean = true
    for configuration in [ours, theirs] {
      let report = try OfflineAudit.decode(try await OfflineAudit.run(configuration))
      clean = clean && report.passes
      if !output.json {
        Output.line(configuration.frameID.name)
        Self.show(report)
        Output.line("")
      }
    }
    let audit = try TwoSidedAudit(
      (ours, try await OfflineAudit.report(ours)), (theirs, try await OfflineAudit.report(theirs)))
    if output.json {
      Output.json(try JSONEncoder().encode(audit))
    } else {
      Output.table(
        ["ORIGIN", "DESTINATION", "LOCKED", "WRAPPED", "IN FLIGHT"],
        audit.bridge.map { [$0.origin, $0.destination, "\($0.locked)", "\($0.wrapped)", "\($0.in_flight)"] })
      Output.line("clearing difference \(audit.clearing_difference)")
      for problem in audit.problems { Output.line("problem: \(problem)") }
    }
    if !clean || !audit.problems.isEmpty { throw ExitCode(1) }
  }

  static func show(_ report: AuditStatement) {
    let supply = report.supply
    var fields: [(String, String?)] = [
      ("result", report.passes ? "clean" : "NOT CLEAN"), ("log size", "\(report.position)"), ("root", report.root),
      ("issued", supply.issued), ("circulating", supply.circulating), ("staked", supply.staked), ("held", supply.held),
      ("fees", supply.fees), ("treasury", supply.treasury),
    ]
    for (peer, amount) in supply.lockedForBridge.sorted(by: { $0.key < $1.key }) {
      fields.append(("locked for bridge \(peer)", amount))
    }
    for (peer, amount) in supply.clearing.sorted(by: { $0.key < $1.key }) {
      fields.append(("clearing \(peer)", amount))
    }
    for (origin, amount) in (supply.wrapped ?? [:]).sorted(by: { $0.key < $1.key }) {
      fields.append(("wrapped of \(origin)", amount))
    }
    fields.append(("delta", supply.delta))
    for problem in report.problems { fields.append(("problem", problem)) }
    Output.fields(fields)
  }
}

extension AuditStatement {
  /// Clean, and a delta of exactly nothing.
  var passes: Bool { clean && problems.isEmpty && !supply.delta.contains { ("1"..."9").contains($0) } }
}
