import ArgumentParser
import FrameAPI

/// `frame metrics`.
struct MetricsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "The catalog of what the node publishes at /metrics.",
    subcommands: [MetricsListCommand.self])
}

/// `frame metrics list`.
struct MetricsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Every metric: name, type, unit, labels and meaning.",
    discussion: """
      Example:
        frame metrics list
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<MetricsView> = try await node.client().get("/api/v1/metrics")
    output.print(answer) { catalog in
      Output.table(
        ["NAME", "TYPE", "UNIT", "LABELS", "HELP"],
        catalog.metrics.map { [$0.name, $0.type, $0.unit, $0.labels.joined(separator: ","), $0.help] })
    }
  }
}
