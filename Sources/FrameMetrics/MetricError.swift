/// What is wrong with a metric's declaration or use.
///
/// Declaring never throws and never traps: a wrong declaration works detached (it counts, but is not exposed), is
/// recorded, and `MetricRegistry.validate()` throws it, so that a node refuses to start with a broken catalog.
package enum MetricError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name is not `[a-z][a-z0-9_]*`, breaks the type's suffix rule, or is too long.
  case invalidName(metric: String, reason: String)
  /// A label name is not `[a-z_][a-z0-9_]*`, is reserved, or occurs twice.
  case invalidLabel(metric: String, label: String, reason: String)
  /// Without help text an operator cannot read the catalog, and promtool complains.
  case missingHelp(metric: String)
  /// Buckets must be finite, ascending and not empty.
  case invalidBuckets(metric: String, reason: String)
  /// Another family owns this name, or one of the sample names that this type derives from it.
  case clash(metric: String, with: String, on: String)
  /// All problems found so far.
  case several([MetricError])

  /// One stable word, as in problem documents and `reason` labels.
  package var code: String {
    switch self {
    case .invalidName: "metric_invalid_name"
    case .invalidLabel: "metric_invalid_label"
    case .missingHelp: "metric_missing_help"
    case .invalidBuckets: "metric_invalid_buckets"
    case .clash: "metric_clash"
    case .several: "metric_several_problems"
    }
  }

  package var message: String {
    switch self {
    case .invalidName(let metric, let reason): "metric name \"\(metric)\" \(reason)"
    case .invalidLabel(let metric, let label, let reason): "label \"\(label)\" of metric \"\(metric)\" \(reason)"
    case .missingHelp(let metric): "metric \"\(metric)\" has no help text"
    case .invalidBuckets(let metric, let reason): "buckets of metric \"\(metric)\" \(reason)"
    case .clash(let metric, let other, let name):
      "metric \"\(metric)\" and metric \"\(other)\" both claim the name \"\(name)\" with different declarations"
    case .several(let errors): errors.map(\.message).joined(separator: "; ")
    }
  }

  package var remedy: String {
    switch self {
    case .invalidName: "Rename it: lower case, base unit last, counters end in _total, infos in _info."
    case .invalidLabel: "Rename the label: lower case letters, digits and underscores."
    case .missingHelp: "Say in one sentence what it measures."
    case .invalidBuckets: "List finite upper bounds in ascending order; +Inf is added by itself."
    case .clash: "Give one of them another name, or make both declarations the same."
    case .several: "Correct each declaration."
    }
  }

  package var description: String { "\(message) [\(code)] \(remedy)" }
}
