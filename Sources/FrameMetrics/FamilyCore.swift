import Synchronization

/// The series of one family: from label values to instruments.
///
/// Not generic on purpose: the typed families on top of it add only the instrument's type, so that lookups are compiled
/// once and run at full speed from every room.
package final class FamilyCore: Sendable {
  let descriptor: MetricDescriptor
  /// How many series the family may have.
  let limit: Int
  /// False for the one series of a metric without labels.
  let isLabelled: Bool
  /// Lookups that found the family full, or that brought the wrong number of labels or too long a value.
  let drops = Counter()
  private let make: @Sendable () -> any Instrument
  /// Counts for everybody who was refused a series of their own; never exposed.
  private let overflow: any Instrument
  private let state = Mutex(State())

  static let defaultLimit = 1_000
  static let labelValueBytesMax = 1_024

  private struct State {
    var table = SeriesTable()
    /// Sorted for exposition; nil after a change.
    var sorted: [Series]?
  }

  /// - Parameter isOpen: label names may differ between series, and come with each (`series(pairs:)`).
  init(
    _ descriptor: MetricDescriptor, limit: Int, isOpen: Bool = false, make: @escaping @Sendable () -> any Instrument
  ) {
    self.descriptor = descriptor
    self.limit = limit
    isLabelled = isOpen || !descriptor.labels.isEmpty
    self.make = make
    overflow = make()
    if !isLabelled { _ = series(values: []) }
  }

  // MARK: Lookup

  func series(_ first: String) -> any Instrument {
    let hash = SeriesHash.of(first)
    let found = state.withLock { $0.table.find(hash) { $0.count == 1 && $0[0] == first }?.instrument }
    return found ?? insert(hash, [first])
  }

  func series(_ first: String, _ second: String) -> any Instrument {
    let hash = SeriesHash.of(first, second)
    let found = state.withLock {
      $0.table.find(hash) { $0.count == 2 && $0[0] == first && $0[1] == second }?.instrument
    }
    return found ?? insert(hash, [first, second])
  }

  func series(_ first: String, _ second: String, _ third: String) -> any Instrument {
    let hash = SeriesHash.of(first, second, third)
    let found = state.withLock {
      $0.table.find(hash) { $0.count == 3 && $0[0] == first && $0[1] == second && $0[2] == third }?.instrument
    }
    return found ?? insert(hash, [first, second, third])
  }

  func series(values: [String]) -> any Instrument {
    let hash = SeriesHash.of(values)
    let found = state.withLock { $0.table.find(hash) { $0 == values }?.instrument }
    return found ?? insert(hash, values)
  }

  private func insert(_ hash: UInt64, _ values: [String]) -> any Instrument {
    guard values.count == descriptor.labels.count else {
      drops.increment()
      return overflow
    }
    return insert(hash, values) { LabelSet(names: descriptor.labels, values: values) }
  }

  /// For series whose label names differ within the family, as swift-metrics allows: keyed by names and values in turn.
  func series(pairs: [(String, String)]) -> any Instrument {
    let key = pairs.flatMap { [$0.0, $0.1] }
    let hash = SeriesHash.of(key)
    let found = state.withLock { $0.table.find(hash) { $0 == key }?.instrument }
    return found ?? insert(hash, key) { LabelSet(pairs.map { LabelSet.Pair($0.0, $0.1) }) }
  }

  private func insert(_ hash: UInt64, _ key: [String], labels: () -> LabelSet) -> any Instrument {
    let fits = key.allSatisfy { $0.utf8.count <= Self.labelValueBytesMax }
    let inserted: (any Instrument)? = state.withLock { state in
      // Another thread may have been first between the lookup and here.
      if let existing = state.table.find(hash, where: { $0 == key }) { return existing.instrument }
      guard fits, state.table.count < limit else { return nil }
      let series = Series(hash: hash, values: key, labels: labels(), instrument: make())
      state.table.insert(series)
      state.sorted = nil
      return series.instrument
    }
    if let inserted { return inserted }
    drops.increment()
    return overflow
  }

  // MARK: Removal and reading

  func remove(where matches: ([String]) -> Bool) {
    state.withLock { state in
      if state.table.remove(where: { matches($0.values) }) { state.sorted = nil }
    }
  }

  func read() -> MetricFamily {
    let sorted = state.withLock { state in
      if let sorted = state.sorted { return sorted }
      let sorted = state.table.all.sorted { $0.labels.rendered.lexicographicallyPrecedes($1.labels.rendered) }
      state.sorted = sorted
      return sorted
    }
    var metrics: [Metric] = []
    metrics.reserveCapacity(sorted.count)
    for series in sorted {
      if let value = series.instrument.read() { metrics.append(Metric(labels: series.labels, value: value)) }
    }
    return MetricFamily(descriptor: descriptor, metrics: metrics)
  }
}
