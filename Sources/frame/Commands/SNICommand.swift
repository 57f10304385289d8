import ArgumentParser
import Foundation
import FrameAPI

/// `frame sni`: the map of the SNI router.
struct SNICommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sni", abstract: "The SNI router's map: list, reload, export for nginx.",
    subcommands: [SNIListCommand.self, SNIReloadCommand.self, SNIExportCommand.self])

  static func show(_ routes: [SNIView.Route]) {
    Output.table(["HOST NAME", "UPSTREAM", "FROM"], routes.map { [$0.name, $0.upstream, $0.source] })
  }
}

/// `frame sni list`.
struct SNIListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Every host name that is routed, and where to.",
    discussion: """
      Example:
        frame sni list --json
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<SNIView> = try await node.client().get("/api/v1/sni")
    output.print(answer) { SNICommand.show($0.routes) }
  }
}

/// `frame sni reload`.
struct SNIReloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Have the node read sni.map of its frame.yaml again.",
    discussion: """
      Open connections stay. SIGHUP to the node does the same. What else has changed in
      the file needs a restart, and is named.

      Example:
        frame sni reload
      """)

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let answer: APIClient.Answer<ReloadView> = try await node.client().post("/api/v1/sni/reload")
    output.print(answer) { SNICommand.show($0.routes) }
    if !answer.body.needsRestart.isEmpty {
      Output.note("not taken over, they need a restart: \(answer.body.needsRestart.joined(separator: ", "))")
    }
  }
}

/// `frame sni export`.
struct SNIExportCommand: AsyncParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case nginx }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "The same routing as configuration of nginx.",
    discussion: """
      Include the file at the top level of nginx.conf (1.19.4 or later, with the stream module). Names that are not in the
      map are closed without a word; with --alert-at nginx answers them with the TLS alert unrecognized_name, as the frame's
      own router does, by way of a listener of its own at that address.

      Example:
        frame sni export --format nginx --listen 0.0.0.0:443 \\
          --alert-at 127.0.0.1:8445 > /etc/nginx/frame-sni.conf
      """)

  @Option(name: .long, help: "nginx.")
  var format: Format = .nginx

  @Option(name: .long, help: "Where nginx listens, host:port.")
  var listen = "0.0.0.0:443"

  @Option(name: .long, help: "Where nginx shall answer unknown names with a TLS alert, host:port.")
  var alertAt: String?

  @OptionGroup var node: NodeOptions
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let alert: APIPath = alertAt.map { "&alert_at=\($0)" } ?? ""
    let path: APIPath = "/api/v1/sni/nginx?listen=\(listen)\(alert)"
    try output.file(try await node.client().bytes(path), as: "configuration")
  }
}
