/// A pointer from a measurement to what was measured, such as a transfer id or a trace id (OpenMetrics 1.0 "Exemplars").
package final class Exemplar: Sendable {
  /// OpenMetrics' limit on all names and values of an exemplar's labels together, in code points.
  package static let codePointsMax = 128

  package let labels: LabelSet
  package let value: Double
  /// Seconds since 1970, as the caller's clock says.
  package let timestamp: Double?

  /// Nil when a label name is not valid or the labels exceed `codePointsMax`: an exemplar is never worth a broken scrape.
  package init?(_ labels: [(String, String)], value: Double, timestamp: Double? = nil) {
    let points = labels.reduce(0) { $0 + $1.0.unicodeScalars.count + $1.1.unicodeScalars.count }
    guard points <= Self.codePointsMax, labels.allSatisfy({ MetricName.isValidLabel($0.0) }),
      Set(labels.map(\.0)).count == labels.count
    else { return nil }
    self.labels = LabelSet(labels.map { LabelSet.Pair($0.0, $0.1) })
    self.value = value
    self.timestamp = timestamp
  }
}
