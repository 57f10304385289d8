import ArgumentParser
import FrameAPI

/// `frame log events`.
struct LogEventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Events of the log, from a position on.",
    discussion: """
      Examples:
        frame log events --limit 20
        frame log events --from 100 --json
      """)

  @Option(name: .long, help: "The first position.")
  var from: UInt64 = 0

  @Option(name: .long, help: "At most so many, 1 to 1000.")
  var limit = 100

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...1000).contains(limit) else { throw ValidationError("--limit \(limit): use 1 to 1000.") }
  }

  func run() async throws {
    let answer: APIClient.Answer<EventsView> = try await node.client().get(
      "/api/v1/log/events?from=\(from)&limit=\(limit)")
    output.print(answer) { list in
      Output.table(
        ["POSITION", "TIME", "TYPE", "ACTOR"],
        list.events.map { ["\($0.position)", $0.time, $0.type, $0.actor] })
    }
  }
}
