import Foundation
@testable import FrameBench
@testable import FrameAudit
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
    #expect((1...20).contains(result.commits) && result.perCommit >= Double(batch))
    #expect(result.latency(0.5) <= result.latency(0.99))
    #expect(result.cpuSeconds > 0 && result.cpuMicroseconds > 0)
    let report = try LogAudit.run(directory: directory, frame: FrameID("bench.example"))
    #expect(report.isClean)
    #expect(report.size == UInt64(201 + 20 * batch))
  }

  @Test("growth is measured at each size, on a log that audits clean, and an account costs memory")
  func growth() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("frame-grow-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let steps = try await GrowthBenchmark.grow(directory: directory, through: [2_300, 4_300]) { _ in }
    #expect(steps.map(\.events) == [2_201, 4_201])
    #expect(steps.allSatisfy { $0.perSecond > 0 && $0.auditSeconds > 0 && (100..<10_000).contains($0.bytesPerEvent) })
    // Other tests give memory of this process back meanwhile, now and then.
    var most = 0.0
    for _ in 0..<3 where most <= 50 { most = max(most, try await GrowthBenchmark.memoryPerAccount(50_000)) }
    #expect(most > 50)
  }
}
