import ArgumentParser
import Foundation
import FrameCore
import FrameMetrics
import Synchronization

/// `frame bench metrics`: what an instrument costs the code that uses it, and what a scrape costs.
struct BenchMetricsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Measure the metrics core: instruments and exposition.",
    discussion: """
      The baseline is one relaxed atomic addition. Only a release build says anything.

      Example:
        frame bench metrics --seconds 1
      """)

  @OptionGroup var options: BenchOptions

  struct Figure: Encodable, Sendable {
    let name: String
    /// Nanoseconds each, the median of many rounds.
    let nanoseconds: Double
    /// Over the baseline; nil where an operation is no instrument's.
    let ratio: Double?

    var cells: [String] {
      let time =
        nanoseconds < 100_000 ? String(format: "%.1f ns", nanoseconds) : String(format: "%.2f ms", nanoseconds / 1e6)
      return [name, time, ratio.map { String(format: "%.1f", $0) } ?? ""]
    }
  }

  struct Figures: Encodable, Sendable {
    let machine: BenchMachine
    let baselineNanoseconds: Double
    let operations: [Figure]

    enum CodingKeys: String, CodingKey {
      case machine, operations
      case baselineNanoseconds = "baseline_nanoseconds"
    }
  }

  func run() async throws {
    let machine = BenchMachine()
    let duration = options.duration
    // Loops that never suspend: on a thread of their own.
    let figures = await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: Self.measure(machine, for: duration)) }
    }
    if options.json { return try Output.json(figures: figures) }
    Output.line("Metrics core: \(figures.machine.text)")
    Output.line("")
    let baseline = Figure(
      name: "baseline: relaxed atomic addition", nanoseconds: figures.baselineNanoseconds, ratio: 1)
    Output.table(["", "TIME", "RATIO"], ([baseline] + figures.operations).map(\.cells))
  }

  private static let series = 5_000

  private static func measure(_ machine: BenchMachine, for duration: Duration) -> Figures {
    let each = duration / 8
    let cell = BenchCell()
    let baseline = time(each, operations: 100_000) { for _ in 0..<100_000 { cell.add() } }
    let registry = MetricRegistry()
    let counter = registry.counter("bench_increments_total", help: "Increments.")
    let family = registry.counter("bench_lookups_total", help: "Lookups.", labels: ["backend", "peer"])
    let gauge = registry.gauge("bench_level", help: "A level.")
    let histogram = registry.histogram("bench_duration_seconds", help: "Durations.")
    var figures: [(String, Double)] = [
      ("counter increment", time(each, operations: 100_000) { for _ in 0..<100_000 { counter.increment() } }),
      ("counter increment, two threads", two(each) { for _ in 0..<100_000 { counter.increment() } }),
      (
        "labelled lookup and increment",
        time(each, operations: 100_000) {
          for _ in 0..<100_000 { family.with("async", "frame-b.example").increment() }
        }
      ),
      (
        "histogram observe",
        time(each, operations: 100_000) { for index in 0..<100_000 { histogram.observe(Double(index & 1023) * 1e-5) } }
      ),
      ("gauge set", time(each, operations: 100_000) { for index in 0..<100_000 { gauge.set(Int64(index)) } }),
    ]
    let handler = filled()
    figures += [
      ("\(series) series as text", time(each, operations: 1) { _ = handler.respond(to: ExpositionRequest()) }),
      (
        "\(series) series as OpenMetrics, gzip",
        time(each, operations: 1) {
          _ = handler.respond(
            to: ExpositionRequest(accept: "application/openmetrics-text;version=1.0.0", acceptEncoding: "gzip"))
        }
      ),
    ]
    return Figures(
      machine: machine, baselineNanoseconds: BenchRound.three(baseline),
      operations: figures.map {
        Figure(
          name: $0.0, nanoseconds: BenchRound.three($0.1),
          ratio: $0.0.contains("series") ? nil : BenchRound.three($0.1 / baseline))
      })
  }

  /// An exposition of 5,000 gauges with two labels each.
  private static func filled() -> ExpositionHandler {
    let registry = MetricRegistry()
    let family = registry.gauge(
      "bench_amount_minor_units", help: "Amounts.", labels: ["account", "peer"], limit: series)
    for index in 0..<series { family.with("account-\(index)", "frame-\(index % 50).example").set(Int64(index) * 1_017) }
    return ExpositionHandler(registry)
  }

  /// - Returns: the median over rounds of nanoseconds per operation.
  private static func time(_ duration: Duration, operations: Int, _ round: () -> Void) -> Double {
    round()
    let end = ContinuousClock.now + duration
    var rounds: [Double] = []
    repeat {
      let begin = ContinuousClock.now
      round()
      rounds.append((ContinuousClock.now - begin).inSeconds * 1e9 / Double(operations))
    } while ContinuousClock.now < end
    return rounds.sorted()[rounds.count / 2]
  }

  /// Two threads do rounds of 100,000 operations against the same instrument.
  private static func two(_ duration: Duration, _ round: @escaping @Sendable () -> Void) -> Double {
    let running = BenchCell()
    running.add()
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      while running.value > 0 { round() }
      done.signal()
    }
    let nanoseconds = time(duration, operations: 100_000, round)
    running.reset()
    done.wait()
    return nanoseconds
  }
}

/// An integer that threads share.
private final class BenchCell: Sendable {
  private let cell = Atomic<Int>(0)
  var value: Int { cell.load(ordering: .relaxed) }
  func add() { cell.wrappingAdd(1, ordering: .relaxed) }
  func reset() { cell.store(0, ordering: .relaxed) }
}
