internal import FrameLog
internal import FrameEvents
package import Foundation
internal import FrameCore

/// What the disk alone does with the same bytes: the floor that a benchmark's figures are compared with.
package enum DiskBaseline {
  package struct Result: Sendable {
    package let events: Int
    package let seconds: Double
    /// Processor time, user and system.
    package let cpuSeconds: Double
    /// Time of each durable commit, sorted.
    package let commits: [Duration]

    package var perSecond: Double { Double(events) / seconds }
    /// Processor time of one event, in microseconds.
    package var cpuMicroseconds: Double { cpuSeconds * 1e6 / Double(max(1, events)) }

    /// - Parameter fraction: 0 to 1.
    package func commit(_ fraction: Double) -> Duration {
      guard !commits.isEmpty else { return .zero }
      return commits[min(commits.count - 1, Int(fraction * Double(commits.count)))]
    }
  }

  /// Up to `limit` of the newest events in the log of `directory`, as they are stored.
  /// - Throws: `LogError`.
  package static func sample(of directory: URL, limit: Int = 1_000) async throws -> [Data] {
    let reader = try LogReader(directory: directory)
    defer { reader.close() }
    return try await reader.run { reader in
      let size = try reader.size()
      var events: [Data] = []
      try reader.scan(from: size - min(size, UInt64(limit)), to: size) { events.append($1) }
      return events
    }
  }

  /// Appends `batch` events at a time to a new plain file in `directory`, with an fdatasync(2) after each batch.
  /// - Parameter events: at least one; used again when they are through.
  /// - Throws: `LogError.storage`.
  package static func append(
    _ events: [Data], batch: Int, in directory: URL, for duration: Duration
  ) async throws -> Result {
    let path = directory.appendingPathComponent("baseline.bin").path
    return try await onOwnThread {
      let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard file >= 0 else { throw LogError.storage("\(path): \(SystemWords.of(errno: errno))") }
      defer {
        close(file)
        unlink(path)
      }
      return try measure(events, batch, duration) { first, chunk in
        var bytes = Data()
        for event in chunk { bytes.append(event) }
        let written = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard written == bytes.count, fdatasync(file) == 0 else {
          throw LogError.storage("\(path): \(SystemWords.of(errno: errno))")
        }
      }
    }
  }

  /// Inserts `batch` events a transaction into a new database in `directory`, opened and written as the log's is, with
  /// nothing decided, checked, hashed or built.
  /// - Parameters:
  ///   - directory: has no log of its own.
  ///   - events: at least one; used again when they are through.
  /// - Throws: `LogError.storage`.
  package static func insert(
    _ events: [Data], batch: Int, in directory: URL, for duration: Duration
  ) async throws -> Result {
    try await onOwnThread {
      let engine = try SQLiteEngine(directory: directory)
      defer { try? engine.close() }
      return try measure(events, batch, duration) { first, chunk in
        try engine.append(chunk, at: UInt64(first))
      }
    }
  }

  private static func measure(
    _ events: [Data], _ batch: Int, _ duration: Duration, _ commit: (Int, [Data]) throws -> Void
  ) throws -> Result {
    precondition(!events.isEmpty && batch > 0)
    let cpu = ProcessCPU.own()
    let start = ContinuousClock.now
    var now = start
    var written = 0
    var commits: [Duration] = []
    while now - start < duration {
      try commit(written, (written..<written + batch).map { events[$0 % events.count] })
      let end = ContinuousClock.now
      commits.append(end - now)
      now = end
      written += batch
    }
    let (seconds, attoseconds) = (now - start).components
    return Result(
      events: written, seconds: Double(seconds) + Double(attoseconds) * 1e-18, cpuSeconds: ProcessCPU.own() - cpu,
      commits: commits.sorted())
  }

  /// fsync blocks: never on the cooperative pool.
  private static func onOwnThread(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
