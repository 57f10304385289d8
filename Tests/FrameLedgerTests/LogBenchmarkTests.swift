import Foundation
import FrameCore
import Testing

@testable import FrameLedger

@Suite struct LogBenchmarkTests {
  @Test("the benchmark moves what it says it moves, and leaves a log that audits clean", arguments: [1, 50])
  func runs(batch: Int) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let result = try await LogBenchmark.run(directory: directory, callers: 4, batch: batch, rounds: 5)
    #expect(result.transfers == 20 * batch)
    #expect(result.latencies.count == 20)
    #expect(result.latency(0.5) <= result.latency(0.99))
    let report = try LogAudit.run(directory: directory, frame: FrameID("bench.example"))
    #expect(report.isClean)
    #expect(report.size == UInt64(201 + 20 * batch))
  }
}
