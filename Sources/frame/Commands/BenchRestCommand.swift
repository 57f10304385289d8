import ArgumentParser
import Foundation
import FrameBench
import FrameCore

/// `frame bench rest`: transfers a second through the REST API, by transfers in a request.
struct BenchRestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rest", abstract: "Measure batches of transfers through the REST API.",
    discussion: """
      Starts frames as `frame bench transfers` does and posts batches of transfers to one of them, with 1, 10, 100 and 1,000
      transfers a request, over 1 and 64 connections. Every request is one command, durable before its answer. The baseline
      inserts the very same events with bare SQLite, a transaction a request.

      Example:
        frame bench rest --seconds 5 --json
      """)

  static let batches = [1, 10, 100, 1_000]
  static let connections = [1, 64]

  @OptionGroup var options: BenchOptions

  struct Figures: Encodable, Sendable {
    struct Row: Encodable, Sendable {
      let batch: Int
      let transfersPerSecond: Double
      let baselinePerSecond: Double
      let ratio: Double
      let requests: BenchLoad.Result

      enum CodingKeys: String, CodingKey {
        case batch, ratio, requests
        case transfersPerSecond = "transfers_per_second"
        case baselinePerSecond = "baseline_per_second"
      }
    }

    let machine: BenchMachine
    let seconds: Double
    let rows: [Row]
  }

  func run() async throws {
    let machine = BenchMachine()
    let figures = try await options.inFolder { folder in
      try await BenchTransfersCommand.untilSignal { try await measure(machine, in: folder) }
    }
    if options.json { try Output.json(figures: figures) } else { Self.show(figures) }
    if let first = figures.rows.compactMap(\.requests.firstFailure).first {
      throw CLIError.unexpected("Some requests failed, the first with: \(first)")
    }
  }

  private func measure(_ machine: BenchMachine, in folder: URL) async throws -> Figures {
    let (duration, seconds) = (options.duration, options.seconds)
    return try await BenchFrames.with(in: folder) { frames in
      var rows: [(Int, BenchLoad.Result)] = []
      for batch in Self.batches {
        let body = try frames.batch(of: batch)
        for connections in Self.connections {
          Output.note("\(batch) transfers a request, \(connections) connections …")
          let result = try await BenchLoad(concurrency: connections, duration: duration).run { key in
            try await frames.batch(body, key: key)
          }
          rows.append((batch, result))
        }
      }
      Output.note("what the disk does with the same bytes …")
      let sample = try await DiskBaseline.sample(of: frames.a.configuration.logDirectory)
      var baselines: [Int: Double] = [:]
      for batch in Self.batches {
        let database = try BenchOptions.fresh("baseline", in: folder)
        baselines[batch] = try await DiskBaseline.insert(sample, batch: batch, in: database, for: duration).perSecond
        try FileManager.default.removeItem(at: database)
      }
      return Figures(
        machine: machine, seconds: seconds,
        rows: rows.map { batch, result in
          let transfers = result.perSecond * Double(batch)
          let baseline = baselines[batch] ?? 0
          return Figures.Row(
            batch: batch, transfersPerSecond: transfers.rounded(), baselinePerSecond: baseline.rounded(),
            ratio: BenchRound.three(transfers / baseline), requests: result)
        })
    }
  }

  private static func show(_ figures: Figures) {
    Output.line("REST batches: \(figures.machine.text), \(figures.seconds) s each")
    Output.line("")
    Output.table(
      ["TRANSFERS", "CONNECTIONS", "TRANSFERS/S", "P50 MS", "P99 MS", "MAX MS", "FAILURES", "RATIO TO BARE SQLITE"],
      figures.rows.map { row in
        ["\(row.batch)", "\(row.requests.concurrency)", "\(Int(row.transfersPerSecond))"] + row.requests.latency.cells
          + ["\(row.requests.failures)", "\(row.ratio)"]
      })
  }
}
