import FrameCore
import FrameIdentity
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Rotates the frame's authority when its policy says so, carries out what an operator asks for, and tells the log of every
/// change (CONFORMANCE S8, S16).
///
/// A change is in force before the log has it, because the log may be down when a key must go; what the log does not know
/// yet is kept with the keys and told as soon as it can be, also after a restart, and once.
package final class AuthorityRotation: Service {
  package let authority: FrameAuthority
  private let writer: any IdentityWriter
  private let clock: any FrameClock
  private let metrics: WorkloadMetrics
  private let logger: Logger
  private let clockGuard = Mutex(ClockGuard())

  /// Pause after a step that could not be carried out.
  package static let retryInterval: Duration = .seconds(10)
  /// It looks at least this often: the machine's clock may have been set meanwhile.
  package static let checkInterval: Duration = .seconds(60)

  package init(
    authority: FrameAuthority, writer: any IdentityWriter, clock: any FrameClock, metrics: WorkloadMetrics,
    logger: Logger
  ) {
    self.authority = authority
    self.writer = writer
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        var pause = Self.retryInterval
        do {
          try await self.keep()
          pause = self.pause()
        } catch is CancellationError {
          return
        } catch {
          self.logger.error("The authority's rotation stands still", metadata: ["error": "\(error.report)"])
        }
        do { try await self.clock.sleep(for: pause) } catch { return }
      }
    }
  }

  /// Until the next step falls due, in bounds.
  private func pause() -> Duration {
    let next = AuthorityKind.allCases.map { authority.next($0).at }.min() ?? clock.now()
    return min(max(next - clock.now(), .seconds(1)), Self.checkInterval)
  }

  /// Does what is due, and tells the log what it does not know.
  /// - Throws: `KeyFileError`, `RotationError`, `LogError`.
  package func keep() async throws {
    try await tellLog()
    let authority = authority
    // A key that is made by a clock that was set forward is not valid when the clock is right again.
    guard clockGuard.withLock({ $0.read(wall: clock.now(), steady: clock.steady()) }).held == .zero else { return }
    let done = try await Self.blocking { try authority.rotateWhatIsDue() }
    for change in done { note(change) }
    if !done.isEmpty { try await tellLog() }
  }

  /// Carries out what an operator asks for. It is in force, and on the log, when this returns.
  /// - Throws: `RotationError`, `KeyFileError`; `LogError` when it is in force and the log does not have it yet.
  package func rotate(_ kind: AuthorityKind, _ step: RotationStep) async throws -> AuthorityChange {
    let authority = authority
    let change = try await Self.blocking { try authority.rotate(kind, step, byOperator: true) }
    note(change)
    try await tellLog()
    return change
  }

  private func note(_ change: AuthorityChange) {
    logger.notice(
      "The authority has changed",
      metadata: [
        "kind": "\(change.kind.rawValue)", "action": "\(change.action.rawValue)", "id": "\(change.authorityID)",
        "sequence": "\(change.sequence)",
      ])
  }

  private func tellLog() async throws {
    let waiting = authority.unlogged
    metrics.unlogged.set(waiting.count)
    guard let last = waiting.last else { return }
    for change in waiting {
      let frame = authority.frame
      _ = try await writer.submit(
        .authorityChanged(change), actor: change.byOperator ? .authority(of: frame) : .node(of: frame),
        key: IdempotencyKey(derived: change.key))
    }
    let authority = authority
    try await Self.blocking { try authority.acknowledge(through: last.sequence) }
    metrics.unlogged.set(authority.unlogged.count)
  }

  /// Storing keys waits for the disk: on a thread that may.
  private static func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await NIOThreadPool.singleton.runIfActive(body)
  }
}
