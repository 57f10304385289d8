import ArgumentParser
import Foundation
import FrameCore

/// `frame bench`: how fast this machine is with frames on it, and how far that is from what its disk can do.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure transfers, batches, the log's writer, its growth, scrapes and instruments here.",
    discussion: """
      Every figure is measured in the run that prints it, together with a baseline: the same bytes made durable by the disk
      alone. Compare ratios between machines, not figures.

      Examples:
        frame bench transfers --seconds 10
        frame bench writer --seconds 5 --batch 100 --json
        frame bench rest --seconds 5
        frame bench growth --events 1000000
        frame bench start --events 1000000
        frame bench metrics
      """,
    subcommands: [
      BenchTransfersCommand.self, BenchRestCommand.self, BenchWriterCommand.self, BenchGrowthCommand.self,
      BenchStartCommand.self, BenchMetricsCommand.self,
    ])
}

/// Options that all benchmarks take.
struct BenchOptions: ParsableArguments {
  @Option(name: .long, help: "How long each measurement takes.")
  var seconds: Double = 5

  @Option(name: .long, help: "Where to work, instead of a temporary folder; what is made there stays.")
  var data: String?

  @Flag(name: .long, help: "Print the figures as JSON.")
  var json = false

  func validate() throws {
    guard (0.1...3600).contains(seconds) else { throw ValidationError("--seconds \(seconds): use 0.1 to 3600.") }
  }

  var duration: Duration { .nanoseconds(Int64(seconds * 1e9)) }

  /// Runs `body` in the folder to work in; a temporary one is removed afterwards.
  /// - Throws: ``CLIError/folderNotWritable(path:_:)``, and what `body` throws.
  func inFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    try await Self.inFolder(data, body)
  }

  /// - Parameter data: nil: a temporary folder.
  static func inFolder<Result>(_ data: String?, _ body: (URL) async throws -> Result) async throws -> Result {
    let folder =
      data.map { URL(fileURLWithPath: $0).standardizedFileURL }
      ?? FileManager.default.temporaryDirectory.appendingPathComponent("frame-bench-\(UUID().uuidString.lowercased())")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw CLIError.folderNotWritable(path: folder.path, WriteFailure(error))
    }
    try PortCheck.requireWritable(folder)
    defer { if data == nil { try? FileManager.default.removeItem(at: folder) } }
    return try await body(folder)
  }

  /// A folder that does not exist yet, in `folder`.
  static func fresh(_ name: String, in folder: URL) throws -> URL {
    let made = folder.appendingPathComponent("\(name)-\(UUID().uuidString.lowercased().prefix(8))")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    return made
  }
}

/// What must be known of a run to compare it with another.
struct BenchMachine: Encodable, Sendable {
  let version = FrameVersion.text
  #if DEBUG
    let build = "debug"
  #else
    let build = "release"
  #endif
  let cores = ProcessInfo.processInfo.activeProcessorCount
  /// One-minute load average when the run began: above the number of cores, others took part of the machine.
  let load: Double

  init() {
    var averages = [0.0, 0, 0]
    load = getloadavg(&averages, 3) > 0 ? (averages[0] * 100).rounded() / 100 : -1
  }

  var text: String { "frame \(version), \(build) build, \(cores) cores, load \(load)" }
}
