internal import Crypto
internal import Synchronization

/// Where each idempotency key had its effect: 16 bytes of the key's SHA-256 to the position of its command's first event.
///
/// The keys of the newest events are in memory; those of all events that a snapshot covers are in sorted files that it
/// published (`KeyRun`), so that client-chosen keys never become random page writes (CONFORMANCE L9) and memory does not
/// grow with the log. The full key and digest are compared against the event, so a collision is refused, never confused.
struct IdempotencyIndex: Sendable {
  struct Fingerprint: Hashable, Sendable {
    let first: UInt64
    let second: UInt64

    init(_ key: String) {
      var hash = SHA256()
      var key = key
      key.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
      (first, second) = hash.finalize().withUnsafeBytes {
        ($0.loadUnaligned(fromByteOffset: 0, as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      }
    }

    init(first: UInt64, second: UInt64) {
      self.first = first
      self.second = second
    }

    func hash(into hasher: inout Hasher) { hasher.combine(first) }
  }

  /// The keys of a stretch of events, newest stretch last; let go of as a whole when a run holds them.
  private struct Segment: Sendable {
    var positions: [Fingerprint: UInt64] = [:]
    /// The position after the last event whose key is here.
    var end: UInt64 = 0
  }

  private static let segmentKeys = 32_768

  private let published: PublishedRuns
  private var runs: PublishedRuns.Value
  private var tail: [Segment] = [Segment()]

  init(_ published: PublishedRuns = PublishedRuns()) {
    self.published = published
    runs = published.value
  }

  /// Keys held in memory.
  var tailCount: Int { tail.reduce(0) { $0 + $1.positions.count } }

  func position(of key: Fingerprint) -> UInt64? {
    for segment in tail.reversed() {
      if let position = segment.positions[key] { return position }
    }
    for run in runs.runs.reversed() {
      if let position = run.position(of: key) { return position }
    }
    return nil
  }

  /// - Precondition: positions only grow.
  mutating func insert(_ key: Fingerprint, at position: UInt64) {
    if tail[tail.count - 1].positions.count >= Self.segmentKeys { tail.append(Segment()) }
    tail[tail.count - 1].positions[key] = position
    tail[tail.count - 1].end = position + 1
  }

  /// Takes over what was published since, and lets go of what it covers. Call it between batches.
  mutating func refresh() {
    guard published.generation != runs.generation else { return }
    runs = published.value
    tail.removeAll { $0.end <= runs.size }
    if tail.isEmpty { tail.append(Segment()) }
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
