import Foundation
import FrameCore
import GRDB
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct DurabilityTests {
  @Test("a failed write is never answered as done, and the writer takes nothing more", arguments: [false, true])
  func failedCommit(stored: Bool) async throws {
    let fixture = try LogFixture()
    let script = ScriptedEngine.Script()
    let writer = try fixture.writer { try ScriptedEngine($0, script) }
    _ = try await writer.submit(fixture.envelope(.add(1), key: "a"))
    script.fail(stored: stored)
    let results = await writer.submit(contentsOf: [
      try fixture.envelope(.add(2), key: "b"), try fixture.envelope(.refuse), try fixture.envelope(.nothing),
    ])
    // Even refusals and no-ops were decided against a state that is not known to be durable.
    for result in results { #expect(throws: LogError.self) { try result.get() } }
    await #expect(throws: LogError.self) { try await writer.submit(fixture.envelope(.add(3))) }
    await #expect(throws: LogError.self) { try await writer.read { $0.total } }
    await #expect(throws: LogError.self) { try await writer.committed(key: fixture.envelope(.nothing, key: "a").key) }
    #expect(writer.durableSize() == 1)
    await #expect(throws: LogError.self) { try await writer.run() }
    // Its files are closed now, and whoever still asks is told so.
    await #expect(throws: LogError.stopped("it is closed")) { try await writer.checkpoint() }
    await #expect(throws: LogError.stopped("it is closed")) { try await writer.events(from: 0, limit: 1) }
    // A restart tells what happened, and the same key finishes the story either way.
    let again = try fixture.writer()
    #expect(again.durableSize() == (stored ? 2 : 1))
    #expect(try await again.submit(fixture.envelope(.add(2), key: "b")).replayed == stored)
    #expect(try await again.read { $0.total } == 3)
    await again.shutdown()
  }

  @Test("callers behind a failed write are told that the log stopped, and none waits for ever")
  func waitingCallers() async throws {
    let fixture = try LogFixture()
    let script = ScriptedEngine.Script(waits: true)
    let writer = try fixture.writer { try ScriptedEngine($0, script) }
    let first = Task { try await writer.submit(fixture.envelope(.add(1))) }
    await blocking { script.entered.wait() }
    let second = Task { try await writer.submit(fixture.envelope(.add(2))) }
    let third = Task { try await writer.read { $0.total } }
    script.fail()
    script.proceed.signal()
    // A second batch, if the others came late, fails the same way.
    script.proceed.signal()
    await #expect(throws: LogError.self) { try await first.value }
    await #expect(throws: LogError.self) { try await second.value }
    await #expect(throws: LogError.self) { try await third.value }
    await writer.shutdown()
  }

  @Test("a full queue refuses at once and keeps what it has")
  func overload() async throws {
    let fixture = try LogFixture()
    let envelope = try fixture.envelope(.nothing)
    let queue = CommandQueue<CounterState>()
    let full = LogError.overloaded(queued: LogLimits.maximumQueuedCommands)
    _ = await withCheckedContinuation { (replies: CommandQueue<CounterState>.Replies) in
      let many = Array(repeating: envelope, count: LogLimits.maximumQueuedCommands)
      #expect(queue.add(.many(many, weight: many.count, replies)) == nil)
      #expect(queue.depth == LogLimits.maximumQueuedCommands)
      replies.resume(returning: [])
    }
    await #expect(throws: full) {
      try await withCheckedThrowingContinuation { (reply: CheckedContinuation<Void, any Error>) in
        let asker = CommandQueue<CounterState>.Asker(look: { _ in { _ in } }, fail: { reply.resume(throwing: $0) })
        if let refusal = queue.add(.one(envelope, asker)) { reply.resume(throwing: refusal) }
      }
    }
    #expect(queue.depth == LogLimits.maximumQueuedCommands)
    #expect(queue.take(limit: 1)?.jobs.count == 1)
    #expect(queue.depth == 0)
  }

  @Test("after a crash at any byte of the write-ahead log, a gap-free prefix of the events is there and replays")
  func truncatedJournal() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for amount in 1...30 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    let journal = fixture.directory.appendingPathComponent("log.sqlite-wal")
    let length = try #require(try FileManager.default.attributesOfItem(atPath: journal.path)[.size] as? Int)
    #expect(length > 0)
    var sizes: Set<UInt64> = []
    for cut in stride(from: length, through: 0, by: -max(1, length / 23)) {
      let copy = try fixture.copy()
      defer { try? FileManager.default.removeItem(at: copy) }
      let file = try FileHandle(forUpdating: copy.appendingPathComponent("log.sqlite-wal"))
      try file.truncate(atOffset: UInt64(cut))
      try file.close()
      let reopened = try fixture.writer(in: copy)
      let size = reopened.durableSize()
      #expect(try await reopened.read { $0.total } == Int64(size) * Int64(size + 1) / 2)
      #expect(try await reopened.submit(fixture.envelope(.add(1))).events[0].position == size)
      sizes.insert(size)
      await reopened.shutdown()
    }
    #expect(sizes.contains(30))
    #expect(sizes.contains(0))
    #expect(sizes.count > 5)
    await writer.shutdown()
  }

  @Test("a copy taken without the write-ahead log's index file opens whole")
  func noSharedMemory() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for amount in 1...5 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    let copy = try fixture.copy()
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.removeItem(at: copy.appendingPathComponent("log.sqlite-shm"))
    let reopened = try fixture.writer(in: copy)
    #expect(try await reopened.read { $0.total } == 15)
    await reopened.shutdown()
    await writer.shutdown()
  }

  @Test("a write-ahead log of megabytes that a crash left is whole after the start, and is made durable first")
  func largeJournal() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for _ in 0..<40 { _ = try await writer.submit(fixture.envelope(.memo(bytes: 60_000))) }
    let copy = try fixture.copy()
    defer { try? FileManager.default.removeItem(at: copy) }
    let journal = copy.appendingPathComponent("log.sqlite-wal")
    let bytes = try Data(contentsOf: journal)
    #expect(bytes.count > 2_400_000)
    try JournalFile.settle(of: SQLiteFile.url(in: copy).path)
    #expect(try Data(contentsOf: journal) == bytes)
    let reopened = try fixture.writer(in: copy)
    #expect(try await reopened.read { $0.events } == 40)
    await reopened.shutdown()
    await writer.shutdown()
  }

  @Test("L8: the writing connection syncs fully in write-ahead mode, and readers can neither write nor checkpoint")
  func connections() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    await writer.shutdown()
    let writing = try SQLiteFile.openWriter(in: fixture.directory)
    try await writing.writeWithoutTransaction { (db: Database) throws -> Void in
      #expect(try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal")
      #expect(try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2)
      #expect(try Int.fetchOne(db, sql: "PRAGMA wal_autocheckpoint") == SQLiteFile.checkpointPages)
      #expect(throws: DatabaseError.self) { try db.execute(sql: "INSERT INTO events VALUES (7, 'text')") }
    }
    let reading = try SQLiteFile.openReader(in: fixture.directory)
    try await reading.read { (db: Database) throws -> Void in
      #expect(try Int.fetchOne(db, sql: "PRAGMA query_only") == 1)
      #expect(try Int.fetchOne(db, sql: "PRAGMA wal_autocheckpoint") == 0)
      #expect(throws: DatabaseError.self) { try db.execute(sql: "DELETE FROM events") }
    }
    try reading.close()
    try writing.close()
    #expect(StorageLibrary.version.hasPrefix("3."))
  }

  @Test("a gap, a misplaced event, bytes that are no event, and a file of someone else's are refused at start")
  func damage() async throws {
    try await damaged("DELETE FROM events WHERE position = 1") { $0 == .damagedLog("position 1 is missing") }
    try await damaged("DELETE FROM events WHERE position = 0") { $0 == .damagedLog("position 0 is missing") }
    try await damaged("UPDATE events SET position = 3 WHERE position = 2") {
      $0 == .damagedLog("position 2 is missing")
    }
    try await damaged("UPDATE events SET bytes = (SELECT bytes FROM events WHERE position = 0) WHERE position = 1") {
      $0 == .damagedLog("position 1 holds an event of position 0")
    }
    try await damaged("UPDATE events SET bytes = x'ff' WHERE position = 1") { $0.code == "damaged_event" }
    for other in ["NULL", "7", "'text'"] {
      try await damaged(
        """
        ALTER TABLE events RENAME TO whole;
        CREATE TABLE events (position INTEGER PRIMARY KEY, bytes ANY);
        INSERT INTO events SELECT position, CASE position WHEN 1 THEN \(other) ELSE bytes END FROM whole;
        DROP TABLE whole
        """
      ) { $0 == .damagedLog("position 1 holds no bytes") }
    }
    try await damaged("PRAGMA application_id = 7") { $0.code == "damaged_log" }
    try await damaged("PRAGMA user_version = 99") {
      $0 == .newerFormat("log.sqlite has version 99, the newest known is 1") && $0.remedy.contains("a newer one")
    }
  }

  @Test("L7: a checkpoint file with no checkpoint of ours in it is named as the damage, and nothing is signed over it")
  func damagedCheckpoint() async throws {
    for content in [Data(), Data("\n".utf8), Data(repeating: 0xff, count: 8_192), Data("no note\n".utf8)] {
      let fixture = try LogFixture()
      let writer = try fixture.writer()
      _ = try await writer.submit(fixture.envelope(.add(1)))
      _ = try await writer.checkpoint()
      await writer.shutdown()
      let file = fixture.directory.appendingPathComponent(CheckpointFile.name)
      try content.write(to: file)
      #expect {
        try fixture.writer()
      } throws: { error in
        (error as? LogError)?.code == "damaged_log" && (error as? LogError)?.message.contains(file.path) == true
      }
      #expect(try Data(contentsOf: file) == content)
    }
  }

  private func damaged(_ sql: String, _ expected: @escaping (LogError) -> Bool) async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    for amount in 1...3 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    await writer.shutdown()
    let file = try SQLiteFile.openWriter(in: fixture.directory)
    try await file.writeWithoutTransaction { try $0.execute(sql: sql) }
    try file.close()
    #expect("\(sql)") {
      try fixture.writer()
    } throws: { error in
      (error as? LogError).map(expected) ?? false
    }
  }

  private func blocking(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        body()
        continuation.resume()
      }
    }
  }
}
