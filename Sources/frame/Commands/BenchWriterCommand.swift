import ArgumentParser
import Foundation
import FrameBench
import FrameCore
import FrameLog

/// `frame bench writer`: how many transfers a second one frame's writer decides, checks and makes durable.
struct BenchWriterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "writer", abstract: "Measure the log's writer, without network or API.",
    discussion: """
      Callers submit batches of transfers, each its next one when its last one is durable, with every check that a node
      makes. Each batch is a transaction; the baseline inserts the very same events with bare SQLite transactions of the
      same size. With --grouped callers that wait at the same time share a transaction, as they do in a node, and the
      baseline's have as many events as the writer's had on average.

      Example:
        frame bench writer --seconds 5 --batch 100 --json
      """)

  @OptionGroup var options: BenchOptions

  @Option(name: .long, help: "Transfers that a caller submits at once.")
  var batch = 100

  @Option(name: .long, help: "Callers at the same time; with three there is always a batch that waits to be decided.")
  var callers = 3

  @Flag(name: .long, help: "Let callers that wait share a transaction.")
  var grouped = false

  func validate() throws {
    guard (1...LogLimits.maximumBatchCommands).contains(batch) else {
      throw ValidationError("--batch \(batch): use 1 to \(LogLimits.maximumBatchCommands).")
    }
    guard (1...64).contains(callers) else { throw ValidationError("--callers \(callers): use 1 to 64.") }
  }

  struct Figures: Encodable {
    let machine: BenchMachine
    let batch: Int
    let callers: Int
    let transfers: Int
    /// Transfers in one of the writer's transactions, on average, and events in one of the baseline's.
    let perCommit: Double
    let baselinePerCommit: Int
    let seconds: Double
    let transfersPerSecond: Double
    let baselinePerSecond: Double
    /// Transfers per second over the baseline's events per second: 1 would be a writer that costs nothing.
    let ratio: Double
    /// Processor time of a transfer, user and system, and how often the baseline's of one event that is.
    let cpuPerTransfer: Double
    let cpuRatio: Double
    let commit: BenchTimes
    let baseline: BenchBaselines

    enum CodingKeys: String, CodingKey {
      case machine, batch, callers, transfers, seconds, ratio, commit, baseline
      case perCommit = "transfers_per_commit"
      case baselinePerCommit = "baseline_per_commit"
      case transfersPerSecond = "transfers_per_second"
      case baselinePerSecond = "baseline_per_second"
      case cpuPerTransfer = "cpu_us_per_transfer"
      case cpuRatio = "cpu_ratio"
    }
  }

  func run() async throws {
    let machine = BenchMachine()
    let figures = try await options.inFolder { folder in
      let (log, result) = try await measure(in: folder)
      defer { try? FileManager.default.removeItem(at: log) }
      let perCommit = max(1, Int(result.perCommit.rounded()))
      let baseline = try await BenchBaselines.measure(
        try await DiskBaseline.sample(of: log), batch: perCommit, in: folder, for: options.duration)
      return Figures(
        machine: machine, batch: batch, callers: callers, transfers: result.transfers,
        perCommit: BenchRound.three(result.perCommit), baselinePerCommit: perCommit,
        seconds: BenchRound.three(result.seconds),
        transfersPerSecond: result.perSecond.rounded(), baselinePerSecond: baseline.sqliteInsert.perSecond,
        ratio: BenchRound.three(result.perSecond / baseline.sqliteInsert.perSecond),
        cpuPerTransfer: BenchRound.three(result.cpuMicroseconds),
        cpuRatio: BenchRound.ratio(result.cpuMicroseconds, to: baseline.sqliteInsert.cpuMicroseconds),
        commit: BenchTimes(result.latencies),
        baseline: baseline)
    }
    if options.json { try Output.json(figures: figures) } else { show(figures) }
  }

  /// Runs longer and longer until the run takes as long as asked; only the last one counts.
  private func measure(in folder: URL) async throws -> (URL, LogBenchmark.Result) {
    var rounds = 10
    while true {
      let log = try BenchOptions.fresh("writer", in: folder)
      let result = try await LogBenchmark.run(
        directory: log, callers: callers, batch: batch, rounds: rounds, grouped: grouped)
      guard result.seconds < options.seconds * 0.9 else { return (log, result) }
      try? FileManager.default.removeItem(at: log)
      let estimate = Double(rounds) * options.seconds / max(result.seconds, 0.001)
      rounds = Int(min(estimate * 1.05, Double(rounds) * 20).rounded(.up)) + 1
    }
  }

  private func row(_ name: String, _ baseline: BenchBaseline) -> [String] {
    row(name, baseline.perSecond, baseline.cpuMicroseconds, baseline.commit)
  }

  private func row(_ name: String, _ perSecond: Double, _ cpu: Double, _ times: BenchTimes) -> [String] {
    [name, "\(Int(perSecond))", String(format: "%.2f", cpu)] + times.cells
  }

  private func show(_ figures: Figures) {
    Output.line("Writer: \(figures.machine.text), \(figures.callers) callers, batches of \(figures.batch)")
    Output.line("")
    let baseline = figures.baseline
    Output.table(
      ["", "PER SECOND", "CPU US EACH", "COMMIT P50 MS", "P99 MS", "MAX MS"],
      [
        row("transfers, decided and durable", figures.transfersPerSecond, figures.cpuPerTransfer, figures.commit),
        row("bare SQLite inserts", baseline.sqliteInsert),
        row("file append and fdatasync", baseline.fileAppend),
      ])
    Output.line("")
    Output.line(
      "ratio to bare SQLite \(figures.ratio), of CPU time \(figures.cpuRatio), events of \(baseline.eventBytes) bytes, "
        + "\(figures.perCommit) a commit")
  }
}
