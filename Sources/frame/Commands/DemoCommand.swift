import ArgumentParser
import Foundation
import FrameCore

/// `frame demo`: federated frames on this machine, with nothing to configure.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Run two to four federated frames on this machine.",
    discussion: """
      Sets up frame-a.example (AVT) and frame-b.example (BVT), lets them make a treaty, moves money over both backends and
      the bridge, and keeps both running. A later start with the same folder resumes them.

      With --frames 3 or 4 every two of them make a treaty of their own.

      Examples:
        frame demo
        frame demo --frames 4
        frame demo --once --data /tmp/frames
      """)

  @Flag(name: .long, help: "Exit 0 after one complete canary round and a clean audit of both frames.")
  var once = false

  @Option(name: .long, help: "How many frames, 2 to 4.")
  var frames = 2

  @Option(name: .long, help: "Where the frames keep their data.")
  var data: String = "frame-demo"

  @Option(name: .long, help: "Time between canary rounds, e.g. 60s, 500ms or 2m.")
  var canaryInterval: DurationText = DurationText(duration: .seconds(60))

  @Option(
    name: .long,
    help:
      "The first of the ports that new frames take, five each (default: 8080, 9464, 9443, 9444, 8443 and 8081, 9465, 9453, 9454, 8444)."
  )
  var basePort: Int?

  func validate() throws {
    guard DemoPlan.sizes.contains(frames) else { throw ValidationError("--frames \(frames) is not 2 to 4.") }
    let last = 65536 - frames * DemoPlan.portsPerFrame
    if let basePort, !(1...last).contains(basePort) {
      throw ValidationError("--base-port \(basePort) leaves no room for \(frames * 5) ports: use 1024 to \(last).")
    }
  }

  func run() async throws {
    let folder = URL(fileURLWithPath: data).standardizedFileURL
    let plan = try DemoPlan(data: folder, basePort: basePort, count: frames)
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
