import Foundation
import FrameCore
import FrameMetrics
import FrameProtos
import GRDB
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct SnapshotTests {
  static let policy = SnapshotPolicy(everyEvents: 1_000_000, program: "test", restFactor: 0)

  private func folder(_ fixture: LogFixture) -> SnapshotFolder { SnapshotFolder(of: fixture.directory) }

  private func files(_ fixture: LogFixture, _ suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder(fixture).url, includingPropertiesForKeys: nil)
      .filter { $0.lastPathComponent.hasSuffix(suffix) }.sorted { $0.path < $1.path }
  }

  /// A log of `before` events, a snapshot of them, and `after` more, closed again; every command's key is its number.
  @discardableResult
  private func made(
    _ fixture: LogFixture, before: Int, after: Int, isSigned: Bool = true, policy: SnapshotPolicy = policy
  ) async throws -> CounterState {
    let writer = try fixture.writer(snapshots: policy)
    try await add(fixture, writer, 0..<before)
    if isSigned { _ = try await writer.checkpoint() }
    #expect(try await writer.makeSnapshot() == UInt64(before))
    try await add(fixture, writer, before..<before + after)
    let state = try await writer.read { $0 }
    await writer.shutdown()
    return state
  }

  private func add(_ fixture: LogFixture, _ writer: Writer<CounterState>, _ numbers: Range<Int>) async throws {
    let envelopes = try numbers.map { number in
      fixture.clock.set(Int64(1_000 + number))
      return try fixture.envelope(.add(Int64(number)), key: "key-\(number)")
    }
    for result in await writer.submit(contentsOf: envelopes) { _ = try result.get() }
  }

  /// Changes a stored event behind the log's back, to one that can be read and says something else.
  private func forge(_ fixture: LogFixture, at position: UInt64) throws {
    let queue = try DatabaseQueue(path: SQLiteFile.url(in: fixture.directory).path)
    try queue.write { db in
      let bytes: Data = try #require(
        try Data.fetchOne(db, sql: "SELECT bytes FROM events WHERE position = ?", arguments: [Int64(position)]))
      var event = try PBEvent(serializedBytes: bytes)
      event.timeUnixNs += 1
      try db.execute(
        sql: "UPDATE events SET bytes = ? WHERE position = ?",
        arguments: [try event.serializedBytes() as Data, Int64(position)])
    }
    try queue.close()
  }

  /// Opens the log and says what it started from and why it refused what it refused.
  private func start(
    _ fixture: LogFixture, policy: SnapshotPolicy = policy
  ) async throws -> (state: CounterState, from: Double?, refused: [String]) {
    let registry = MetricRegistry()
    let writer = try fixture.writer(metrics: LogMetrics(registry), snapshots: policy)
    let state = try await writer.read { $0 }
    let root = try await writer.checkpoint().root
    await writer.shutdown()
    let plain = try fixture.writer()
    #expect(try await plain.read { $0 } == state, "what a full replay gives")
    #expect(try await plain.checkpoint().root == root)
    await plain.shutdown()
    let refused = SnapshotRefusal.codes.filter {
      registry.text.contains("frame_log_snapshot_refused_total{reason=\"\($0)\"} 1")
    }
    return (state, registry.value("frame_log_snapshot_size_events"), refused)
  }

  @Test("a start from a snapshot gives what a full replay gives: state, keys, root and proofs")
  func resumed() async throws {
    let fixture = try LogFixture()
    let state = try await made(fixture, before: 700, after: 300)
    let (again, from, refused) = try await start(fixture)
    #expect(again == state)
    #expect(from == 700)
    #expect(refused.isEmpty)
    let writer = try fixture.writer(snapshots: Self.policy)
    for number in [0, 1, 255, 256, 699, 700, 999] {
      let repeated = try await writer.submit(fixture.envelope(.add(Int64(number)), key: "key-\(number)"))
      #expect(repeated.replayed && repeated.events.map(\.position) == [UInt64(number)])
      await #expect(throws: LogError.self, "B1: the same key with another command is a conflict") {
        try await writer.submit(fixture.envelope(.add(1), key: "key-\(number)", digest: "other"))
      }
      let proof = try await writer.inclusionProof(of: UInt64(number), in: 1_000)
      let root = try #require(MerkleHash(proof.root))
      #expect(
        MerkleProof.root(
          leaf: try #require(MerkleHash(proof.leaf)), index: UInt64(number), size: 1_000,
          proof: proof.hashes.compactMap { MerkleHash($0) }) == root)
    }
    #expect(try await writer.submit(fixture.envelope(.add(5), key: "new")).events.map(\.position) == [1_000])
    await writer.shutdown()
  }

  @Test("a start from a snapshot does not read the events that a signed checkpoint covers, and proofs do (L7)")
  func coveredEventsAreReadWhenProved() async throws {
    let fixture = try LogFixture()
    let state = try await made(fixture, before: 700, after: 300)
    try forge(fixture, at: 5)
    let writer = try fixture.writer(snapshots: Self.policy)
    #expect(try await writer.read { $0 } == state)
    await #expect(throws: LogError.self) { try await writer.inclusionProof(of: 6, in: 1_000) }
    #expect(try await writer.inclusionProof(of: 600, in: 1_000).size == 1_000)
    await writer.shutdown()
  }

  @Test(
    "L7: an event that no signed checkpoint covers is read back at the start, and refuses the snapshot if it changed")
  func uncoveredEventsAreReadBack() async throws {
    let fixture = try LogFixture()
    try await made(fixture, before: 700, after: 300, isSigned: false)
    try forge(fixture, at: 5)
    let (state, from, refused) = try await start(fixture)
    #expect(state.events == 1_000)
    #expect(from == 0)
    #expect(refused == ["other_events"])
  }

  @Test("L7: a log that is not the one that was signed is found out also behind a snapshot")
  func signedEventsChanged() async throws {
    let fixture = try LogFixture()
    try await made(fixture, before: 700, after: 300)
    // In the block that the checkpoint ends in, and the last event of the snapshot.
    try forge(fixture, at: 699)
    #expect(throws: LogError.self) { try fixture.writer(snapshots: Self.policy) }
  }

  enum Damage: String, CaseIterable {
    case cut, changed, foreign, otherProgram = "other_program", ahead = "ahead_of_log", noKeys, changedKeys, empty

    var code: String {
      switch self {
      case .cut, .changed, .changedKeys, .empty: "damaged"
      case .noKeys: "unreadable"
      case .foreign: "not_signed"
      case .otherProgram, .ahead: rawValue
      }
    }
  }

  @Test(
    "a snapshot that cannot be trusted is refused with its reason, and the log is replayed", arguments: Damage.allCases)
  func refused(_ damage: Damage) async throws {
    let fixture = try LogFixture()
    let state = try await made(fixture, before: 500, after: 20, policy: Self.policy)
    let snapshot = try #require(try files(fixture, ".snapshot").last)
    var bytes = try Data(contentsOf: snapshot)
    var policy = Self.policy
    switch damage {
    case .cut: try bytes.dropLast(1).write(to: snapshot)
    case .changed:
      bytes[bytes.count - 3] ^= 1
      try bytes.write(to: snapshot)
    case .empty: try Data().write(to: snapshot)
    case .foreign:
      // Another node's snapshot of the very same events.
      let other = try LogFixture()
      try await made(other, before: 500, after: 0)
      try FileManager.default.removeItem(at: snapshot)
      try FileManager.default.copyItem(at: try #require(try files(other, ".snapshot").last), to: snapshot)
    case .otherProgram: policy = SnapshotPolicy(everyEvents: 1_000_000, program: "another", restFactor: 0)
    case .ahead:
      let queue = try DatabaseQueue(path: SQLiteFile.url(in: fixture.directory).path)
      try await queue.write { try $0.execute(sql: "DELETE FROM events WHERE position >= 490") }
      try queue.close()
      try FileManager.default.removeItem(at: fixture.directory.appendingPathComponent(CheckpointFile.name))
    case .noKeys: for file in try files(fixture, ".keys") { try FileManager.default.removeItem(at: file) }
    case .changedKeys:
      let keys = try #require(try files(fixture, ".keys").last)
      var bytes = try Data(contentsOf: keys)
      bytes[100] ^= 1
      try bytes.write(to: keys)
    }
    let (again, from, refused) = try await start(fixture, policy: policy)
    #expect(again.events == (damage == .ahead ? 490 : state.events))
    #expect(from == 0)
    #expect(refused == [damage.code])
    // A new one takes its place.
    let writer = try fixture.writer(snapshots: policy)
    let size = try await writer.makeSnapshot()
    await writer.shutdown()
    #expect(try await start(fixture, policy: policy).from == Double(size))
  }

  @Test("a snapshot that a crash tore anywhere, its rest missing or zero, is refused")
  func torn() async throws {
    let fixture = try LogFixture()
    try await made(fixture, before: 300, after: 0, policy: Self.policy)
    let url = try #require(try files(fixture, ".snapshot").last)
    let whole = try Data(contentsOf: url)
    for offset in stride(from: 0, to: whole.count, by: max(1, whole.count / 150)) {
      for torn in [whole.prefix(offset), whole.prefix(offset) + Data(count: whole.count - offset)] where torn != whole {
        try torn.write(to: url)
        #expect(throws: SnapshotRefusal.self, "at \(offset)") {
          try SnapshotFile(url, key: fixture.signer.verifierKey, program: Self.policy.program)
        }
      }
    }
  }

  @Test("when the newest snapshot is refused, the one before it is used; no more than two are kept")
  func older() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer(snapshots: Self.policy)
    for round in 0..<4 {
      try await add(fixture, writer, 300 * round..<300 * (round + 1))
      _ = try await writer.makeSnapshot()
    }
    await writer.shutdown()
    let snapshots = try files(fixture, ".snapshot")
    #expect(snapshots.map { SnapshotFile.size($0.lastPathComponent) } == [900, 1_200])
    #expect(try files(fixture, ".new").isEmpty)
    try Data("junk".utf8).write(to: snapshots[1])
    let (state, from, refused) = try await start(fixture)
    #expect(state.events == 1_200)
    #expect(from == 900)
    #expect(refused == ["damaged"])
  }

  @Test("snapshots are made by themselves as the log grows, and losing the whole folder costs nothing but a replay")
  func automatic() async throws {
    let fixture = try LogFixture()
    let registry = MetricRegistry()
    let policy = SnapshotPolicy(everyEvents: 100, program: "test", restFactor: 0)
    let writer = try fixture.writer(metrics: LogMetrics(registry), snapshots: policy)
    for round in 0..<10 { try await add(fixture, writer, 60 * round..<60 * (round + 1)) }
    // The last one that is due comes soon after the 500th event at the latest.
    for _ in 0..<2_000 where (registry.value("frame_log_snapshot_size_events") ?? 0) < 500 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(registry.value("frame_log_snapshot_size_events") ?? 0 >= 500)
    #expect(registry.value("frame_log_snapshot_failures_total") == 0)
    #expect(registry.value("frame_log_key_runs") ?? 0 >= 1)
    // Keys that only the files still hold.
    for number in [0, 99, 300, 599] {
      #expect(try await writer.submit(fixture.envelope(.add(Int64(number)), key: "key-\(number)")).replayed)
    }
    await writer.shutdown()
    #expect(try await start(fixture, policy: policy).from ?? 0 >= 500)
    try FileManager.default.removeItem(at: folder(fixture).url)
    // With a policy by which none is due at once: else one may be made before this looks.
    #expect(try await start(fixture).from == 0)
  }

  @Test("a snapshot that cannot be written is counted, and the log goes on without it")
  func failure() async throws {
    let fixture = try LogFixture()
    let registry = MetricRegistry()
    let writer = try fixture.writer(metrics: LogMetrics(registry), snapshots: Self.policy)
    try await add(fixture, writer, 0..<10)
    try Data("in the way".utf8).write(to: folder(fixture).url)
    await #expect(throws: LogError.self) { try await writer.makeSnapshot() }
    #expect(registry.value("frame_log_snapshot_failures_total") == 1)
    try await add(fixture, writer, 10..<20)
    #expect(writer.durableSize() == 20)
    await writer.shutdown()
    #expect(try await fixture.writer(snapshots: Self.policy).read { $0.events } == 20)
  }

  @Test("snapshots of the same log are the same bytes however they came about")
  func deterministic() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer(snapshots: Self.policy)
    try await add(fixture, writer, 0..<600)
    _ = try await writer.makeSnapshot()
    try await add(fixture, writer, 600..<1_000)
    _ = try await writer.makeSnapshot()
    let steps = try Data(contentsOf: #require(try files(fixture, ".snapshot").last))
    await writer.shutdown()
    try FileManager.default.removeItem(at: folder(fixture).url)
    let other = try fixture.writer(snapshots: Self.policy)
    _ = try await other.makeSnapshot()
    await other.shutdown()
    let once = try Data(contentsOf: #require(try files(fixture, ".snapshot").last))
    #expect(steps == once, "600 keys and 400 more are one run of 1,000, as 1,000 at once are")
  }
}

extension MetricRegistry {
  /// What a scrape would show.
  var text: String { String(decoding: ExpositionWriter.write(collect(), .openMetrics), as: UTF8.self) }

  /// The value of a series without labels.
  func value(_ name: String) -> Double? {
    text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }.flatMap { Double($0.split(separator: " ")[1]) }
  }
}
