package import Foundation
internal import Crypto
internal import FrameLedger
internal import FrameCore
internal import FrameEvents
internal import FrameLog
internal import FrameMetrics
internal import Logging

/// Measures how fast one writer makes transfers durable, with everything on: guard, fees, idempotency, fsync.
package enum LogBenchmark {
  package struct Result: Sendable {
    package let transfers: Int
    package let seconds: Double
    /// Processor time of this process, user and system, while the clock ran.
    package let cpuSeconds: Double
    /// Time from submit to answer, sorted.
    package let latencies: [Duration]
    /// Durable transactions that it took: callers that wait at the same time share them.
    package let commits: Int

    package var perSecond: Double { Double(transfers) / seconds }
    /// Processor time of one transfer, in microseconds.
    package var cpuMicroseconds: Double { cpuSeconds * 1e6 / Double(max(1, transfers)) }
    package var perCommit: Double { Double(transfers) / Double(max(1, commits)) }

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
  ///   - grouped: callers that wait at the same time share a transaction, as in a node; else each call has its own.
  /// - Throws: `LogError`.
  package static func run(
    directory: URL, callers: Int, batch: Int, rounds: Int, grouped: Bool = true
  ) async throws -> Result {
    let limit = grouped ? LogLimits.maximumBatchCommands : batch
    let session = try await Session(directory: directory, batchLimit: limit)
    let result = try await session.transfer(callers: callers, batch: batch, rounds: 0..<rounds)
    await session.close()
    return result
  }

  /// A writer on a log of its own, with a hundred agents that have money.
  struct Session: Sendable {
    private let frame: FrameID
    private let writer: Writer<LedgerState>
    private let metrics = LogMetrics(MetricRegistry())
    private let names: [AgentName]

    /// - Parameters:
    ///   - directory: is empty.
    ///   - batchLimit: transfers that share a transaction at most, whoever submits them.
    init(directory: URL, batchLimit: Int = LogLimits.maximumBatchCommands) async throws {
      frame = try FrameID("bench.example")
      let state = LedgerState(frame: frame, native: try Asset(origin: frame, code: "BEN", scale: 2))
      writer = try Writer(
        directory: directory, initial: state, guard: LedgerGuard(),
        signer: LogSigner(name: frame.name, privateKey: .init()), clock: SystemClock(),
        metrics: metrics, logger: Logger(label: "frame.bench"), batchLimit: batchLimit)
      names = try (0..<LogBenchmark.agents).map { try AgentName("agent-\($0)") }
      try await LogBenchmark.fund(writer, frame, names)
    }

    /// The number of durable events.
    var size: UInt64 { writer.durableSize() }

    /// Commands that are made at once.
    private static let commandsAtOnce = 20_000

    /// The clock runs while commands are with the writer, not while the callers make them: what an agent has to do to
    /// ask for a transfer is not what the writer does to make it durable.
    /// - Parameter rounds: numbers that no call before had.
    func transfer(callers: Int, batch: Int, rounds: Range<Int>) async throws -> Result {
      let before = metrics.commitCount
      var latencies: [Duration] = []
      var seconds = 0.0
      var cpu = 0.0
      let step = max(1, Self.commandsAtOnce / (callers * batch))
      for first in stride(from: rounds.lowerBound, to: rounds.upperBound, by: step) {
        let some = first..<min(first + step, rounds.upperBound)
        let commands = try (0..<callers).map { caller in
          try some.map { try LogBenchmark.transfers(frame, names, caller, $0, batch) }
        }
        let cpuBefore = ProcessCPU.own()
        let start = ContinuousClock.now
        latencies += try await withThrowingTaskGroup(of: [Duration].self) { group in
          for own in commands { group.addTask { try await submit(own) } }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        seconds += (ContinuousClock.now - start).inSeconds
        cpu += ProcessCPU.own() - cpuBefore
        // The callers' own, as is letting go of them.
        withExtendedLifetime(commands) {}
      }
      return Result(
        transfers: callers * batch * rounds.count, seconds: seconds, cpuSeconds: cpu, latencies: latencies.sorted(),
        commits: metrics.commitCount - before)
    }

    private func submit(_ rounds: [[CommandEnvelope<LedgerCommand>]]) async throws -> [Duration] {
      var taken: [Duration] = []
      taken.reserveCapacity(rounds.count)
      for commands in rounds {
        let begin = ContinuousClock.now
        for result in await writer.submit(contentsOf: commands) { _ = try result.get() }
        taken.append(ContinuousClock.now - begin)
      }
      return taken
    }

    func close() async { await writer.shutdown() }
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

  /// A caller's commands of one round.
  private static func transfers(
    _ frame: FrameID, _ names: [AgentName], _ caller: Int, _ round: Int, _ batch: Int
  ) throws -> [CommandEnvelope<LedgerCommand>] {
    try (0..<batch).map { item in
      let index = caller + round + item
      return try transfer(frame, names[index % agents], names[(index + 1) % agents], "\(round)-\(caller)-\(item)")
    }
  }

  private static func transfer(
    _ frame: FrameID, _ from: AgentName, _ to: AgentName, _ key: String
  ) throws -> CommandEnvelope<LedgerCommand> {
    let actor = SPIFFEID.agent(from, of: frame)
    let command = LedgerCommand.transfer(from: from, to: to, amount: Amount(minorUnits: 1), memo: "")
    return CommandEnvelope(command, actor: actor, key: try IdempotencyKey(key, caller: actor), digest: command.digest)
  }
}
