package import Foundation
package import FrameCore
package import FrameLog
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Audits the supply of a running frame: reads the log on a read-only connection of its own, from where it last stopped,
/// and checks every event, the supply equation at every position, and the root against the signed checkpoint.
package final class SupplyAuditor: Service {
  private let reader: LogReader
  private let interval: Duration
  private let checkpoint: @Sendable () async throws -> SignedCheckpoint
  private let clock: any FrameClock
  private let metrics: LedgerMetrics
  private let logger: Logger
  private let fold: Mutex<SupplyFold>
  private let latest = Mutex<AuditReport?>(nil)

  /// - Parameters:
  ///   - directory: the data directory; the log in it must exist.
  ///   - checkpoint: what the log signs of itself (`Writer.checkpoint`); the audit runs exactly to its size.
  /// - Throws: `LogError.storage`.
  package init(
    directory: URL, frame: FrameID, interval: Duration = .seconds(60),
    checkpoint: @escaping @Sendable () async throws -> SignedCheckpoint, clock: any FrameClock, metrics: LedgerMetrics,
    logger: Logger
  ) throws {
    reader = try LogReader(directory: directory)
    self.interval = interval
    self.checkpoint = checkpoint
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    fold = Mutex(SupplyFold(frame: frame.name, thorough: false))
  }

  /// The newest report, or nil before the first audit.
  package var lastReport: AuditReport? { latest.withLock { $0 } }

  /// Audits at once and then every interval, until the node shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          _ = try await self.auditNow()
        } catch {
          self.logger.error("the supply audit could not run", metadata: ["error": "\(error)"])
        }
        do { try await self.clock.sleep(for: self.interval) } catch { return }
      }
    }
    reader.close()
  }

  /// Audits everything that is durable now.
  /// - Throws: `LogError.storage`, `LogError.damagedLog` (a gap).
  package func auditNow() async throws -> AuditReport {
    let start = ContinuousClock.now
    do {
      let signed = await signedNow()
      let report = try await reader.run { reader in
        let end = try signed?.size ?? reader.size()
        return try self.fold.withLock { try Self.audit(&$0, reader, to: end, signed) }
      }
      publish(report, duration: ContinuousClock.now - start)
      return report
    } catch {
      metrics.auditRuns.with("error").increment()
      throw error
    }
  }

  /// A log that cannot sign is audited all the same, without a root to compare with.
  private func signedNow() async -> SignedCheckpoint? {
    do {
      return try await checkpoint()
    } catch {
      logger.error("the audit has no checkpoint to compare with", metadata: ["error": "\(error)"])
      return nil
    }
  }

  private static func audit(
    _ fold: inout SupplyFold, _ reader: LogReader, to end: UInt64, _ signed: SignedCheckpoint?
  ) throws -> AuditReport {
    try reader.scan(from: fold.size, to: end) { fold.add($0, $1) }
    // A newer audit may have passed this checkpoint already; then it is not compared, nor called compared.
    guard let signed, signed.size == fold.size else { return fold.report(checkpointSize: nil) }
    if fold.frontier.root.data != signed.root {
      fold.note("root_mismatch", nil, "the signed root of size \(signed.size) is not that of the stored events")
    }
    return fold.report(checkpointSize: signed.size)
  }

  private func publish(_ report: AuditReport, duration: Duration) {
    latest.withLock { $0 = report }
    for (name, amount) in report.statement.lines { metrics.supply.with(name).set(amount) }
    metrics.delta.set(report.worstDelta)
    for (origin, amount) in report.statement.wrapped { metrics.wrapped.with(origin).set(amount) }
    for (peer, amount) in report.statement.clearing { metrics.clearing.with(peer).set(amount) }
    metrics.accounts.set(report.accounts)
    metrics.agents.set(report.agents)
    metrics.auditSize.set(Int64(clamping: report.size))
    metrics.auditTime.set(clock.now().seconds)
    metrics.auditDuration.observe(duration)
    metrics.findings.set(report.findingCount)
    metrics.auditRuns.with(report.isClean ? "clean" : "findings").increment()
    if let finding = report.findings.last, !report.isClean {
      logger.critical(
        "the supply audit has findings",
        metadata: ["count": "\(report.findingCount)", "last": "\(finding.code) \(finding.message)"])
    }
  }
}
