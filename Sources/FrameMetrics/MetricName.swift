/// The rules for names of metrics and labels: Prometheus' legacy character set, lower case, and the naming rules that
/// `promtool check metrics` enforces.
enum MetricName {
  static let lengthMax = 200

  static let typeWords = ["counter", "gauge", "summary", "untyped", "histogram"]
  static let unitAbbreviations = [
    "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
  ]
  static let derivedUnits: Set<String> = [
    "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks",
    "kilobytes", "megabytes", "gigabytes", "terabytes", "bits", "percent", "kelvin", "fahrenheit", "inches", "yards",
    "miles", "ounces", "pounds", "calories",
  ]

  /// `metric` without the suffix that its type adds to samples: OpenMetrics' family name.
  static func base(_ metric: String, _ type: MetricType) -> String {
    switch type {
    case .counter where metric.hasSuffix("_total"): String(metric.dropLast("_total".count))
    case .info where metric.hasSuffix("_info"): String(metric.dropLast("_info".count))
    default: metric
    }
  }

  /// Every name that a family of this type may put on a sample or a TYPE line.
  static func claims(_ metric: String, _ type: MetricType) -> [String] {
    let base = base(metric, type)
    return switch type {
    case .counter: [base, base + "_total", base + "_created"]
    case .gauge, .stateSet: [base]
    case .histogram: [base, base + "_bucket", base + "_count", base + "_sum", base + "_created"]
    case .info: [base, base + "_info"]
    }
  }

  static func isValidMetric(_ name: String) -> Bool {
    isIdentifier(name) && !name.hasPrefix("_") && name.utf8.count <= lengthMax
  }

  static func isValidLabel(_ name: String) -> Bool {
    isIdentifier(name) && !name.hasPrefix("__") && name.utf8.count <= lengthMax
  }

  private static func isIdentifier(_ name: String) -> Bool {
    guard let first = name.utf8.first, !isDigit(first) else { return false }
    return name.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
  }

  /// The first rule that the declaration breaks, or nil.
  static func problem(metric: String, type: MetricType, unit: MetricUnit?, labels: [String]) -> MetricError? {
    guard isValidMetric(metric) else {
      return .invalidName(
        metric: metric, reason: "is not lower case letters, digits and underscores, or exceeds \(lengthMax) bytes")
    }
    if let reason = suffixProblem(metric, type) ?? wordProblem(metric) {
      return .invalidName(metric: metric, reason: reason)
    }
    if let unit, !base(metric, type).hasSuffix("_" + unit.name) {
      return .invalidName(metric: metric, reason: "does not end in its unit \"\(unit.name)\"")
    }
    var seen = Set<String>()
    for label in labels {
      if !isValidLabel(label) {
        return .invalidLabel(metric: metric, label: label, reason: "is not a valid label name")
      }
      if label == "le" || label == "quantile" {
        return .invalidLabel(metric: metric, label: label, reason: "is reserved")
      }
      if type == .stateSet, label == metric {
        return .invalidLabel(metric: metric, label: label, reason: "is the state set's own label")
      }
      if !seen.insert(label).inserted { return .invalidLabel(metric: metric, label: label, reason: "occurs twice") }
    }
    return nil
  }

  static let reservedSuffixes = ["_bucket", "_count", "_sum", "_created"]

  private static func suffixProblem(_ metric: String, _ type: MetricType) -> String? {
    if type == .counter, !metric.hasSuffix("_total") { return "is a counter and does not end in _total" }
    if type == .info, !metric.hasSuffix("_info") { return "is an info and does not end in _info" }
    if type != .counter, metric.hasSuffix("_total") { return "ends in _total and is no counter" }
    if type != .info, metric.hasSuffix("_info") { return "ends in _info and is no info" }
    let reserved = reservedSuffixes.first { base(metric, type).hasSuffix($0) }
    return reserved.map { "ends in the reserved suffix \($0)" }
  }

  private static func wordProblem(_ metric: String) -> String? {
    let words = metric.split(separator: "_")
    for word in words.dropFirst() {
      if typeWords.contains(String(word)) { return "contains the type word \"\(word)\"" }
      if unitAbbreviations.contains(String(word)) { return "contains the abbreviated unit \"\(word)\"" }
    }
    return words.first { derivedUnits.contains(String($0)) }.map { "uses \"\($0)\" and not the base unit" }
  }

  static func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
  static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
