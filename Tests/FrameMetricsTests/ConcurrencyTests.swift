import FrameMetrics
import Testing

@Suite("Concurrency")
struct ConcurrencyTests {
  private static let tasks = 8
  private static let rounds = 5_000

  @Test("counts are exact when many tasks count, observe and look up at once while scrapes run")
  func exactCounts() async throws {
    let registry = MetricRegistry()
    let plain = registry.counter("frame_test_plain_total", help: "Plain.")
    let fraction = registry.counter("frame_test_fraction_total", help: "Fraction.")
    let gauge = registry.gauge("frame_test_in_flight", help: "In flight.")
    let wide = registry.gauge("frame_test_wide", help: "Wide.")
    let family = registry.counter("frame_test_calls_total", help: "Calls.", labels: ["task", "kind"])
    let histogram = registry.histogram("frame_test_wait_seconds", help: "Wait.", buckets: [1, 2, 3])
    await withTaskGroup { group in
      for task in 0..<Self.tasks {
        group.addTask {
          for round in 0..<Self.rounds {
            plain.increment()
            fraction.increment(by: 0.5)
            gauge.increment(by: 2)
            gauge.decrement()
            wide.set(round.isMultiple(of: 2) ? Int64.max : Int64(round))
            family.with("shared", String(round % 7)).increment()
            family.with(String(task), "own").increment()
            histogram.observe(Double(round % 4) + 0.5)
          }
        }
      }
      group.addTask {
        for _ in 0..<50 {
          for metric in registry.collect().flatMap(\.metrics) {
            // A gauge that is set to small and to wide integers in turn shows only what was set.
            if case .gauge(.signed(let value)) = metric.value, value > Int64(Self.tasks * Self.rounds) {
              #expect(value == Int64.max)
            }
          }
        }
      }
    }
    let total = Self.tasks * Self.rounds
    #expect(plain.value == Double(total))
    #expect(fraction.value == Double(total) / 2)
    #expect(gauge.value == Double(total))
    let shared = (0..<7).reduce(0) { $0 + family.with("shared", String($1)).value }
    #expect(shared == Double(total))
    for task in 0..<Self.tasks { #expect(family.with(String(task), "own").value == Double(Self.rounds)) }
    #expect(histogram.count == UInt64(total))
    #expect(histogram.total == Double(total) * 2)
  }
}
