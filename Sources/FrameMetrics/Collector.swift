import Synchronization

/// What a collector callback is given.
package struct Collector: Sendable {
  /// The name it was registered under.
  package let name: String
  /// What is left of the scrape's time budget; nil when the scraper named none.
  package let remaining: Duration?
}

/// The callbacks of a registry, and the turn-taking between scrapes.
final class CollectorList: Sendable {
  private struct Entry {
    let name: String
    let body: @Sendable (Collector) throws -> Void
  }

  private let entries = Mutex<[Entry]>([])
  private let turn = Mutex<Void>(())

  func add(_ name: String, _ body: @escaping @Sendable (Collector) throws -> Void) {
    entries.withLock { $0.append(Entry(name: name, body: body)) }
  }

  /// Runs every collector in order of registration, then `read`, all within one turn.
  func run(budget: Duration?, metrics: RegistryMetrics?, read: () -> [MetricFamily]) -> [MetricFamily] {
    let deadline = budget.map { ContinuousClock.now + $0 }
    return turn.withLock { _ in
      for entry in entries.withLock({ $0 }) {
        let start = ContinuousClock.now
        let remaining = deadline.map { $0 - start }
        if let remaining, remaining <= .zero {
          metrics?.skipped(entry.name)
          continue
        }
        do {
          try entry.body(Collector(name: entry.name, remaining: remaining))
        } catch {
          metrics?.failed(entry.name)
        }
        metrics?.took(entry.name, ContinuousClock.now - start)
      }
      return read()
    }
  }
}
