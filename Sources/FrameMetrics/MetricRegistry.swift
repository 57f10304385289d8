import Synchronization

/// All metrics of one node.
///
/// Declarations do not throw where they are made: see `MetricError` and `validate()`. Declaring the same metric twice
/// with the same type, unit, help and labels yields the same instrument.
package final class MetricRegistry: Sendable {
  private struct State {
    var families: [String: FamilyCore] = [:]
    /// Every sample or family name in use, and the family that owns it.
    var claims: [String: String] = [:]
    var errors: [MetricError] = []
    /// Families in order of name; nil after a declaration.
    var sorted: [FamilyCore]?
  }

  private let state = Mutex(State())
  private let collectors = CollectorList()
  private let selfMetrics = Mutex<RegistryMetrics?>(nil)

  package init() {
    let metrics = RegistryMetrics(self)
    selfMetrics.withLock { $0 = metrics }
  }

  // MARK: Declaration

  /// The family that this declaration names, exposed if the declaration is sound; if not, detached, and the problem is
  /// recorded for `validate()`.
  func family(
    _ descriptor: MetricDescriptor, limit: Int = FamilyCore.defaultLimit, problem: MetricError? = nil,
    make: @escaping @Sendable () -> any Instrument
  ) -> FamilyCore {
    do throws(MetricError) {
      if let problem { throw problem }
      return try declare(descriptor, limit: limit, make: make)
    } catch {
      state.withLock { $0.errors.append(error) }
      return FamilyCore(descriptor, limit: limit, make: make)
    }
  }

  /// The family that this declaration names; throws what is wrong with it and records nothing.
  func declare(
    _ descriptor: MetricDescriptor, limit: Int = FamilyCore.defaultLimit, isOpen: Bool = false,
    make: @escaping @Sendable () -> any Instrument
  ) throws(MetricError) -> FamilyCore {
    if let problem = Self.problem(descriptor) { throw problem }
    let result: Result<FamilyCore, MetricError> = state.withLock { state in
      if let existing = state.families[descriptor.name], existing.descriptor == descriptor { return .success(existing) }
      if let clash = Self.clash(descriptor, state.claims) { return .failure(clash) }
      let core = FamilyCore(descriptor, limit: limit, isOpen: isOpen, make: make)
      for name in MetricName.claims(descriptor.name, descriptor.type) { state.claims[name] = descriptor.name }
      state.families[descriptor.name] = core
      state.sorted = nil
      return .success(core)
    }
    return try result.get()
  }

  private static func problem(_ descriptor: MetricDescriptor) -> MetricError? {
    if let problem = MetricName.problem(
      metric: descriptor.name, type: descriptor.type, unit: descriptor.unit, labels: descriptor.labels)
    {
      return problem
    }
    return descriptor.help.isEmpty ? .missingHelp(metric: descriptor.name) : nil
  }

  private static func clash(_ descriptor: MetricDescriptor, _ claims: [String: String]) -> MetricError? {
    for name in MetricName.claims(descriptor.name, descriptor.type) {
      if let owner = claims[name] { return .clash(metric: descriptor.name, with: owner, on: name) }
    }
    return nil
  }

  /// Throws what was wrong with the declarations so far; a node calls it once at start.
  package func validate() throws(MetricError) {
    let errors = state.withLock { $0.errors }
    guard let first = errors.first else { return }
    throw errors.count == 1 ? first : .several(errors)
  }

  /// Every exposed family, sorted by name.
  package func catalog() -> [MetricDescriptor] {
    families().map(\.descriptor)
  }

  // MARK: Collection

  /// Runs `body` at each scrape before values are read, to set gauges from state that is kept elsewhere.
  ///
  /// `body` must be fast, must not block, and must not scrape. What it throws is counted under `name`; the scrape goes on.
  package func onCollect(_ name: String, _ body: @escaping @Sendable (Collector) throws -> Void) {
    collectors.add(name, body)
    selfMetrics.withLock { $0 }?.declareCollector(name)
  }

  /// Runs the collectors and reads all values, families and series sorted.
  ///
  /// One collection runs at a time, so that what a collector sets together is read together.
  ///
  /// - Parameter budget: collectors that have not begun when it is spent are skipped and counted as errors; values read
  ///   are then those of the scrape before.
  package func collect(budget: Duration? = nil) -> [MetricFamily] {
    let metrics = selfMetrics.withLock { $0 }
    return collectors.run(budget: budget, metrics: metrics) {
      let families = families()
      metrics?.publishDrops(families)
      var read = families.map { $0.read() }
      metrics?.publishSeries(&read)
      return read.filter { !$0.metrics.isEmpty }
    }
  }

  private func families() -> [FamilyCore] {
    state.withLock { state in
      if let sorted = state.sorted { return sorted }
      let sorted = state.families.values.sorted {
        $0.descriptor.name.utf8.lexicographicallyPrecedes($1.descriptor.name.utf8)
      }
      state.sorted = sorted
      return sorted
    }
  }
}
