package import Foundation
internal import Crypto
internal import FrameCore
internal import FrameLog
internal import FrameMetrics
internal import Logging

/// Measures how fast one writer makes transfers durable, with everything on: guard, fees, idempotency, fsync.
package enum LogBenchmark {
  package struct Result: Sendable {
    package let transfers: Int
    package let seconds: Double
    /// Time from submit to answer, sorted.
    package let latencies: [Duration]

    package var perSecond: Double { Double(transfers) / seconds }

    /// - Parameter fraction: 0 to 1.
    package func latency(_ fraction: Double) -> Duration {
      guard !latencies.isEmpty else { return .zero }
      return latencies[min(latencies.count - 1, Int(fraction * Double(latencies.count)))]
    }
  }

  private static let agents = 100

  /// Creates a log in `directory`, which must be empty, and transfers between a hundred agents.
  /// - Parameters:
  ///   - callers: how many submit at the same time.
  ///   - batch: transfers that each caller submits in one call.
  ///   - rounds: calls of each caller.
  /// - Throws: `LogError`.
  package static func run(directory: URL, callers: Int, batch: Int, rounds: Int) async throws -> Result {
    let frame = try FrameID("bench.example")
    let state = LedgerState(frame: frame, native: try Asset(origin: frame, code: "BEN", scale: 2))
    let writer = try Writer(
      directory: directory, initial: state, guard: LedgerGuard(),
      signer: LogSigner(name: frame.name, privateKey: .init()), clock: SystemClock(),
      metrics: LogMetrics(MetricRegistry()), logger: Logger(label: "frame.bench"))
    let names = try (0..<agents).map { try AgentName("agent-\($0)") }
    try await fund(writer, frame, names)
    let start = ContinuousClock.now
    let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
      for caller in 0..<callers {
        group.addTask {
          var taken: [Duration] = []
          for round in 0..<rounds {
            let commands = try (0..<batch).map { item in
              let index = caller + round + item
              return try transfer(
                frame, names[index % agents], names[(index + 1) % agents], "\(round)-\(caller)-\(item)")
            }
            let begin = ContinuousClock.now
            for result in await writer.submit(contentsOf: commands) { _ = try result.get() }
            taken.append(ContinuousClock.now - begin)
          }
          return taken
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let seconds = (ContinuousClock.now - start).inSeconds
    await writer.shutdown()
    return Result(transfers: callers * batch * rounds, seconds: seconds, latencies: latencies.sorted())
  }

  private static func fund(_ writer: Writer<LedgerState>, _ frame: FrameID, _ names: [AgentName]) async throws {
    let each = Amount(minorUnits: 1_000_000_000)
    var commands: [LedgerCommand] = [.issue(Amount(minorUnits: each.minorUnits * Int64(names.count)), memo: "")]
    for name in names {
      commands.append(.registerAgent(name, purpose: "bench"))
      commands.append(.transfer(from: nil, to: name, amount: each, memo: ""))
    }
    let authority = SPIFFEID.authority(of: frame)
    let envelopes = commands.enumerated().map { index, command in
      CommandEnvelope(command, actor: authority, key: IdempotencyKey(derived: "fund/\(index)"), digest: command.digest)
    }
    for result in await writer.submit(contentsOf: envelopes) { _ = try result.get() }
  }

  private static func transfer(
    _ frame: FrameID, _ from: AgentName, _ to: AgentName, _ key: String
  ) throws -> CommandEnvelope<LedgerCommand> {
    let actor = SPIFFEID.agent(from, of: frame)
    let command = LedgerCommand.transfer(from: from, to: to, amount: Amount(minorUnits: 1), memo: "")
    return CommandEnvelope(command, actor: actor, key: try IdempotencyKey(key, caller: actor), digest: command.digest)
  }
}
