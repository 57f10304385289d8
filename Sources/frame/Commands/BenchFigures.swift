import Foundation
import FrameBench
import FrameCore

/// A distribution of times, as people and `--json` read it: milliseconds, three decimals.
struct BenchTimes: Encodable, Sendable {
  let p50Ms: Double
  let p90Ms: Double
  let p99Ms: Double
  let maxMs: Double

  /// - Parameter times: sorted.
  init(_ times: [Duration]) {
    func at(_ fraction: Double) -> Double {
      guard !times.isEmpty else { return 0 }
      // Nearest rank: a p99 of 100 times is the 99th, never an invention between two.
      let rank = Int((fraction * Double(times.count)).rounded(.up))
      return BenchRound.three(times[max(0, min(times.count, rank) - 1)].inSeconds * 1000)
    }
    p50Ms = at(0.5)
    p90Ms = at(0.9)
    p99Ms = at(0.99)
    maxMs = at(1)
  }

  enum CodingKeys: String, CodingKey {
    case p50Ms = "p50_ms"
    case p90Ms = "p90_ms"
    case p99Ms = "p99_ms"
    case maxMs = "max_ms"
  }

  var cells: [String] { [p50Ms, p99Ms, maxMs].map { String(format: "%.2f", $0) } }
}

enum BenchRound {
  /// 0 when there is nothing to divide by.
  static func ratio(_ value: Double, to base: Double) -> Double { base > 0 ? three(value / base) : 0 }

  static func three(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}

/// One line of the baseline: the same bytes, one durable commit at a time, by the disk alone.
struct BenchBaseline: Encodable, Sendable {
  let perSecond: Double
  /// Processor time of one event, user and system.
  let cpuMicroseconds: Double
  let commit: BenchTimes

  init(_ result: DiskBaseline.Result) {
    perSecond = result.perSecond.rounded()
    cpuMicroseconds = BenchRound.three(result.cpuMicroseconds)
    commit = BenchTimes(result.commits)
  }

  enum CodingKeys: String, CodingKey {
    case perSecond = "per_second"
    case cpuMicroseconds = "cpu_us_per_event"
    case commit
  }
}

/// Both baselines.
struct BenchBaselines: Encodable, Sendable {
  /// Bytes of an event, on average.
  let eventBytes: Int
  /// A bare SQLite insert transaction with the log's own settings.
  let sqliteInsert: BenchBaseline
  /// A plain append and an fdatasync.
  let fileAppend: BenchBaseline

  /// - Parameter events: real events of the benchmark; at least one.
  static func measure(
    _ events: [Data], batch: Int, in folder: URL, for duration: Duration
  ) async throws -> BenchBaselines {
    let database = try BenchOptions.fresh("baseline", in: folder)
    defer { try? FileManager.default.removeItem(at: database) }
    let insert = try await DiskBaseline.insert(events, batch: batch, in: database, for: duration)
    let append = try await DiskBaseline.append(events, batch: batch, in: database, for: duration)
    return BenchBaselines(
      eventBytes: events.map(\.count).reduce(0, +) / events.count, sqliteInsert: BenchBaseline(insert),
      fileAppend: BenchBaseline(append))
  }

  enum CodingKeys: String, CodingKey {
    case eventBytes = "event_bytes"
    case sqliteInsert = "sqlite_insert"
    case fileAppend = "file_append"
  }
}

extension Output {
  /// Figures as JSON.
  static func json(figures: some Encodable, snakeCase: Bool = false) throws {
    let encoder = JSONEncoder()
    if snakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
    json(try encoder.encode(figures))
  }
}
