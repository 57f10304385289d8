import Dispatch
import FrameCore
import FrameIdentity
import FrameEvents
import Synchronization

/// How the services of this room reach the one writer.
package typealias IdentityWriter = RoomWriter<IdentityState, IdentityCommand>

/// The registration entries as the Workload API needs them: a snapshot that is changed through the log only, and tells
/// whoever watches when it has.
package final class EntryBook: Sendable {
  private struct State {
    var version: UInt64 = 0
    var entries: [RegistrationEntry] = []
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
  }

  private let frame: FrameID
  private let writer: any IdentityWriter
  private let clock: any FrameClock
  private let metrics: WorkloadMetrics
  private let held = Mutex(State())

  package init(frame: FrameID, writer: any IdentityWriter, clock: any FrameClock, metrics: WorkloadMetrics) {
    self.frame = frame
    self.writer = writer
    self.clock = clock
    self.metrics = metrics
  }

  /// In the order in which they were made.
  package var entries: [RegistrationEntry] { held.withLock { $0.entries } }

  /// Those that a process with these selectors gets; the one made first is its default.
  package func entries(for caller: Set<Selector>) -> [RegistrationEntry] { entries.filter { $0.matches(caller) } }

  /// - Throws: ``EntryError/unknown(_:)``.
  package func entry(_ id: String) throws(EntryError) -> RegistrationEntry {
    guard let entry = held.withLock({ $0.entries.first { $0.id == id } }) else { throw .unknown(id) }
    return entry
  }

  /// Takes over what the log says; called once at start.
  /// - Throws: `LogError`.
  package func load() async throws { follow(try await writer.read(Self.view)) }

  private typealias View = (version: UInt64, entries: [RegistrationEntry])
  private static let view: @Sendable (IdentityState) -> View = { ($0.version, $0.entries) }

  private func follow(_ view: View) {
    let (version, entries) = view
    let watchers = held.withLock { held -> [AsyncStream<Void>.Continuation] in
      // Callers may arrive here in any order: only a later state may follow an earlier one.
      guard version >= held.version else { return [] }
      let changed = version > held.version
      held.version = version
      held.entries = entries
      return changed ? Array(held.watchers.values) : []
    }
    metrics.entries.set(held.withLock { $0.entries.count })
    for watcher in watchers { watcher.yield() }
  }

  /// - Parameter forNode: the id is the frame's node's, which runs elsewhere.
  /// - Throws: ``EntryError``, `LogError`.
  package func create(
    _ spiffeID: SPIFFEID, selectors: [Selector], x509Lifetime: Duration?, jwtLifetime: Duration?, hint: String,
    forNode: Bool = false, actor: SPIFFEID
  ) async throws -> RegistrationEntry {
    let id = UniqueID.make(at: clock.now())
    let entry = try RegistrationEntry(
      id: id, spiffeID: spiffeID, selectors: selectors, x509Lifetime: x509Lifetime, jwtLifetime: jwtLifetime, hint: hint
    )
    for selector in entry.selectors {
      if let why = await Self.obstacle(selector) { throw EntryError.pathUnusable(selector.value, why: why) }
    }
    let done = try await writer.submit(
      .createEntry(entry, forNode: forNode), actor: actor, key: IdempotencyKey(derived: "entry/create/\(id)"),
      then: Self.view)
    follow(done.view)
    return entry
  }

  private static func obstacle(_ selector: Selector) async -> String? {
    guard selector.kind == .path else { return nil }
    return await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: selector.obstacle) }
    }
  }

  /// From then on nobody gets the SVID any more; those that were issued live out their time.
  /// - Throws: ``EntryError``, `LogError`.
  package func remove(_ id: String, reason: String, actor: SPIFFEID) async throws -> RegistrationEntry {
    let entry = try entry(id)
    let done = try await writer.submit(
      .removeEntry(id: id, reason: reason), actor: actor, key: IdempotencyKey(derived: "entry/remove/\(id)"),
      then: Self.view)
    follow(done.view)
    return entry
  }

  /// Yields after each change from now on. Ends with the task that reads it.
  package func changes() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
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
}
