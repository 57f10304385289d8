import Foundation
import FrameCore
import FrameIdentity
import Logging
import NIOPosix
import Synchronization

/// Listens to an agent, again and again, checks what it says, numbers the bundle and tells whoever watches.
final class UpstreamFeed: Sendable {
  enum News: Sendable {
    case snapshot(UpstreamSnapshot)
    /// An attempt or a message has failed; what was there before stays.
    case failed(any Error)
  }

  struct Status: Sendable {
    var snapshot: UpstreamSnapshot?
    var isConnected = false
    /// The last failure, until something succeeds.
    var failure: (any Error)?
  }

  private struct State {
    var status = Status()
    var state: UpstreamState
    var numbering: BundleNumbering?
    var pause = UpstreamPause()
    /// The SVID because of which the connection was made anew.
    var overdue: X509SVID?
    /// Which streams of the present connection have said anything, usable or not.
    var heard: (x509: Bool, jwt: Bool) = (false, false)
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: AsyncStream<News>.Continuation] = [:]
  }

  let settings: UpstreamSettings
  let clock: any FrameClock
  let logger: Logger
  private let agent: any UpstreamAgent
  private let metrics: UpstreamMetrics
  private let chance: @Sendable () -> Double
  private let held: Mutex<State>

  /// How long an agent that has accepted a connection may take to say everything.
  static let answerWithin: Duration = .seconds(10)
  /// How often it looks whether a new SVID is overdue.
  static let overdueCheck: Duration = .seconds(15)

  init(
    _ settings: UpstreamSettings, _ agent: any UpstreamAgent, clock: any FrameClock, metrics: UpstreamMetrics,
    logger: Logger, chance: @escaping @Sendable () -> Double
  ) {
    self.settings = settings
    self.agent = agent
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    self.chance = chance
    held = Mutex(State(state: UpstreamState(frame: settings.frame, socket: settings.socket)))
  }

  var status: Status { held.withLock { $0.status } }

  /// Everything from now on; the latest only for who is slow. Ends with the task that reads it.
  func news() -> AsyncStream<News> {
    // A failure must not push a snapshot out before it is seen.
    let (stream, continuation) = AsyncStream.makeStream(of: News.self, bufferingPolicy: .bufferingNewest(16))
    let id = held.withLock { held in
      held.nextWatcher += 1
      held.watchers[held.nextWatcher] = continuation
      return held.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in
      self?.held.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    return stream
  }

  private func tell(_ news: News) {
    for watcher in held.withLock({ Array($0.watchers.values) }) { watcher.yield(news) }
  }

  /// Listens until it is cancelled.
  /// - Throws: `CancellationError`.
  func run() async throws {
    defer { set(connected: false) }
    try await recall()
    while true {
      do { try await session() } catch {
        try Task.checkCancellation()
        fail(error)
      }
      set(connected: false)
      let chance = chance()
      try await clock.sleep(for: held.withLock { $0.pause.next(chance: chance) })
    }
  }

  /// Reads which number the bundle had last.
  private func recall() async throws {
    guard held.withLock({ $0.numbering == nil }) else { return }
    let settings = settings
    let stored = try await Self.blocking {
      (try? settings.keys.read(BundleNumbering.fileName)).flatMap { BundleNumbering($0, of: settings.frame) }
    }
    held.withLock { $0.numbering = stored }
  }

  /// One connection, from its beginning to its end.
  private func session() async throws {
    let (messages, continuation) = AsyncStream.makeStream(of: UpstreamMessage.self)
    let (agent, clock, socket) = (agent, clock, settings.socket)
    // Each connection says everything anew; what is shown stays that of the one before until it has.
    held.withLock { held in
      held.state = UpstreamState(frame: settings.frame, socket: socket)
      held.heard = (false, false)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await agent.listen { continuation.yield($0) }
        throw UpstreamError.ended(socket: socket)
      }
      group.addTask {
        try await clock.sleep(for: Self.answerWithin)
        guard self.held.withLock({ $0.heard.x509 && $0.heard.jwt }) else { throw UpstreamError.silent(socket: socket) }
      }
      group.addTask {
        while true {
          try await clock.sleep(for: Self.overdueCheck)
          if self.isOverdue() { throw UpstreamError.overdue(socket: socket) }
        }
      }
      // In order, one at a time.
      group.addTask { for await message in messages { try await self.hear(message) } }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }

  /// Whether three quarters of the SVID's life have passed without another: an agent renews at half, so the connection may only
  /// look as if somebody were there. Once an SVID: an agent that is late all the same is not pressed.
  private func isOverdue() -> Bool {
    let now = clock.now()
    return held.withLock { held in
      guard let svid = held.status.snapshot?.svid, held.overdue?.chain != svid.chain else { return false }
      guard now - svid.renewAt > (svid.notAfter - svid.renewAt) / 2 else { return false }
      held.overdue = svid
      return true
    }
  }

  /// - Throws: what a new connection may mend; a message that is no good is told and left.
  private func hear(_ message: UpstreamMessage) async throws {
    held.withLock { held in
      if case .x509 = message { held.heard.x509 = true } else { held.heard.jwt = true }
    }
    do { try await take(message) } catch let error as KeyFileError { throw error } catch {
      try Task.checkCancellation()
      fail(error)
    }
  }

  private func fail(_ error: any Error) {
    held.withLock { $0.status.failure = error }
    metrics.failed(UpstreamFailure(error))
    logger.warning(
      "The agent gives no identity; what was there before stays",
      metadata: ["socket": "\(settings.socket)", "error": "\(UpstreamFailure.explain(error))"])
    tell(.failed(error))
  }

  private func set(connected: Bool) {
    let changed = held.withLock { held in
      defer { held.status.isConnected = connected }
      return held.status.isConnected != connected
    }
    metrics.set(connected: connected)
    if changed, connected { logger.info("The agent is there", metadata: ["socket": "\(settings.socket)"]) }
  }

  /// Checks a message and takes it over.
  private func take(_ message: UpstreamMessage) async throws {
    var state = held.withLock { $0.state }
    try state.take(message)
    if case .x509 = message, let x509 = state.x509 {
      let verifier = SPIFFEVerifier(bundles: x509.bundle, clock: clock)
      do { _ = try await verifier.verify(x509.svid.chain, expecting: .exactly(state.expected)) } catch {
        throw UpstreamError.unusable(socket: settings.socket, why: error.message)
      }
    }
    let taken = state
    held.withLock { $0.state = taken }
    metrics.updated(message, at: clock.now())
    guard let complete = try taken.complete(refreshHint: settings.refreshHint) else { return }
    try await publish(complete.svid, complete.bundle)
  }

  private func publish(_ svid: X509SVID, _ bundle: SPIFFEBundle) async throws {
    let last = held.withLock { $0.numbering }
    let numbering = try BundleNumbering(bundle, after: last, floor: settings.floor, now: clock.now())
    if numbering != last {
      // On the disk before anyone sees it, so that no restart gives the number to other keys.
      let (keys, stored) = (settings.keys, try numbering.stored())
      try await Self.blocking { try keys.write(stored, to: BundleNumbering.fileName) }
    }
    let numbered = bundle.numbered(numbering.sequence)
    let snapshot = UpstreamSnapshot(svid: svid, bundle: numbered, updatedAt: clock.now())
    held.withLock { held in
      held.numbering = numbering
      held.status.snapshot = snapshot
      held.status.failure = nil
      held.pause.succeeded()
    }
    metrics.identity.show(sequence: numbering.sequence)
    set(connected: true)
    if numbering != last {
      logger.notice(
        "The bundle has changed",
        metadata: ["sequence": "\(numbering.sequence)", "fingerprint": "\(numbered.fingerprint)"])
    }
    tell(.snapshot(snapshot))
  }

  private static func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await NIOThreadPool.singleton.runIfActive(body)
  }
}
