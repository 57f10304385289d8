package import Foundation
package import FrameLedger
package import FrameCore
package import FrameEvents
internal import FrameLog
package import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Audits the supply of a running frame: reads the log on a read-only connection of its own, from where it last stopped,
/// and checks every event, the supply equation at every position, and the root against the signed checkpoint. Whatever it
/// finds freezes the mint (fail closed), until the authority has looked at an audit of the whole log.
package final class SupplyAuditor: Service {
  private let directory: URL
  private let frame: FrameID
  private let reader: LogReader
  private let interval: Duration
  private let checkpoint: @Sendable () async throws -> SignedCheckpoint
  private let freeze: @Sendable (SupplyDrift) async throws -> Void
  private let clock: any FrameClock
  private let metrics: AuditMetrics
  private let logger: Logger
  private let fold: Mutex<SupplyRecount>
  private let latest = Mutex<AuditReport?>(nil)

  /// - Parameters:
  ///   - directory: the data directory; the log in it must exist.
  ///   - checkpoint: what the log signs of itself (`Writer.checkpoint`); the audit runs exactly to its size.
  ///   - freeze: has the finding put into the log (`LedgerCommand.reportDrift`), so that nothing is issued any more. Called
  ///     after every audit that is not clean.
  /// - Throws: `LogError.storage`.
  package init(
    directory: URL, frame: FrameID, interval: Duration = .seconds(60),
    checkpoint: @escaping @Sendable () async throws -> SignedCheckpoint,
    freeze: @escaping @Sendable (SupplyDrift) async throws -> Void, clock: any FrameClock, metrics: AuditMetrics,
    logger: Logger
  ) throws {
    self.directory = directory
    self.frame = frame
    self.freeze = freeze
    reader = try LogReader(directory: directory)
    self.interval = interval
    self.checkpoint = checkpoint
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    fold = Mutex(SupplyRecount(frame: frame.name, thorough: false))
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
          self.logger.error("the supply audit could not run", metadata: ["error": "\(error.report)"])
        }
        do { try await self.clock.sleep(for: self.interval) } catch { return }
      }
    }
    reader.close()
  }

  /// Audits what is new since the last audit, up to everything that is durable now.
  /// - Throws: `LogError.storage`.
  package func auditNow() async throws -> AuditReport {
    try await audited { signed in
      try await self.reader.run { reader in
        try self.fold.withLock { try Self.audit(&$0, reader, to: signed?.size ?? reader.size(), signed) }
      }
    }
  }

  /// Audits the whole log again, from its first event, with the checks that need all of it at once: that no idempotency key
  /// had two effects. The audits that follow go on from there, so that a finding which was none (a bad read) is gone.
  /// - Throws: `LogError.storage`.
  package func auditFully() async throws -> AuditReport {
    let report = try await audited { signed in
      // A connection of its own: the periodic audit does not wait for this one.
      let reader = try LogReader(directory: self.directory)
      defer { reader.close() }
      return try await reader.run { reader in
        var fresh = SupplyRecount(frame: self.frame.name, thorough: true)
        let report = try Self.audit(&fresh, reader, to: signed?.size ?? reader.size(), signed)
        fresh.forgetKeys()
        self.fold.withLock { [fresh] in $0 = fresh }
        return report
      }
    }
    metrics.fullAuditTime.set(clock.now().seconds)
    return report
  }

  private func audited(
    _ run: (SignedCheckpoint?) async throws -> AuditReport
  ) async throws -> AuditReport {
    let start = ContinuousClock.now
    let report: AuditReport
    do {
      report = try await run(await signedNow())
    } catch {
      metrics.auditRuns.with("error").increment()
      throw error
    }
    publish(report, duration: ContinuousClock.now - start)
    if let drift = SupplyDrift(report) {
      do {
        try await freeze(drift)
      } catch {
        // The next audit tries again; a log that takes no commands issues nothing either.
        logger.critical("the mint could not be frozen", metadata: ["error": "\(error.report)"])
      }
    }
    return report
  }

  /// A log that cannot sign is audited all the same, without a root to compare with.
  private func signedNow() async -> SignedCheckpoint? {
    do {
      return try await checkpoint()
    } catch {
      logger.error("the audit has no checkpoint to compare with", metadata: ["error": "\(error.report)"])
      return nil
    }
  }

  private static func audit(
    _ fold: inout SupplyRecount, _ reader: LogReader, to end: UInt64, _ signed: SignedCheckpoint?
  ) throws -> AuditReport {
    try LogAudit.scan(reader, &fold, to: end)
    // A newer audit may have passed this checkpoint already; then it is not compared, nor called compared.
    guard let signed, signed.size == fold.size else { return fold.report(nil) }
    guard fold.frontier.root.data == signed.root else {
      fold.noteOnce("root_mismatch", nil, "the signed root of size \(signed.size) is not that of the stored events")
      return fold.report(nil)
    }
    return fold.report(signed)
  }

  private func publish(_ report: AuditReport, duration: Duration) {
    let before = latest.withLock { latest in
      defer { latest = report }
      return latest?.statement.wrapped.keys.map(\.self) ?? []
    }
    for (name, amount) in report.statement.lines { metrics.supply.with(name).set(Int64(clamping: amount)) }
    metrics.delta.set(Int64(clamping: report.worstDelta))
    // A former log's row goes once there is nothing in it; its series says so.
    for origin in before where report.statement.wrapped[origin] == nil { metrics.wrapped.with(origin).set(Int64(0)) }
    for (origin, amount) in report.statement.wrapped { metrics.wrapped.with(origin).set(Int64(clamping: amount)) }
    for (peer, amount) in report.statement.clearing { metrics.clearing.with(peer).set(Int64(clamping: amount)) }
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
