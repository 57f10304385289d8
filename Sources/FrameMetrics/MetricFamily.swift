/// What a family is, apart from its values: one line of the catalog.
package struct MetricDescriptor: Sendable, Hashable {
  /// As declared: counters with `_total`, infos with `_info`.
  package let name: String
  package let type: MetricType
  package let unit: MetricUnit?
  package let help: String
  /// In the order of declaration, which is the order of values in `with(...)`.
  package let labels: [String]

  /// The family's name in OpenMetrics: without the type's suffix.
  package var base: String { MetricName.base(name, type) }
}

/// The values of one family at one moment, series sorted.
package struct MetricFamily: Sendable {
  package let descriptor: MetricDescriptor
  package let metrics: [Metric]
}

/// One series (or, for a histogram or a state set, one group of series) at one moment.
package struct Metric: Sendable {
  package let labels: LabelSet
  package let value: MetricValue
}

/// A value as read from an instrument.
package enum MetricValue: Sendable {
  case counter(MetricNumber, Exemplar?)
  case gauge(MetricNumber)
  case histogram(HistogramSnapshot)
  case states([String], on: UInt64)
  case info

  /// How many samples the value has in the exposition.
  var sampleCount: Int {
    switch self {
    case .counter, .gauge, .info: 1
    case .histogram(let snapshot): snapshot.counts.count + 2
    case .states(let names, _): names.count
    }
  }
}

/// A sample's number: integers stay exact, beyond 2^53 too.
package enum MetricNumber: Sendable, Hashable {
  case unsigned(UInt64)
  case signed(Int64)
  case double(Double)

  package var doubleValue: Double {
    switch self {
    case .unsigned(let value): Double(value)
    case .signed(let value): Double(value)
    case .double(let value): value
    }
  }
}
