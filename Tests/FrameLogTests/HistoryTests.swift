import Foundation
import FrameCore
import FrameMetrics
import Testing

@testable import FrameEvents
@testable import FrameLog

@Suite struct HistoryTests {
  private func filled(
    _ fixture: LogFixture, _ metrics: LogMetrics = LogMetrics(MetricRegistry()), snapshotAt: Int?
  ) async throws -> Writer<CounterState> {
    let writer = try fixture.writer(metrics: metrics, snapshots: SnapshotTests.policy)
    for number in 0..<200 {
      // Two events share each time.
      fixture.clock.set(Int64(10_000 + number / 2 * 10))
      _ = try await writer.submit(fixture.envelope(.add(Int64(number))))
      if number + 1 == snapshotAt { _ = try await writer.makeSnapshot() }
    }
    return writer
  }

  private func sum(_ count: Int64) -> Int64 { count * (count - 1) / 2 }

  @Test("the state as of a position is the one right after that event, with a snapshot before it or without")
  func position() async throws {
    for snapshotAt in [nil, 100, 200] as [Int?] {
      let fixture = try LogFixture()
      let writer = try await filled(fixture, snapshotAt: snapshotAt)
      for position in [0, 1, 98, 99, 100, 101, 199] as [UInt64] {
        let past = try await writer.past(.position(position)) { $0.total }
        #expect(past.value == sum(Int64(position) + 1))
        #expect(past.size == position + 1)
        #expect(past.time?.unixNanoseconds == 10_000 + Int64(position) / 2 * 10)
      }
      await #expect(throws: LogError.noSuchPosition(200, size: 200)) {
        try await writer.past(.position(200)) { $0.total }
      }
      await writer.shutdown()
    }
  }

  @Test("the state as of a time holds every event up to it and none after")
  func time() async throws {
    let fixture = try LogFixture()
    let writer = try await filled(fixture, snapshotAt: 100)
    for (time, events) in [
      (9_999, 0), (10_000, 2), (10_009, 2), (10_010, 4), (10_490, 100), (10_989, 198), (99_999, 200),
    ] {
      let past = try await writer.past(.time(FrameTime(unixNanoseconds: Int64(time)))) { $0.total }
      #expect(past.size == UInt64(events), "at \(time)")
      #expect(past.value == sum(Int64(events)))
    }
    await writer.shutdown()
  }

  @Test("a question about the past replays from the nearest snapshot before it, and says what it cost")
  func nearest() async throws {
    let fixture = try LogFixture()
    let registry = MetricRegistry()
    let writer = try await filled(fixture, LogMetrics(registry), snapshotAt: 100)
    _ = try await writer.past(.position(104)) { $0.total }
    #expect(registry.value("frame_log_history_events_total") == 5)
    _ = try await writer.past(.position(49)) { $0.total }
    #expect(registry.value("frame_log_history_events_total") == 55)
    await writer.shutdown()
  }

  @Test("more questions about the past than may wait are refused at once")
  func busy() async throws {
    let fixture = try LogFixture()
    let writer = try await filled(fixture, snapshotAt: nil)
    let gate = DispatchSemaphore(value: 0)
    let asked = (0..<LogLimits.maximumPastQuestions).map { _ in
      Task {
        try await writer.past(.position(0)) { state in
          gate.wait()
          return state.total
        }
      }
    }
    for _ in 0..<4_000 where writer.history.questions < LogLimits.maximumPastQuestions {
      try await Task.sleep(for: .milliseconds(5))
    }
    await #expect(throws: LogError.historyBusy(waiting: LogLimits.maximumPastQuestions)) {
      try await writer.past(.position(1)) { $0.total }
    }
    for _ in asked { gate.signal() }
    for task in asked { #expect(try await task.value.value == 0) }
    #expect(try await writer.past(.position(1)) { $0.total }.value == 1)
    await writer.shutdown()
  }

  @Test("one tenant's questions about the past take its own share, not that of others, and never the frame's")
  func shares() async throws {
    let fixture = try LogFixture()
    let writer = try await filled(fixture, snapshotAt: nil)
    let gate = DispatchSemaphore(value: 0)
    func hold(_ asker: PastAsker) -> Task<PastValue<Int64>, any Error> {
      Task {
        try await writer.past(.position(0), for: asker) { state in
          gate.wait()
          return Int64(state.total)
        }
      }
    }
    func waiting(_ count: Int) async throws {
      for _ in 0..<4_000 where writer.history.questions < count { try await Task.sleep(for: .milliseconds(5)) }
    }
    let mine = (0..<LogLimits.maximumPastQuestionsOfOne).map { _ in hold(.tenant("alice")) }
    try await waiting(mine.count)
    await #expect(throws: LogError.historyBusy(waiting: mine.count)) {
      try await writer.past(.position(1), for: .tenant("alice")) { $0.total }
    }
    // Others wait behind hers, the frame does not.
    let others = hold(.tenant("bob"))
    try await waiting(mine.count + 1)
    #expect(try await writer.past(.position(1)) { $0.total }.value == 1)
    for _ in 0..<mine.count + 1 { gate.signal() }
    for task in mine + [others] { #expect(try await task.value.value == 0) }
    #expect(try await writer.past(.position(1), for: .tenant("alice")) { $0.total }.value == 1)
    await writer.shutdown()
  }
}
