import Foundation
import FrameCore
import FrameConfiguration
import UnixSignals

/// Supervises the nodes of a demo: starts them, runs the scenario, and ends when told to, when `once` is done, or when
/// a node ends by itself; the nodes never outlive it.
struct DemoRun: Sendable {
  /// How long a node may take to stop before it is killed.
  static let patience: Duration = .seconds(10)
  /// How long `once` may take in all, in seconds.
  static let onceLimit = 120

  let plan: DemoPlan
  let once: Bool
  let canaryInterval: Duration
  let progress = Progress()

  private enum End: Sendable {
    case done
    case told
    case died(DemoNode, ChildProcess.Ending)
  }

  func run() async throws {
    let began = SystemClock().now()
    let (configurations, made) = try plan.prepare(canaryInterval: canaryInterval)
    for configuration in configurations {
      try PortCheck.requireWritable(configuration.dataDirectory)
      try PortCheck.require(configuration) { name in
        made > 0
          ? "--base-port" : "\(name).port in \(configuration.dataDirectory.path)/\(NodeSetup.configurationName)"
      }
    }
    Output.line(
      made == 0
        ? "Resuming the frames of \(plan.a.folder.deletingLastPathComponent().path)" : "Setting up \(size) frames")
    var nodes: [DemoNode] = []
    do {
      for (frame, configuration) in zip(plan.frames, configurations) {
        nodes.append(try DemoNode.start(frame, configuration, interval: canaryInterval))
      }
    } catch {
      await stop(nodes, told: nil)
      throw error
    }
    let scenario = DemoScenario(nodes: nodes, progress: progress, began: began, canaryInterval: canaryInterval)
    do {
      let end = try await firstEnd(scenario, nodes)
      await stop(nodes, told: end)
      if case .died(let node, let ending) = end { throw node.death(ending) }
    } catch {
      let death = await recentDeath(of: nodes)
      await stop(nodes, told: nil)
      throw death ?? error
    }
  }

  private var size: String { ["two", "three", "four"][plan.frames.count - DemoPlan.sizes.lowerBound] }

  /// A step that fails because its node has just ended: the end is the reason worth telling.
  private func recentDeath(of nodes: [DemoNode]) async -> CLIError? {
    for _ in 0..<10 {
      for node in nodes {
        if let ending = node.process.ended { return node.death(ending) }
      }
      try? await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }

  private func firstEnd(_ scenario: DemoScenario, _ nodes: [DemoNode]) async throws -> End {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let (deaths, death) = AsyncStream.makeStream(of: End.self)
    for node in nodes {
      // Not a child of the group below: the end of a process cannot be waited for with cancellation.
      Task { death.yield(.died(node, await node.process.waitUntilEnd())) }
    }
    return try await withThrowingTaskGroup(of: End?.self) { group in
      defer { group.cancelAll() }
      group.addTask {
        for await _ in signals { return .told }
        return nil
      }
      group.addTask {
        for await end in deaths { return end }
        return nil
      }
      group.addTask {
        try await scenario.run()
        summarise(nodes)
        return once ? .done : nil
      }
      if once {
        group.addTask {
          try await Task.sleep(for: .seconds(Self.onceLimit))
          throw CLIError.timedOut(what: "A complete canary round and clean audits", seconds: Self.onceLimit)
        }
      }
      while let end = try await group.next() {
        if let end { return end }
      }
      return .told
    }
  }

  private func stop(_ nodes: [DemoNode], told end: End?) async {
    if case .told? = end { Output.line("Stopping all frames …") }
    await withTaskGroup(of: Void.self) { group in
      for node in nodes { group.addTask { _ = await node.process.stop(patience: Self.patience) } }
    }
    if case .told? = end { Output.line("Stopped. The same command resumes these frames.") }
  }

  private func summarise(_ nodes: [DemoNode]) {
    Output.line("")
    let interval = canaryInterval.inSeconds.formatted(.number.precision(.fractionLength(0...3)))
    Output.line(
      "\(size.prefix(1).uppercased() + size.dropFirst()) frames are federated (\(progress.total)); their canaries sing every \(interval) s."
    )
    for node in nodes {
      Output.line("")
      Output.fields([
        ("  \(node.name)", "currency \(node.plan.currency), agents \(node.plan.person) and canary"),
        ("  metrics", node.configuration.localOpsURL + "/metrics"),
        ("  api", node.configuration.localAPIURL + "  (OpenAPI: /openapi.yaml)"),
        ("  data", node.plan.folder.path), ("  log", node.plan.logFile),
      ])
    }
    let a = plan.a
    let b = plan.b
    Output.line("")
    guard !once else { return Output.line("Start it again without --once to keep both running.") }
    Output.line("Try:")
    Output.line("  \(CommandLine.arguments[0]) transfer --data \(a.folder.path) \\")
    Output.line("    --from \(a.person) --to \(b.person)@\(b.id) --amount 1.00 --backend async")
    Output.line("  curl -s \(nodes[0].configuration.localOpsURL)/metrics | grep frame_canary")
    Output.line("Stop with Ctrl-C; the same command resumes these frames.")
  }
}
