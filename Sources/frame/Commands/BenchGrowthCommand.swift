import ArgumentParser
import Foundation
import FrameBench
import FrameCore

/// `frame bench growth`: what a log of more and more events costs.
struct BenchGrowthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth", abstract: "Measure what a frame costs as its log and its ledger grow.",
    discussion: """
      Grows one log tenfold at a time from ten thousand events, and at each size prints how fast it grew, the bytes of an
      event on disk, and how long a thorough audit of it takes; then the memory of an account.

      Example:
        frame bench growth --events 1000000 --accounts 1000000 --json
      """)

  @Option(name: .long, help: "Events at the last size.")
  var events = 1_000_000

  @Option(name: .long, help: "Accounts to measure the memory of.")
  var accounts = 1_000_000

  @Option(name: .long, help: "Where to work, instead of a temporary folder; what is made there stays.")
  var data: String?

  @Flag(name: .long, help: "Print the figures as JSON.")
  var json = false

  func validate() throws {
    guard (10_000...1_000_000_000).contains(events) else {
      throw ValidationError("--events \(events): use 10000 to 1000000000.")
    }
    guard (1_000...100_000_000).contains(accounts) else {
      throw ValidationError("--accounts \(accounts): use 1000 to 100000000.")
    }
  }

  struct Figures: Encodable {
    struct Step: Encodable {
      let events: UInt64
      let eventsPerSecond: Double
      let bytesPerEvent: Double
      let auditSeconds: Double
      let auditSecondsPerMillion: Double

      init(_ step: GrowthBenchmark.Step) {
        events = step.events
        eventsPerSecond = step.perSecond.rounded()
        bytesPerEvent = BenchRound.three(step.bytesPerEvent)
        auditSeconds = BenchRound.three(step.auditSeconds)
        auditSecondsPerMillion = BenchRound.three(step.auditSecondsPerMillion)
      }
    }

    let machine: BenchMachine
    let steps: [Step]
    let accounts: Int
    let memoryBytesPerAccount: Double
  }

  func run() async throws {
    let machine = BenchMachine()
    // Before the log's own memory is there to be reused.
    Output.note("memory of \(accounts) accounts …")
    let memory = try await GrowthBenchmark.memoryPerAccount(accounts)
    let steps = try await BenchOptions.inFolder(data) { folder in
      let log = try BenchOptions.fresh("growth", in: folder)
      defer { try? FileManager.default.removeItem(at: log) }
      return try await GrowthBenchmark.grow(directory: log, through: sizes) {
        Output.note("\($0.events) events …")
      }
    }
    let figures = Figures(
      machine: machine, steps: steps.map(Figures.Step.init), accounts: accounts,
      memoryBytesPerAccount: memory.rounded())
    if json { try Output.json(figures: figures, snakeCase: true) } else { show(figures) }
  }

  /// Tenfold from ten thousand, and the last size itself.
  private var sizes: [Int] {
    Array(sequence(first: 10_000) { $0 * 10 }.prefix { $0 < events }) + [events]
  }

  private func show(_ figures: Figures) {
    Output.line("Growth: \(figures.machine.text)")
    Output.line("")
    Output.table(
      ["EVENTS", "EVENTS/S", "BYTES/EVENT", "AUDIT S", "AUDIT S/MILLION"],
      figures.steps.map { step in
        ["\(step.events)", "\(Int(step.eventsPerSecond))"]
          + [step.bytesPerEvent, step.auditSeconds, step.auditSecondsPerMillion].map { String(format: "%.2f", $0) }
      })
    Output.line("")
    Output.line("memory of an account, of \(figures.accounts): \(Int(figures.memoryBytesPerAccount)) bytes")
  }
}
