import Foundation
import Testing

@testable import FrameBench
@testable import FrameLog

@Suite("The disk's baseline")
struct DiskBaselineTests {
  @Test("it commits whole batches, one after the other, and leaves no file of its own behind", arguments: [1, 7])
  func commits(batch: Int) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("frame-baseline-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let events = [Data("one".utf8), Data("two".utf8), Data("three".utf8)]
    let appended = try await DiskBaseline.append(events, batch: batch, in: folder, for: .milliseconds(20))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    let inserted = try await DiskBaseline.insert(events, batch: batch, in: folder, for: .milliseconds(20))
    for result in [appended, inserted] {
      #expect(result.events == result.commits.count * batch)
      #expect(result.events > 0)
      #expect(result.commit(0.5) <= result.commit(0.99))
      #expect(result.seconds >= 0.02)
      #expect(result.cpuSeconds > 0 && result.cpuMicroseconds > 0)
    }
    let reader = try LogReader(directory: folder)
    defer { reader.close() }
    var stored: [Data] = []
    try reader.scan(from: 0, to: try reader.size()) { stored.append($1) }
    #expect(stored.count == inserted.events)
    #expect(stored.prefix(7).enumerated().allSatisfy { $1 == events[$0 % 3] })
    #expect(try await DiskBaseline.sample(of: folder, limit: 2) == Array(stored.suffix(2)))
  }
}
