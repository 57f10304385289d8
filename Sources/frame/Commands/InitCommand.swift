import ArgumentParser
import Foundation
import FrameCore
import FrameNode

/// `frame init`: makes the data folder of a new frame.
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a new frame: its configuration, its keys (readable by you alone) and its log.",
    discussion: """
      Example:
        frame init --frame-id frame-a.example --currency AVT --scale 2 --data ./frame-data
      """)

  @Option(name: .long, help: "The frame's id: its SPIFFE trust domain name, e.g. frame-a.example.")
  var frameID: String

  @Option(name: .long, help: "Code of the frame's own currency, e.g. AVT.")
  var currency: String

  @Option(name: .long, help: "Decimal places of the currency, 0 to 9.")
  var scale: Int = 2

  @Option(name: .long, help: "The folder to make.")
  var data: String = "frame-data"

  @Option(name: .long, help: "Address the federation and bundle listeners bind.")
  var listenHost: String = "0.0.0.0"

  @OptionGroup var ports: PortOptions

  @Flag(name: .long, help: "Print what was made as JSON.")
  var json = false

  func run() async throws {
    let folder = URL(fileURLWithPath: data)
    let made = try NodeSetup.initialise(
      frameID: try FrameID(frameID), currency: currency, scale: scale, data: folder, ports: ports.plan,
      listenHost: listenHost)
    let file = folder.appendingPathComponent(NodeSetup.configurationName).path
    if json {
      let fields = [
        "frame_id": made.frameID.name, "config": file, "data": folder.path, "api": made.localAPIURL,
        "ops": made.localOpsURL,
      ]
      Output.json(try JSONEncoder().encode(fields))
    } else {
      Output.fields([
        ("frame", made.frameID.name), ("currency", "\(made.native.code), \(made.native.scale) decimal places"),
        ("config", file), ("api", made.localAPIURL), ("metrics", made.localOpsURL + "/metrics"),
        ("start it", "frame serve --config \(file)"),
      ])
    }
  }
}

/// The ports of a new frame.
struct PortOptions: ParsableArguments {
  @Option(name: .long, help: "Port of the REST API.")
  var apiPort: Int = PortPlan().api

  @Option(name: .long, help: "Port of /metrics and health.")
  var opsPort: Int = PortPlan().ops

  @Option(name: .long, help: "Port of the federation listener (gRPC over mTLS).")
  var federationPort: Int = PortPlan().federation

  @Option(name: .long, help: "Port of the bundle endpoint.")
  var bundlePort: Int = PortPlan().bundle

  @Option(name: .long, help: "Port of the SNI router.")
  var sniPort: Int = PortPlan().sni

  var plan: PortPlan {
    PortPlan(api: apiPort, ops: opsPort, federation: federationPort, bundle: bundlePort, sni: sniPort)
  }
}
