import CoreMetrics

/// One series of a library's metric, and where to remove it from.
struct LibrarySeries<Kind: Instrument>: Sendable {
  let instrument: Kind
  /// Nil for an instrument that found no name.
  let core: FamilyCore?
  let key: [String]

  func remove() {
    core?.remove { $0 == key }
  }
}

/// What swift-metrics may ask to destroy.
protocol LibraryInstrument: AnyObject, Sendable {
  func remove()
}

final class LibraryCounter: CounterHandler, FloatingPointCounterHandler, LibraryInstrument {
  private let series: LibrarySeries<Counter>
  private let scale: Double

  init(_ series: LibrarySeries<Counter>, scale: Double) {
    self.series = series
    self.scale = scale
  }

  func increment(by amount: Int64) {
    if scale == 1 {
      series.instrument.increment(by: Int(amount))
    } else {
      series.instrument.increment(by: Double(amount) * scale)
    }
  }

  func increment(by amount: Double) {
    series.instrument.increment(by: amount * scale)
  }

  func reset() {
    series.instrument.reset()
  }

  func remove() {
    series.remove()
  }
}

final class LibraryGauge: MeterHandler, RecorderHandler, LibraryInstrument {
  private let series: LibrarySeries<Gauge>
  private let scale: Double

  init(_ series: LibrarySeries<Gauge>, scale: Double) {
    self.series = series
    self.scale = scale
  }

  func set(_ value: Int64) {
    if scale == 1 { series.instrument.set(value) } else { set(Double(value)) }
  }

  func set(_ value: Double) {
    series.instrument.set(value * scale)
  }

  func increment(by amount: Double) {
    series.instrument.increment(by: amount * scale)
  }

  func decrement(by amount: Double) {
    series.instrument.decrement(by: amount * scale)
  }

  func record(_ value: Int64) {
    set(value)
  }

  func record(_ value: Double) {
    set(value)
  }

  func remove() {
    series.remove()
  }
}

final class LibraryHistogram: RecorderHandler, TimerHandler, LibraryInstrument {
  private let series: LibrarySeries<Histogram>
  private let scale: Double

  init(_ series: LibrarySeries<Histogram>, scale: Double) {
    self.series = series
    self.scale = scale
  }

  func record(_ value: Int64) {
    record(Double(value))
  }

  func record(_ value: Double) {
    series.instrument.observe(value * scale)
  }

  func recordNanoseconds(_ duration: Int64) {
    series.instrument.observe(Double(duration) * 1e-9)
  }

  func remove() {
    series.remove()
  }
}
