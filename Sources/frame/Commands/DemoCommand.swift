import ArgumentParser
import Foundation
import FrameCore

/// `frame demo`: two federated frames on this machine, with nothing to configure.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Run two federated frames on this machine.",
    discussion: """
      Sets up frame-a.example (AVT) and frame-b.example (BVT), lets them make a treaty, moves money over both backends and
      the bridge, and keeps both running. A later start with the same folder resumes them.

      Examples:
        frame demo
        frame demo --once --data /tmp/frames
      """)

  @Flag(name: .long, help: "Exit 0 after one complete canary round and a clean audit of both frames.")
  var once = false

  @Option(name: .long, help: "Where the frames keep their data.")
  var data: String = "frame-demo"

  @Option(name: .long, help: "Time between canary rounds, e.g. 60s, 500ms or 2m.")
  var canaryInterval: DurationText = DurationText(duration: .seconds(60))

  @Option(
    name: .long,
    help:
      "The first of the ten ports that new frames take (default: 8080, 9464, 9443, 9444, 8443 and 8081, 9465, 9453, 9454, 8444)."
  )
  var basePort: Int?

  func validate() throws {
    if let basePort, !(1...65526).contains(basePort) {
      throw ValidationError("--base-port \(basePort) leaves no room for ten ports: use 1024 to 65526.")
    }
  }

  func run() async throws {
    let folder = URL(fileURLWithPath: data).standardizedFileURL
    let plan = try DemoPlan(data: folder, basePort: basePort)
    try await DemoRun(plan: plan, once: once, canaryInterval: canaryInterval.duration).run()
  }
}

/// `60s`, `500ms`, `2m`, or plain seconds.
struct DurationText: ExpressibleByArgument {
  let duration: Duration

  init(duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)]
    guard let (suffix, factor) = units.first(where: { argument.hasSuffix($0.0) }),
      let number = Double(argument.dropLast(suffix.count)), (0.05...86400).contains(number * factor)
    else { return nil }
    duration = .nanoseconds(Int64(number * factor * 1e9))
  }

  var defaultValueDescription: String { "\(Int(duration.inSeconds))s" }
}
