package import FrameCore
package import FrameEvents
package import Logging
internal import ServiceLifecycle

/// How the ledger's own services reach the one writer.
package typealias LedgerWriter = RoomWriter<LedgerState, LedgerCommand>

/// Ends holds whose time is over, so that no money stays set aside because nobody asks for it, and publishes what the
/// ledger says of its holds and freezes.
package final class HoldExpiryService: Service {
  private let frame: FrameID
  private let writer: any LedgerWriter
  private let interval: Duration
  private let clock: any FrameClock
  private let metrics: LedgerMetrics
  private let logger: Logger

  /// - Parameters:
  ///   - interval: how often it looks.
  ///   - clock: the log's, so that what is overdue here is so for the writer too.
  package init(
    frame: FrameID, writer: any LedgerWriter, interval: Duration = .seconds(1), clock: any FrameClock,
    metrics: LedgerMetrics, logger: Logger
  ) {
    self.frame = frame
    self.writer = writer
    self.interval = interval
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          // A full round means that there are more.
          while try await self.endOverdue() == HoldLimits.expiredPerRound {}
        } catch is CancellationError {
          return
        } catch {
          self.logger.error("Overdue holds could not be ended", metadata: ["error": "\(error.report)"])
        }
        do { try await self.clock.sleep(for: self.interval) } catch { return }
      }
    }
  }

  /// One round.
  /// - Returns: how many ended.
  /// - Throws: `LogError`, `LedgerError`.
  package func endOverdue() async throws -> Int {
    let now = clock.now()
    let overdue = try await writer.read { [metrics] ledger in
      metrics.holdsOpen.set(ledger.holds.openCount)
      metrics.holdsAmount.set(Int64(clamping: ledger.holds.total))
      metrics.frozenAgents.set(ledger.frozenAgents)
      metrics.supplyFrozen.set(ledger.drift != nil)
      return ledger.holds.expired(at: now, limit: HoldLimits.expiredPerRound)
    }
    var ended = 0
    for id in overdue {
      try Task.checkCancellation()
      let committed = try await writer.submit(
        .expireHold(id: id), actor: .node(of: frame), key: IdempotencyKey(derived: "hold/expire/\(id)"))
      metrics.count(committed)
      if !committed.events.isEmpty { ended += 1 }
    }
    return ended
  }
}
