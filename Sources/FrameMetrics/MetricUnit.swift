/// A base unit of measure, as it ends a metric's name (OpenMetrics 1.0 "Unit").
package struct MetricUnit: Sendable, Hashable, CustomStringConvertible {
  package let name: String

  package init(_ name: String) {
    self.name = name
  }

  package static let seconds = MetricUnit("seconds")
  package static let bytes = MetricUnit("bytes")
  package static let ratio = MetricUnit("ratio")
  package static let events = MetricUnit("events")
  /// Exact integers of an asset's smallest unit.
  package static let minorUnits = MetricUnit("minor_units")

  package var description: String { name }

  /// The units that a name shows by itself, so that declarations need not repeat them.
  static let inferred: [MetricUnit] = [.seconds, .bytes, .ratio, .events, .minorUnits]

  static func inferred(fromBase base: String) -> MetricUnit? {
    inferred.first { base.hasSuffix("_" + $0.name) }
  }
}
