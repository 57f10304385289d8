internal import FrameEvents
internal import Synchronization

/// Where each idempotency key had its effect: 16 bytes of the key's SHA-256 to the position of its command's first event.
///
/// The keys of the newest events are in memory; those of all events that a snapshot covers are in sorted files that it
/// published (`KeyRun`), so that client-chosen keys never become random page writes (CONFORMANCE L9) and memory does not
/// grow with the log. The full key and digest are compared against the event, so a collision is refused, never confused.
struct IdempotencyIndex: Sendable {
  private let published: PublishedRuns
  private var runs: PublishedRuns.Value
  private var tail = KeyTable()

  init(_ published: PublishedRuns = PublishedRuns()) {
    self.published = published
    runs = published.value
  }

  /// Keys held in memory.
  var tailCount: Int { tail.count }

  func position(of key: KeyFingerprint) -> UInt64? {
    if let position = tail[key] { return position }
    for run in runs.runs.reversed() {
      if let position = run.position(of: key) { return position }
    }
    return nil
  }

  /// Looks where the keys of a batch would be, all at once: the processor then fetches those places side by side, not one
  /// after the other as each key's turn comes.
  mutating func prepare<Command>(for envelopes: [CommandEnvelope<Command>]) {
    for envelope in envelopes { tail.touch(envelope.fingerprint) }
  }

  /// - Precondition: positions only grow.
  mutating func insert(_ key: KeyFingerprint, at position: UInt64) { tail.insert(key, at: position) }

  /// Takes over what was published since, and lets go of what it covers. Call it between batches.
  mutating func refresh() {
    guard published.generation != runs.generation else { return }
    runs = published.value
    tail.removeAll(before: runs.size)
  }
}

/// The runs of the newest snapshot, handed from the thread that makes snapshots to the one that decides.
final class PublishedRuns: Sendable {
  struct Value: Sendable {
    var generation = 0
    /// Together they hold the keys of all events below this position.
    var size: UInt64 = 0
    /// Oldest first.
    var runs: [KeyRun] = []
  }

  private let state = Mutex(Value())
  private let current = Atomic<Int>(0)

  /// Cheap to ask.
  var generation: Int { current.load(ordering: .acquiring) }

  var value: Value { state.withLock { $0 } }

  func publish(_ runs: [KeyRun], size: UInt64) {
    state.withLock { state in
      state.generation += 1
      state.size = size
      state.runs = runs
      current.store(state.generation, ordering: .releasing)
    }
  }
}
