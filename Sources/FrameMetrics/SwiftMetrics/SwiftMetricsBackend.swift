import CoreMetrics

/// Puts what libraries measure through swift-metrics into a registry.
///
/// Counters become counters with `_total`, timers histograms in seconds, meters and plain recorders gauges, aggregating
/// recorders histograms. Names get a prefix and are made valid; values are converted to base units. Within one name the
/// label sets may differ, as swift-metrics allows. `MetricsSystem.bootstrap(SwiftMetricsBackend(registry))` once.
package final class SwiftMetricsBackend: MetricsFactory {
  package static let defaultPrefix = "swift_"

  private let registry: MetricRegistry
  private let prefix: String
  private let seriesMax: Int

  /// - Parameters:
  ///   - prefix: begins every name that comes from a library; lower case, ends in an underscore.
  ///   - seriesMax: how many label sets one name may have.
  package init(_ registry: MetricRegistry, prefix: String = defaultPrefix, seriesMax: Int = 1_000) {
    self.registry = registry
    self.prefix = prefix
    self.seriesMax = seriesMax
  }

  // MARK: MetricsFactory

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counter(label, dimensions)
  }

  package func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    counter(label, dimensions)
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let name = LibraryName(label, prefix: prefix)
    let series = series(.gauge, "meter", label, [name.base, name.base + "_level"], dimensions) { Gauge() }
    return LibraryGauge(series, scale: name.scale)
  }

  package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    let name = LibraryName(label, prefix: prefix)
    guard aggregate else {
      let names = [name.base, name.base + "_recorded"]
      return LibraryGauge(series(.gauge, "recorder", label, names, dimensions) { Gauge() }, scale: name.scale)
    }
    let names = [name.base, name.base + "_distribution"]
    let series = series(.histogram, "recorder", label, names, dimensions) {
      Histogram(buckets: name.base.hasSuffix("_seconds") ? .latency : .count)
    }
    return LibraryHistogram(series, scale: name.scale)
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let base = LibraryName.seconds(label, prefix: prefix)
    let names = [base, String(base.dropLast("_seconds".count)) + "_time_seconds"]
    return LibraryHistogram(series(.histogram, "timer", label, names, dimensions) { Histogram() }, scale: 1)
  }

  package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
  package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  private func remove(_ handler: any Sendable) {
    guard let handler = handler as? any LibraryInstrument else { return }
    handler.remove()
  }

  // MARK: Declaration

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> LibraryCounter {
    let name = LibraryName(label, prefix: prefix)
    let names = [name.base + "_total", name.base + "_occurrences_total"]
    return LibraryCounter(series(.counter, "counter", label, names, dimensions) { Counter() }, scale: name.scale)
  }

  /// The first of `names` that is free or already this metric; if none is, an instrument that nobody sees: a library's
  /// choice of names is no reason to fail.
  private func series<Kind: Instrument>(
    _ type: MetricType, _ kind: String, _ label: String, _ names: [String], _ dimensions: [(String, String)],
    make: @escaping @Sendable () -> Kind
  ) -> LibrarySeries<Kind> {
    let labels = LibraryName.labels(dimensions)
    for name in names {
      let descriptor = MetricDescriptor(
        name: name, type: type, unit: MetricUnit.inferred(fromBase: MetricName.base(name, type)),
        help: "From swift-metrics: the \(kind) \"\(label)\".", labels: [])
      guard let core = try? registry.declare(descriptor, limit: seriesMax, isOpen: true, make: make) else { continue }
      // The family was declared with this help, which names the kind, so its instruments come from this `make`.
      let instrument = unsafeDowncast(core.series(pairs: labels), to: Kind.self)
      return LibrarySeries(instrument: instrument, core: core, key: labels.flatMap { [$0.0, $0.1] })
    }
    return LibrarySeries(instrument: make(), core: nil, key: [])
  }
}
