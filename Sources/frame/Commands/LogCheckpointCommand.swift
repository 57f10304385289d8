import ArgumentParser
import Foundation

/// `frame log checkpoint`.
struct LogCheckpointCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "The log's signed checkpoint: origin, size, root and signature.",
    discussion: """
      Examples:
        frame log checkpoint > checkpoint
        frame log checkpoint --cosigned
        frame log checkpoint --url https://frame-a.example
      """)

  @Flag(name: .long, help: "The newest one that a witness has cosigned, with all cosignatures.")
  var cosigned = false

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let path: APIPath = cosigned ? "/log/cosigned" : "/log/checkpoint"
    try output.file(try await node.publicClient().bytes(path), as: "checkpoint")
  }
}
