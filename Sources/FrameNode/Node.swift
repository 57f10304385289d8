import AsyncHTTPClient
import Foundation
import FrameBridge
import FrameCanary
import FrameCore
import FrameFederation
import FrameIdentity
import FrameLedger
import FrameLog
import FrameMetrics
import FrameProjection
import FrameSettlement
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// One running frame: the composition root. It makes every part, joins them, and runs them as one service group.
package struct Node: Sendable {
  private let parts: NodeParts
  private let logger: Logger

  /// Opens the frame: keys, log (replayed and checked), state. Nothing listens yet.
  /// - Parameter exportLibraryMetrics: put the libraries' own metrics into this node's registry; once per process.
  /// - Throws: a `FrameError` that says what is wrong: keys, another node on the same data, a damaged log.
  package init(
    _ configuration: NodeConfiguration, clock: any FrameClock = SystemClock(), logger: Logger,
    exportLibraryMetrics: Bool = true
  ) async throws {
    let registry = MetricRegistry()
    if exportLibraryMetrics { MetricsSystem.bootstrap(SwiftMetricsBackend(registry)) }
    // Opening replays the log: on a thread of its own, not on the cooperative pool.
    parts = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result { try NodeParts(configuration, registry: registry, clock: clock, logger: logger) })
      }
    }
    self.logger = logger
    try registry.validate()
  }

  /// Serves until a graceful shutdown: listeners close first, the log last.
  package func run() async throws {
    do {
      try await serve()
    } catch {
      // The client traps when it is let go of without this, also after a failure; the failure is what is worth telling.
      try? await parts.http.shutdown()
      throw error
    }
    try await parts.http.shutdown()
  }

  /// Reads frame.yaml again and takes over what may change while the node runs; what is wrong with it is logged.
  package func reload() async { _ = try? await parts.reload() }

  private func serve() async throws {
    try await parts.found()
    try await parts.federation.prime()
    try await parts.confirmRestored()
    try await parts.operators.prime()
    let services = parts.services()
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [], logger: logger))
    try await group.run()
  }
}
