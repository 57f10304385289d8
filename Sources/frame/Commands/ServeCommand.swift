import ArgumentParser
import Foundation
import FrameCore
import FrameConfiguration
import FrameNode
import Logging
import ServiceLifecycle

extension LogFormat: ExpressibleByArgument {}

/// `frame serve`: runs one node until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run a frame until SIGTERM or SIGINT.",
    discussion: """
      SIGHUP makes it read frame.yaml again and take over the SNI map; open connections stay. What
      else has changed in the file needs a restart, and is named in a warning.

      Example:
        frame serve --config ./frame-data/frame.yaml --log-format json
      """)

  @OptionGroup var location: LocationOptions

  @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical (default: the configuration's).")
  var logLevel: String?

  @Option(name: .long, help: "text or json, on stderr.")
  var logFormat: LogFormat = .text

  @Flag(name: .long, help: "Also stop when stdin closes, so that the node never outlives its supervisor.")
  var supervised = false

  @Flag(
    name: .long,
    help: "Serve although a witness holds more of this log than there is: an older copy was restored for good.")
  var acceptFork = false

  @Flag(
    name: .long,
    help: "Go on with keys from before a rotation that the log knows: the later ones are lost for good. Peers repin.")
  var acceptOldKeys = false

  @Option(
    name: .long, help: .init("Seconds between canary rounds, instead of the configuration's.", visibility: .hidden))
  var canarySeconds: Double?

  @Option(name: .long, help: .init("Seconds that a stop may take before the process is ended.", visibility: .hidden))
  var stopSeconds = 10.0

  func validate() throws {
    guard (0...3600).contains(stopSeconds) else {
      throw ValidationError("--stop-seconds \(stopSeconds) is not between 0 and 3600.")
    }
    if let canarySeconds, !(0.05...86400).contains(canarySeconds) {
      throw ValidationError("--canary-seconds \(canarySeconds) is not between 0.05 and 86400.")
    }
  }

  func run() async throws {
    var configuration = try location.configuration()
    configuration.acceptsFork = acceptFork
    configuration.acceptsOldKeys = acceptOldKeys
    configuration.canaryInterval = canarySeconds.map { .nanoseconds(Int64($0 * 1e9)) }
    let level = try level(logLevel ?? configuration.logLevel)
    let format = logFormat
    let sink = LineSink(descriptor: StandardStream.errors.descriptor) { StderrLogHandler.lost($0, format: format) }
    StandardStream.send(errorsTo: sink)
    LoggingSystem.bootstrap { StderrLogHandler(label: $0, format: format, logLevel: level, sink: sink) }
    // The agent that gives the node its identity may want to know which program asks.
    if case .workloadAPI = configuration.identity.source { ProcessManners.allowAttestation() }
    let signals = ServeSignals()
    defer { signals.cancel() }
    try PortCheck.requireFolders(configuration, file: location.configurationFile.path)
    try PortCheck.requireWritable(configuration.dataDirectory)
    try PortCheck.require(configuration) { "\($0).port in \(location.configurationFile.path)" }
    let node = try await Node(
      configuration, logger: Logger(label: "frame"),
      logLines: {
        let counts = sink.counts
        return LogLines(written: counts.written, dropped: counts.dropped)
      })
    let watch = ShutdownWatch(limit: .nanoseconds(Int64(stopSeconds * 1e9))) { limit in
      let overdue = CLIError.shutdownOverdue(seconds: limit.inSeconds, running: node.running)
      let status = ExitStatus(overdue)
      Output.error(overdue, status: status)
      StandardStream.flush()
      _exit(status.rawValue)
    }
    defer { watch.finish() }
    signals.serve(watch)
    try await serve(node, watch, signals)
  }

  private func level(_ text: String) throws -> Logger.Level {
    guard let level = Logger.Level(rawValue: text) else {
      throw ValidationError(
        "'\(text)' is not a log level: use one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return level
  }

  private func serve(_ node: Node, _ watch: ShutdownWatch, _ signals: ServeSignals) async throws {
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
      .init(
        service: NodeService(node: node, watch: watch), successTerminationBehavior: .gracefullyShutdownGroup,
        failureTerminationBehavior: .gracefullyShutdownGroup)
    ]
    services.append(
      .init(
        service: node.watching(
          ServeSignals.Reload(signals: signals) { await node.reload() }, as: "a reload of the configuration"),
        successTerminationBehavior: .gracefullyShutdownGroup))
    services.append(
      .init(
        service: node.watching(ServeSignals.Stop(signals: signals), as: "the signals"),
        successTerminationBehavior: .gracefullyShutdownGroup))
    if supervised {
      services.append(
        .init(
          service: node.watching(StdinWatch(), as: "the watch on stdin"),
          successTerminationBehavior: .gracefullyShutdownGroup))
    }
    var group = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [], logger: Logger(label: "frame.lifecycle"))
    // After that, cancellation; what does not heed that either is ended by the watch, with a reason. The group's own limit
    // for it would be a trap.
    group.maximumGracefulShutdownDuration = .seconds(8)
    try await ServiceGroup(configuration: group).run()
  }

  /// The node as the service that ends the process.
  private struct NodeService: Service {
    let node: Node
    let watch: ShutdownWatch
    func run() async throws {
      do { try await node.run { watch.begin() } } catch is CancellationError where Task.isShuttingDownGracefully {
        // It waited for a witness when it was told to stop, and nothing had begun.
      }
    }
  }
}

/// Where the configuration is, for commands that run a node instead of asking one.
struct LocationOptions: ParsableArguments {
  @Option(name: .long, help: "The node's frame.yaml (default: $FRAME_CONFIG).")
  var config: String?

  @Option(name: .long, help: "The node's data folder (default: $FRAME_DATA, else ./frame-data).")
  var data: String?

  private var options: NodeOptions {
    var options = NodeOptions()
    options.config = config
    options.data = data
    return options
  }

  var configurationFile: URL { options.configurationFile }
  func configuration() throws -> NodeConfiguration { try options.configuration() }
}

/// Ends when stdin does.
struct StdinWatch: Service {
  func run() async throws {
    let (ended, continuation) = AsyncStream.makeStream(of: Never.self)
    // read(2) blocks: its own thread, never one of Swift's pool. It dies with the process.
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      continuation.finish()
    }
    for await _ in ended.cancelOnGracefulShutdown() {}
    if !Task.isShuttingDownGracefully {
      Logger(label: "frame").notice("Told to stop", metadata: ["reason": "stdin was closed"])
    }
  }
}
