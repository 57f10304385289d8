import AsyncHTTPClient
import Foundation
import FrameBridge
import FrameCanary
import FrameCore
import FrameIdentity
import FrameLedger
import FrameEvents
import FrameMetrics
import FrameProjection
import FrameSettlement
import FrameConfiguration
import FrameWorkload
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// One running frame: the composition root. It makes every part, joins them, and runs them as one service group.
package struct Node: Sendable {
  private let parts: NodeParts
  private let logger: Logger

  /// Opens the frame: keys, log (replayed and checked), state. Nothing listens yet.
  /// - Parameters:
  ///   - exportLibraryMetrics: put the libraries' own metrics into this node's registry; once per process.
  ///   - logLines: what became of the process's log lines so far.
  /// - Throws: a `FrameError` that says what is wrong: keys, another node on the same data, a damaged log, an agent that gives no
  ///   identity.
  package init(
    _ configuration: NodeConfiguration, clock: any FrameClock = SystemClock(), logger: Logger,
    exportLibraryMetrics: Bool = true, logLines: @escaping @Sendable () -> LogLines = { LogLines() }
  ) async throws {
    // Before anything else is said, also by what is opened here.
    logger.notice("The frame starts", metadata: configuration.introduction())
    let registry = MetricRegistry()
    if exportLibraryMetrics { MetricsSystem.bootstrap(SwiftMetricsBackend(registry)) }
    // Opening replays the log: on a thread of its own, not on the cooperative pool.
    let upstream = try await Self.upstream(configuration, registry, clock)
    let descriptors = try DescriptorBudget.raised()
    descriptors.report(to: logger)
    parts = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            try NodeParts(
              configuration, upstream: upstream, registry: registry, clock: clock, logger: logger,
              descriptors: descriptors)
          })
      }
    }
    self.logger = logger
    logger.notice("The log is open", metadata: parts.standing())
    NodeMetrics.mirror(logLines, in: registry)
    try registry.validate()
  }

  /// Waits for the agent that gives the node its identity, when frame.yaml names one: without an SVID nothing is opened.
  private static func upstream(
    _ configuration: NodeConfiguration, _ registry: MetricRegistry, _ clock: any FrameClock
  ) async throws -> UpstreamIdentity? {
    guard case .workloadAPI(let agent) = configuration.identity.source else { return nil }
    let metrics = UpstreamMetrics(registry, identity: IdentityMetrics(registry))
    metrics.showUpstream()
    let floor = try await Blocking.run { try configuration.loadAuthority(clock: clock).sequence }
    var logger = Logger(label: "frame.identity")
    logger[metadataKey: "frame"] = "\(configuration.frameID)"
    logger.info("Waiting for the node's identity", metadata: ["socket": "unix://\(agent.socket)"])
    return try await UpstreamIdentity.open(
      UpstreamSettings(
        frame: configuration.frameID, path: agent.socket, wait: agent.wait,
        refreshHint: configuration.identity.policy.refreshHint,
        keys: KeyDirectory(path: configuration.keysDirectory.path), floor: floor),
      clock: clock, metrics: metrics, logger: logger)
  }

  /// Serves until a graceful shutdown: listeners close first, the log last.
  /// - Parameter onStop: called when the stop begins, for whatever reason.
  package func run(onStop: @escaping @Sendable () -> Void = {}) async throws {
    do {
      try await serve(onStop)
    } catch {
      // The client traps when it is let go of without this, also after a failure; the failure is what is worth telling.
      try? await shutdownClient()
      throw error
    }
    try await shutdownClient()
  }

  private func shutdownClient() async throws {
    try await parts.running.during("the HTTP client") { try await parts.http.shutdown() }
  }

  /// A service of the process around the node, told among those that run.
  package func watching(_ service: any Service, as name: String) -> any Service {
    parts.running.watching(service, as: name)
  }

  /// Reads frame.yaml again and takes over what may change while the node runs; what is wrong with it is logged.
  package func reload() async { _ = try? await parts.reload() }

  /// The parts that run now, in order of their start: what a stop is still waiting for.
  package var running: [String] { parts.running.names }

  private func serve(_ onStop: @escaping @Sendable () -> Void) async throws {
    do {
      // What the finding ends is not the process.
      try await serveNewest { [courier = parts.courier] in if !courier.isBehind { onStop() } }
    } catch let finding as WitnessError where finding.isAboutOwnLog {
      // Ending here would show it to nobody: no scrape sees a process that lives for half a second.
      try await parts.standStill(for: finding)
      throw finding
    }
  }

  private func serveNewest(_ onStop: @escaping @Sendable () -> Void) async throws {
    let running = parts.running
    try await running.during("founding the frame") { try await parts.found() }
    try await running.during("reading the treaties") { try await parts.federation.prime() }
    try await running.during("asking the witnesses of a restored log") { try await parts.confirmRestored() }
    try await running.during("booking what stands towards lost logs") {
      try await parts.bookFormerLogs()
      try await parts.federation.prime()
    }
    try await running.during("reading the operators") { try await parts.operators.prime() }
    let began = ContinuousClock.now
    parts.readiness.whenReady { [logger] in
      logger.notice(
        "The frame is ready", metadata: ["after": "\(Int((ContinuousClock.now - began).inSeconds * 1000)) ms"])
    }
    // Last, so that it is the first that is told to stop.
    let services = parts.services().map { parts.running.watching($0) } + [StopNotice(onStop: onStop)]
    // Also when one fails, as the log does on a full disk: a listener that is cancelled drops what it has just accepted, which NIO
    // holds to be a mistake of the program, and ends it.
    let configured = services.map { service in
      ServiceGroupConfiguration.ServiceConfiguration(
        service: service, failureTerminationBehavior: .gracefullyShutdownGroup)
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: configured, gracefulShutdownSignals: [], logger: logger))
    do {
      try await withGracefulShutdownHandler {
        try await group.run()
      } onGracefulShutdown: { [logger] in
        logger.notice("The frame stops: it was told to")
      }
    } catch {
      logger.critical("The frame has stopped: something failed", metadata: ["error": "\(error.report)"])
      throw error
    }
    logger.notice("The frame has stopped")
  }
}
