import ArgumentParser
import Foundation

/// `frame version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "The version of this binary.",
    discussion: """
      Example:
        frame version --json
      """)

  @Flag(name: .long, help: "Print as JSON.")
  var json = false

  func run() throws {
    if json {
      Output.json(try JSONEncoder().encode(["version": FrameVersion.text]))
    } else {
      Output.line(FrameVersion.text)
    }
  }
}
