import ArgumentParser
import Foundation
import FrameAPI
import FrameEvents
import FrameLog

/// `frame log download`.
struct LogDownloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "download", abstract: "A copy of the log in a folder, verified: checkpoint, hash tiles and events.",
    discussion: """
      Run again, it fetches only what is new, and refuses a log that does not extend the copy; what was signed is
      then kept as checkpoint.refused.

      Examples:
        frame log download ./log-copy
        # as anyone may
        frame log download ./hashes --hashes-only --url https://frame-a.example \\
          --key KEY
      """)

  @Argument(help: "The folder of the copy.")
  var folder: String

  @Flag(name: .long, help: "No events, only their hashes: needs no authority.")
  var hashesOnly = false

  @Option(name: .long, help: "The log's verifier key (default: the one that the node publishes).")
  var key: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let client = hashesOnly ? try node.publicClient() : try node.client()
    let key = try LogVerifierKey(given: try await verifierKey(client))
    let copy = TileDirectory(URL(fileURLWithPath: folder))
    let older = try copy.checkpoint(key: key)
    let checkpoint = try await copy.download(key: key, entries: !hashesOnly) {
      try await client.bytes(APIPath(tile: $0))
    }
    let report = try await OfflineAudit.offPool { [folder] in
      try TileDirectory(URL(fileURLWithPath: folder)).accept(checkpoint, extending: older)
    }
    VerifiedLog(checkpoint, report, key: key).show(output)
  }

  private func verifierKey(_ client: APIClient) async throws -> String {
    if let key { return key }
    let frame: APIClient.Answer<FrameView> = try await client.get("/api/v1/frame")
    Output.note("key as the node publishes it: compare it with the one you were given by other means")
    return frame.body.logVerifierKey
  }

}
