import ArgumentParser
import Foundation
import FrameBench
import FrameCore
import UnixSignals

/// `frame bench transfers`: two federated frames, each a process of its own, as a caller of their APIs sees them.
struct BenchTransfersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfers", abstract: "Measure transfers within a frame and between two, and scrapes.",
    discussion: """
      Starts two frames as `frame demo` does, on free ports, and measures what a caller waits for: async and 2pc between the
      frames, transfers within one, and /metrics. The caller shares the machine with both frames.

      Example:
        frame bench transfers --seconds 10 --json
      """)

  @OptionGroup var options: BenchOptions

  struct Figures: Encodable, Sendable {
    struct Ratios: Encodable, Sendable {
      /// Median caller return over the median of one bare SQLite commit.
      let asyncReturn: Double
      let twoPhaseReturn: Double
      /// Transfers per second with 64 callers over bare SQLite commits per second, one event each.
      let within64: Double
      /// Processor time of both frames for one transfer over that of one bare SQLite insert: "within_1", "2pc_8", …
      let cpu: [String: Double]

      enum CodingKeys: String, CodingKey {
        case cpu
        case asyncReturn = "async_return"
        case twoPhaseReturn = "2pc_return"
        case within64 = "within_64"
      }
    }

    let machine: BenchMachine
    let seconds: Double
    let baseline: BenchBaselines
    let ratios: Ratios
    let async: [BenchLoad.Result]
    /// How many asynchronous transfers the other frame had still to settle when the last was accepted, and how long it took.
    let backlog: Backlog
    let twoPhase: [BenchLoad.Result]
    let within: [BenchLoad.Result]
    let scrape: Scrape
    let scrapeGzip: Scrape

    enum CodingKeys: String, CodingKey {
      case machine, seconds, baseline, ratios, async, backlog, within, scrape
      case twoPhase = "2pc"
      case scrapeGzip = "scrape_gzip"
    }
  }

  struct Backlog: Encodable, Sendable {
    let transfers: Int
    let seconds: Double
  }

  struct Scrape: Encodable, Sendable {
    let bytes: Int
    let latency: BenchTimes
  }

  func run() async throws {
    let machine = BenchMachine()
    let figures = try await options.inFolder { folder in
      try await Self.untilSignal { try await measure(machine, in: folder) }
    }
    if options.json { try Output.json(figures: figures) } else { Self.show(figures) }
    let failures = (figures.async + figures.twoPhase + figures.within).compactMap(\.firstFailure)
    if let first = failures.first { throw CLIError.unexpected("Some requests failed, the first with: \(first)") }
  }

  /// Ctrl-C cancels the run, so that nodes are stopped and folders removed.
  static func untilSignal<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: T?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await body() }
      group.addTask {
        for await _ in signals { return nil }
        return nil
      }
      guard let first = try await group.next(), let result = first else {
        throw CLIError.unexpected("The benchmark was interrupted")
      }
      return result
    }
  }

  private func measure(_ machine: BenchMachine, in folder: URL) async throws -> Figures {
    let (duration, seconds) = (options.duration, options.seconds)
    return try await BenchFrames.with(in: folder) { frames in
      func step<T: Sendable>(_ what: String, _ body: @Sendable () async throws -> T) async throws -> T {
        Output.note("\(what) …")
        return try await body()
      }
      func load(
        _ what: String, _ concurrencies: [Int], _ request: @escaping @Sendable (String) async throws -> Void,
        after: () async throws -> Void = {}
      ) async throws -> [BenchLoad.Result] {
        var results: [BenchLoad.Result] = []
        for concurrency in concurrencies {
          let before = try frames.cpuSeconds()
          var result = try await step("\(what), \(concurrency) at a time") {
            try await BenchLoad(concurrency: concurrency, duration: duration).run(request)
          }
          try await after()
          let cpu = try frames.cpuSeconds() - before
          result.cpuMicroseconds = BenchRound.three(cpu * 1e6 / Double(max(1, result.succeeded)))
          results.append(result)
        }
        return results
      }
      let within = try await load("transfers within \(frames.a.name)", [1, 64]) { try await frames.within(key: $0) }
      // Settled each time: else the next figure would be of two loads at once, and this one's CPU time of half of the work.
      var backlog = (transfers: 0, seconds: 0.0)
      let async = try await load("async between the frames", [1, 8]) {
        try await frames.across("async", key: $0)
      } after: {
        backlog = try await step("settlement of what is on its way") { try await frames.untilSettled() }
      }
      let twoPhase = try await load("2pc between the frames", [1, 8]) { try await frames.across("2pc", key: $0) }
      let scrape = try await step("scrapes") { try await Self.scrape(frames, gzip: false, for: duration) }
      let zipped = try await step("scrapes with gzip") { try await Self.scrape(frames, gzip: true, for: duration) }
      let baseline = try await step("what the disk does with the same bytes") {
        try await BenchBaselines.measure(
          try await DiskBaseline.sample(of: frames.a.configuration.logDirectory), batch: 1, in: folder, for: duration)
      }
      let commit = max(baseline.sqliteInsert.commit.p50Ms, 0.001)
      return Figures(
        machine: machine, seconds: seconds, baseline: baseline,
        ratios: .init(
          asyncReturn: BenchRound.three((async.first?.latency.p50Ms ?? 0) / commit),
          twoPhaseReturn: BenchRound.three((twoPhase.first?.latency.p50Ms ?? 0) / commit),
          within64: BenchRound.three((within.last?.perSecond ?? 0) / baseline.sqliteInsert.perSecond),
          cpu: Self.cpuRatios(["within": within, "async": async, "2pc": twoPhase], baseline.sqliteInsert)),
        async: async, backlog: Backlog(transfers: backlog.transfers, seconds: BenchRound.three(backlog.seconds)),
        twoPhase: twoPhase, within: within, scrape: scrape, scrapeGzip: zipped)
    }
  }

  private static func cpuRatios(_ loads: [String: [BenchLoad.Result]], _ insert: BenchBaseline) -> [String: Double] {
    var ratios: [String: Double] = [:]
    for (name, results) in loads {
      for result in results {
        ratios["\(name)_\(result.concurrency)"] = BenchRound.ratio(
          result.cpuMicroseconds ?? 0, to: insert.cpuMicroseconds)
      }
    }
    return ratios
  }

  private static func scrape(_ frames: BenchFrames, gzip: Bool, for duration: Duration) async throws -> Scrape {
    let bytes = try await frames.scrape(gzip: gzip)
    let result = try await BenchLoad(concurrency: 1, duration: duration).run { _ in
      _ = try await frames.scrape(gzip: gzip)
    }
    if let failure = result.firstFailure { throw CLIError.unexpected("A scrape failed: \(failure)") }
    return Scrape(bytes: bytes, latency: result.latency)
  }

  private static func show(_ figures: Figures) {
    func row(_ name: String, _ result: BenchLoad.Result) -> [String] {
      [name, "\(result.concurrency)", String(format: "%.0f", result.perSecond)] + result.latency.cells
        + ["\(result.failures)", String(format: "%.0f", result.cpuMicroseconds ?? 0)]
    }
    func row(_ name: String, _ baseline: BenchBaseline) -> [String] {
      [name, "1", String(format: "%.0f", baseline.perSecond)] + baseline.commit.cells
        + ["0", String(format: "%.0f", baseline.cpuMicroseconds)]
    }
    func row(_ name: String, _ scrape: Scrape) -> [String] {
      ["\(name), \(scrape.bytes) bytes", "1", ""] + scrape.latency.cells + ["0", ""]
    }
    Output.line("Two frames: \(figures.machine.text), \(figures.seconds) s each")
    Output.line("")
    Output.table(
      ["", "CALLERS", "PER SECOND", "P50 MS", "P99 MS", "MAX MS", "FAILURES", "CPU US EACH"],
      figures.within.map { row("transfer within a frame", $0) } + figures.async.map { row("async, caller return", $0) }
        + figures.twoPhase.map { row("2pc, caller return", $0) }
        + [
          row("/metrics", figures.scrape), row("/metrics, gzip", figures.scrapeGzip),
          row("baseline: bare SQLite insert", figures.baseline.sqliteInsert),
          row("baseline: append and fdatasync", figures.baseline.fileAppend),
        ])
    Output.line("")
    let ratios = figures.ratios
    Output.line(
      "ratios to bare SQLite: async return \(ratios.asyncReturn), 2pc return \(ratios.twoPhaseReturn), "
        + "within a frame with 64 callers \(ratios.within64)")
    Output.line(
      "CPU time of both frames over one bare SQLite insert's: "
        + ratios.cpu.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    Output.line(
      "asynchronous transfers on their way at the end: \(figures.backlog.transfers), settled in \(figures.backlog.seconds) s"
    )
  }
}
