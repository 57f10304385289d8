import ArgumentParser
import Foundation

/// `frame log checkpoint`.
struct LogCheckpointCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "The log's signed checkpoint: origin, size, root and signature.",
    discussion: """
      Examples:
        frame log checkpoint > checkpoint
        frame log checkpoint --url https://frame-a.example
      """)

  @OptionGroup var node: NodeOptions

  func run() async throws {
    FileHandle.standardOutput.write(try await node.publicClient().bytes("/log/checkpoint"))
  }
}
