import ArgumentParser
import Foundation
import FrameAPI

/// A point in the past, for commands that can answer as of one.
struct PastOptions: ParsableArguments {
  @Option(name: .long, help: "As of right after the event at this position.")
  var atPosition: UInt64?

  @Option(name: .long, help: "As of this time, RFC 3339, e.g. 2027-01-31T12:00:00Z.")
  var atTime: String?

  func validate() throws {
    if atPosition != nil, atTime != nil { throw ValidationError("Give either --at-position or --at-time.") }
  }

  /// What to add to a path.
  var query: APIPath { parameter.map { "?\($0)" } ?? "" }

  /// What to add to a query; nil for the present.
  var parameter: APIPath? {
    if let atPosition { return "at_position=\(atPosition)" }
    return atTime.map { "at_time=\($0)" }
  }

  var isGiven: Bool { atPosition != nil || atTime != nil }
}

/// `frame supply`.
struct SupplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "supply", abstract: "The supply statement: the last audited one, or as of a position or time.",
    discussion: """
      Examples:
        frame supply
        frame supply --at-position 1041
        frame supply --at-time 2027-01-31T12:00:00Z --json
      """)

  @OptionGroup var past: PastOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    var client = try node.client()
    client.timeout = .minutes(10)
    guard past.isGiven else {
      let answer: APIClient.Answer<AuditView> = try await client.get("/api/v1/supply")
      return output.print(answer, text: AuditCommand.show)
    }
    let answer: APIClient.Answer<PastSupplyView> = try await client.get("/api/v1/supply\(past.query)")
    output.print(answer) { past in
      Output.fields(past.asOf.fields)
      AuditCommand.show(past.supply)
    }
  }
}
