import Foundation
import FrameCore
import FrameMetrics
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct WriterTests {
  @Test("events get gap-free positions, the actor, the key and the place in their command")
  func envelopeFields() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    let committed = try await writer.submit(fixture.envelope(.addAll([2, 3]), key: "k", digest: "d"))
    #expect(!committed.replayed)
    #expect(committed.events.map(\.position) == [1, 2])
    #expect(committed.events.map(\.event.commandIndex) == [0, 1])
    #expect(committed.events.allSatisfy { $0.event.commandEvents == 2 })
    #expect(committed.events.allSatisfy { $0.event.actor == "spiffe://frame-a.example/authority" })
    #expect(committed.events.allSatisfy { $0.event.idempotencyKey == "spiffe://frame-a.example/authority/k" })
    #expect(committed.events.allSatisfy { $0.event.commandDigest == CommandDigest.of("d") })
    #expect(try committed.events.allSatisfy { try RecordedEvent(bytes: $0.bytes) == $0 })
    #expect(writer.durableSize() == 3)
    #expect(try await writer.events(from: 1, limit: 10) == Array(committed.events))
    #expect(try await writer.events(from: 0, limit: 1).count == 1)
    #expect(try await writer.events(from: 3, limit: 10).isEmpty)
    await writer.shutdown()
  }

  @Test("a refused command leaves no trace, whoever refuses it and at whichever of its events")
  func refusals() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    let before = try await writer.read { $0 }
    await #expect(throws: Refusal.self) { try await writer.submit(fixture.envelope(.refuse, key: "k")) }
    await #expect(throws: Refusal.self) { try await writer.submit(fixture.envelope(.addAll([5, -13]), key: "k")) }
    await #expect(throws: LogError.self) { try await writer.submit(fixture.envelope(.memo(bytes: 65_535), key: "k")) }
    #expect(try await writer.read { $0 } == before)
    #expect(writer.durableSize() == 1)
    // The key of a refused command is free.
    #expect(try await writer.committed(key: fixture.envelope(.add(1), key: "k").key) == nil)
    #expect(try await !writer.submit(fixture.envelope(.add(2), key: "k")).replayed)
    await writer.shutdown()
  }

  @Test("a command that changes nothing is accepted and appends nothing")
  func nothing() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    #expect(try await writer.submit(fixture.envelope(.nothing)).events.isEmpty)
    #expect(writer.durableSize() == 0)
    await writer.shutdown()
  }

  @Test("L4: an event may have 65,535 bytes and not one more")
  func eventSize() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let room = 65_535 - (try await writer.submit(fixture.envelope(.memo(bytes: 60_000))).events[0].bytes.count) + 60_000
    // The second event's position takes two bytes that the first one's zero does not.
    let largest = try await writer.submit(fixture.envelope(.memo(bytes: room - 2)))
    #expect(largest.events[0].bytes.count == 65_535)
    await #expect(throws: LogError.eventTooLarge(bytes: 65_536)) {
      try await writer.submit(fixture.envelope(.memo(bytes: room - 1)))
    }
    await writer.shutdown()
  }

  @Test("event time never runs back, whatever the clock does")
  func time() async throws {
    let fixture = try LogFixture()
    var writer = try fixture.writer()
    for nanoseconds in [5_000, 3_000, 6_000] as [Int64] {
      fixture.clock.set(nanoseconds)
      _ = try await writer.submit(fixture.envelope(.add(1)))
    }
    await writer.shutdown()
    fixture.clock.set(10)
    writer = try fixture.writer()
    _ = try await writer.submit(fixture.envelope(.add(1)))
    #expect(try await writer.read { $0.times.map(\.unixNanoseconds) } == [5_000, 5_000, 6_000, 6_000])
    await writer.shutdown()
  }

  @Test("results come back in order, each command standing or falling alone")
  func batch() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let results = await writer.submit(contentsOf: [
      try fixture.envelope(.add(1)), try fixture.envelope(.refuse), try fixture.envelope(.addAll([2, -13])),
      try fixture.envelope(.addAll([2, 3])), try fixture.envelope(.add(4)),
    ])
    #expect(results.map { try? $0.get().events.map(\.position) } == [[0], nil, nil, [1, 2], [3]])
    #expect(try await writer.read { $0.total } == 10)
    await writer.shutdown()
  }

  @Test("a list longer than a batch is answered whole and in order")
  func longList() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let count = LogLimits.maximumBatchCommands + 100
    let results = await writer.submit(contentsOf: try (0..<count).map { try fixture.envelope(.add(Int64($0))) })
    #expect(try results.map { try $0.get().events[0].position } == (0..<UInt64(count)).map { $0 })
    await writer.shutdown()
  }

  @Test("many callers at once share commits and each gets its own result")
  func concurrentCallers() async throws {
    let fixture = try LogFixture()
    let registry = MetricRegistry()
    let writer = try fixture.writer(metrics: LogMetrics(registry))
    let positions = try await withThrowingTaskGroup(of: (Int64, UInt64).self) { group in
      for amount in 0..<500 as Range<Int64> {
        group.addTask {
          let committed = try await writer.submit(fixture.envelope(.add(amount)))
          guard case .tokensIssued(let event) = committed.events[0].event.payload else { return (-1, 0) }
          #expect(event.amount == amount)
          return (amount, committed.events[0].position)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.1] = $1.0 }
    }
    #expect(positions.count == 500)
    #expect(try await writer.read { $0.total } == (0..<500).reduce(0, +))
    await writer.shutdown()
  }

  @Test("replay gives the same state, and the log goes on where it was")
  func replay() async throws {
    let fixture = try LogFixture()
    var writer = try fixture.writer()
    for amount in 1...20 { _ = try await writer.submit(fixture.envelope(.add(Int64(amount)))) }
    let before = try await writer.read { $0 }
    await writer.shutdown()
    writer = try fixture.writer()
    #expect(try await writer.read { $0 } == before)
    #expect(try await writer.submit(fixture.envelope(.add(1))).events[0].position == 20)
    await writer.shutdown()
  }

  @Test("every observer is told the newest durable size, and its stream ends with the writer")
  func changes() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let (first, second) = (writer.changes(), writer.changes())
    _ = try await writer.submit(fixture.envelope(.add(1)))
    _ = try await writer.submit(fixture.envelope(.add(1)))
    await writer.shutdown()
    for stream in [first, second] {
      var last: UInt64 = 0
      for await size in stream { last = size }
      #expect(last == 2)
    }
    var afterEnd = 0
    for await _ in writer.changes() { afterEnd += 1 }
    #expect(afterEnd == 0)
  }

  @Test("a second writer on the same directory is refused until the first has shut down")
  func lock() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    #expect(throws: LogError.inUse(fixture.directory.path)) { try fixture.writer() }
    await writer.shutdown()
    await (try fixture.writer()).shutdown()
  }

  @Test("after shutdown nothing is accepted, and what was accepted before was served")
  func shutdown() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let results = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask { (try? await writer.submit(fixture.envelope(.add(1)))) != nil }
      }
      group.addTask {
        await writer.shutdown()
        return false
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    await #expect(throws: LogError.stopped("shut down")) { try await writer.submit(fixture.envelope(.add(1))) }
    await #expect(throws: LogError.stopped("shut down")) { try await writer.read { $0 } }
    let again = try fixture.writer()
    #expect(try await again.read { $0.events } == results)
    await again.shutdown()
  }

  @Test("as a service, the writer lasts until it is told to end, and then closes the log")
  func service() async throws {
    let fixture = try LogFixture()
    let writer = try fixture.writer()
    let service = Task { try await writer.run() }
    _ = try await writer.submit(fixture.envelope(.add(1)))
    service.cancel()
    try await service.value
    await #expect(throws: LogError.stopped("shut down")) { try await writer.submit(fixture.envelope(.add(1))) }
    await (try fixture.writer()).shutdown()
  }

  @Test("what the log says of itself is in the registry under its documented names")
  func metrics() async throws {
    let fixture = try LogFixture()
    let registry = MetricRegistry()
    let writer = try fixture.writer(metrics: LogMetrics(registry))
    _ = try await writer.submit(fixture.envelope(.addAll([1, 2]), key: "k"))
    _ = try await writer.submit(fixture.envelope(.addAll([1, 2]), key: "k"))
    _ = try? await writer.submit(fixture.envelope(.refuse))
    _ = try await writer.checkpoint()
    await writer.shutdown()
    try registry.validate()
    let families = registry.collect()
    func value(_ name: String, _ label: String? = nil) -> Double? {
      let metrics = families.first { $0.descriptor.name == name }?.metrics
      switch metrics?.first(where: { label == nil || $0.labels["reason"] == label })?.value {
      case .counter(let number, _), .gauge(let number): return number.doubleValue
      default: return nil
      }
    }
    #expect(value("frame_log_events_total") == 2)
    #expect(value("frame_log_size_events") == 2)
    #expect(value("frame_log_commits_total") == 1)
    #expect(value("frame_log_replays_total") == 1)
    #expect(value("frame_log_rejections_total", "no") == 1)
    #expect(value("frame_log_rejections_total", "idempotency_conflict") == 0)
    #expect(value("frame_log_checkpoint_size_events") == 2)
    #expect(value("frame_log_stopped") == 0)
    let names = Set(families.map(\.descriptor.name))
    for name in [
      "frame_log_bytes_total", "frame_log_commit_duration_seconds", "frame_log_batch_events", "frame_log_queue_depth",
      "frame_log_checkpoint_timestamp_seconds", "frame_log_storage_info",
    ] {
      #expect(names.contains(name))
    }
  }
}
