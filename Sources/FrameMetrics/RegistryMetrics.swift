/// The registry's metrics about itself.
struct RegistryMetrics: Sendable {
  private static let seriesName = "frame_metrics_series"

  private let series: Gauge
  private let drops: CounterFamily
  private let collectorSeconds: GaugeFamily
  private let collectorErrors: CounterFamily

  init(_ registry: MetricRegistry) {
    series = registry.gauge(Self.seriesName, help: "Samples that the last scrape of the whole registry exposed.")
    drops = registry.counter(
      "frame_metrics_dropped_lookups_total",
      help: "Lookups of a labelled metric that got no series of their own: series limit, label count or value length.",
      labels: ["metric"])
    collectorSeconds = registry.gauge(
      "frame_metrics_collector_duration_seconds", help: "How long each collector callback took in the last scrape.",
      labels: ["collector"])
    collectorErrors = registry.counter(
      "frame_metrics_collector_errors_total",
      help: "Collector callbacks that failed, or were skipped because the scrape's time was spent.",
      labels: ["collector", "reason"])
  }

  /// Starts the collector's series at zero, so that a first error is an increase.
  func declareCollector(_ name: String) {
    _ = collectorSeconds.with(name)
    _ = collectorErrors.with(name, "failed")
    _ = collectorErrors.with(name, "skipped")
  }

  func took(_ collector: String, _ duration: Duration) {
    collectorSeconds.with(collector).set(duration.inSeconds)
  }

  func failed(_ collector: String) {
    collectorErrors.with(collector, "failed").increment()
  }

  func skipped(_ collector: String) {
    collectorErrors.with(collector, "skipped").increment()
  }

  func publishDrops(_ families: [FamilyCore]) {
    for family in families where family.isLabelled {
      drops.with(family.descriptor.name).mirror(family.drops.value)
    }
  }

  /// Counts the samples of all families and puts the number in their midst.
  func publishSeries(_ families: inout [MetricFamily]) {
    series.set(families.reduce(0) { $0 + $1.metrics.reduce(0) { $0 + $1.value.sampleCount } })
    guard let index = families.firstIndex(where: { $0.descriptor.name == Self.seriesName }), let value = series.read()
    else { return }
    families[index] = MetricFamily(
      descriptor: families[index].descriptor, metrics: [Metric(labels: .empty, value: value)])
  }
}
