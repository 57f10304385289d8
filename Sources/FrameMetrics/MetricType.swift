/// What a metric family is, in OpenMetrics' words.
package enum MetricType: String, Sendable, Hashable, CaseIterable {
  case counter
  case gauge
  case histogram
  case stateSet = "stateset"
  case info

  /// The type's word in the text format 0.0.4, which knows neither state sets nor info.
  package var textName: String {
    switch self {
    case .counter, .gauge, .histogram: rawValue
    case .stateSet, .info: "gauge"
    }
  }
}
