/// One scrape in the text format, just enough to look a sample up.
struct MetricsText: Sendable {
  private var samples: [(name: String, labels: String, value: Double)] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      let series = line[..<space]
      let brace = series.firstIndex(of: "{") ?? series.endIndex
      samples.append((String(series[..<brace]), String(series[brace...]), value))
    }
  }

  /// The sample of `name` that carries all of `labels`, or nil.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { sample in
      sample.name == name && labels.allSatisfy { sample.labels.contains("\($0.key)=\"\($0.value)\"") }
    }?.value
  }
}
