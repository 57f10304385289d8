import ArgumentParser
import FrameAPI

/// `frame agent history`.
struct AgentHistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "What moved an agent's money, newest first.",
    discussion: """
      A full page ends with a cursor; give it back for the next one.

      Examples:
        frame agent history alice --limit 20
        frame agent history alice --oldest-first --cursor MW8xMg
        frame agent history alice --at-time 2027-01-31T12:00:00Z
      """)

  @Argument(help: "The agent's name.")
  var name: String

  @Option(name: .long, help: "How many at most, 1 to 200.")
  var limit = 50

  @Option(name: .long, help: "The cursor that the page before ended with.")
  var cursor: String?

  @Flag(name: .long, help: "From the first transaction on.")
  var oldestFirst = false

  @OptionGroup var past: PastOptions
  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let start: APIPath = cursor.map { "&cursor=\($0)" } ?? ""
    let point: APIPath = past.parameter.map { "&\($0)" } ?? ""
    let answer: APIClient.Answer<HistoryView> = try await node.client().get(
      "/api/v1/agents/\(name)/transactions?limit=\(limit)&order=\(oldestFirst ? "oldest" : "newest")\(start)\(point)")
    output.print(answer) { history in
      if let asOf = history.asOf { Output.fields(asOf.fields) }
      Output.table(
        ["POSITION", "TIME", "EVENT", "ACCOUNT", "AMOUNT", "WITH", "MEMO"],
        history.transactions.flatMap { item in
          item.changes.map { change in
            [
              "\(item.position)", item.time, item.type, change.kind, "\(change.amount) \(change.asset)",
              item.counterparty ?? "", item.memo ?? "",
            ]
          }
        })
      if let next = history.nextCursor { Output.note("next page: --cursor \(next)") }
    }
  }
}
