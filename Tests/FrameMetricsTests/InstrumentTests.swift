import FrameMetrics
import Testing

@Suite("Instruments")
struct InstrumentTests {
  let registry = MetricRegistry()

  @Test("a counter adds integers exactly, takes fractions, and ignores what would make it fall")
  func counter() {
    let counter = registry.counter("frame_test_events_total", help: "Events.")
    counter.increment()
    counter.increment(by: 4)
    counter.increment(by: UInt64(5))
    counter.increment(by: 0.5)
    counter.increment(by: -3)
    counter.increment(by: -0.5)
    counter.increment(by: Double.nan)
    #expect(counter.value == 10.5)
  }

  @Test("a labelled family gives the same child for the same values")
  func family() {
    let byPeer = registry.counter("frame_test_transfers_total", help: "Transfers.", labels: ["backend", "peer"])
    byPeer.with("2pc", "frame-b.example").increment()
    byPeer.with("2pc", "frame-b.example").increment()
    byPeer.with("async", "frame-b.example").increment()
    #expect(byPeer.with("2pc", "frame-b.example").value == 2)
    #expect(byPeer.with(["2pc", "frame-b.example"]) === byPeer.with("2pc", "frame-b.example"))
    byPeer.remove("2pc", "frame-b.example")
    #expect(byPeer.with("2pc", "frame-b.example").value == 0)
    #expect(byPeer.with("async", "frame-b.example").value == 1)
  }

  @Test("a gauge is set by integers, decimals and truth values, and is added to")
  func gauge() {
    let gauge = registry.gauge("frame_test_queue_depth", help: "Depth.")
    gauge.set(5)
    gauge.increment()
    gauge.decrement(by: 2)
    #expect(gauge.value == 4)
    gauge.set(0.25)
    #expect(gauge.value == 0.25)
    gauge.set(true)
    #expect(gauge.value == 1)
    gauge.set(Int64.max)
    #expect(gauge.value == Double(Int64.max))
  }

  @Test("a histogram times synchronous and asynchronous work, thrown or returned")
  func time() async throws {
    struct Failure: Error {}
    let histogram = registry.histogram("frame_test_commit_duration_seconds", help: "Commit.", buckets: .latency)
    #expect(histogram.time { 7 } == 7)
    #expect(throws: Failure.self) { try histogram.time { throw Failure() } }
    let answer = await histogram.time {
      await Task.yield()
      return 8
    }
    #expect(answer == 8)
    await #expect(throws: Failure.self) {
      try await histogram.time {
        await Task.yield()
        throw Failure()
      }
    }
    #expect(histogram.count == 4)
    histogram.observe(.milliseconds(250))
    #expect(histogram.total >= 0.25)
  }
}
