import ArgumentParser
import Foundation

/// `frame audit`.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Check the whole log and the supply equation; exits 1 unless everything holds.",
    discussion: """
      Examples:
        frame audit                          # by the running node
        frame audit --offline --data ./frame-data   # from the files alone, whether the node runs or not
      """)

  @Flag(name: .long, help: "Read the data folder instead of asking the node.")
  var offline = false

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
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
