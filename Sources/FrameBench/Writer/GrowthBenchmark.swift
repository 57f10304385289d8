package import Foundation
internal import FrameLedger
internal import FrameAudit
internal import FrameCore
internal import FrameEvents
internal import FrameProtos

/// Measures what a frame costs as its log and its ledger grow: no figure may grow faster than the work.
package enum GrowthBenchmark {
  /// The log at one size.
  package struct Step: Sendable {
    package let events: UInt64
    /// Transfers a second on the way here from the step before.
    package let perSecond: Double
    /// The database's file, its write-ahead log moved into it or not, over the events in it.
    package let bytesPerEvent: Double
    /// A thorough audit of the whole log from its files.
    package let auditSeconds: Double

    package var auditSecondsPerMillion: Double { auditSeconds * 1e6 / Double(events) }
  }

  private static let batch = 1_000
  private static let callers = 2

  /// Grows one log through `sizes` and audits it at each.
  /// - Parameters:
  ///   - directory: is empty.
  ///   - sizes: events, rising.
  /// - Throws: `LogError`, when the audit finds anything too.
  package static func grow(
    directory: URL, through sizes: [Int], progress: @Sendable (Step) -> Void
  ) async throws -> [Step] {
    let session = try await LogBenchmark.Session(directory: directory)
    var steps: [Step] = []
    var round = 0
    do {
      for size in sizes {
        let missing = max(0, size - Int(session.size))
        let rounds = max(1, missing / (batch * callers))
        let result = try await session.transfer(callers: callers, batch: batch, rounds: round..<round + rounds)
        round += rounds
        let events = session.size
        let begin = ContinuousClock.now
        let report = try await offPool { try LogAudit.run(directory: directory, frame: FrameID("bench.example")) }
        let seconds = (ContinuousClock.now - begin).inSeconds
        guard report.isClean else { throw LogError.damagedLog("the audit of \(events) events is not clean") }
        steps.append(
          Step(
            events: events, perSecond: result.perSecond,
            bytesPerEvent: Double(try fileBytes(in: directory)) / Double(events), auditSeconds: seconds))
        progress(steps[steps.count - 1])
      }
    } catch {
      await session.close()
      throw error
    }
    await session.close()
    return steps
  }

  /// Resident bytes of the process that each of `count` agents with money adds, by a ledger that knows nothing else.
  package static func memoryPerAccount(_ count: Int) async throws -> Double {
    try await offPool {
      let frame = try FrameID("bench.example")
      var ledger = LedgerState(frame: frame, native: try Asset(origin: frame, code: "BEN", scale: 2))
      let before = try residentBytes()
      for number in 0..<count {
        let name = try AgentName("agent-\(number)")
        let event = PBEvent.with {
          $0.agentRegistered = .with { $0.name = name.text }
          $0.postings = Postings.move(1, from: .treasury, to: .liquid(name))
        }
        ledger.evolve(RecordedEvent(event: event, bytes: Data()))
      }
      let after = try residentBytes()
      return try withExtendedLifetime(ledger) {
        guard ledger.accounts.count == count + 1 else { throw LogError.damagedLog("an account is missing") }
        return Double(after - before) / Double(count)
      }
    }
  }

  /// The database and its write-ahead log.
  private static func fileBytes(in directory: URL) throws -> Int {
    try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: [.fileSizeKey])
      .filter { $0.lastPathComponent.hasPrefix("log.sqlite") && !$0.lastPathComponent.hasSuffix("-shm") }
      .reduce(0) { $0 + (try $1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }
  }

  /// proc_pid_statm(5): the second field, in pages.
  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else {
      throw LogError.storage("/proc/self/statm is not readable")
    }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// It blocks: on a thread of its own, never on Swift's pool.
  private static func offPool<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
