/// Writes families in the text format 0.0.4 or OpenMetrics 1.0.
///
/// The same families give the same bytes. `le` values and label order are the same in both formats, so that a series
/// keeps its identity whichever format a scraper chooses.
package struct ExpositionWriter: ~Copyable {
  private let isOpenMetrics: Bool
  /// Set when names must be rewritten; nil for every scheme that leaves our names as they are.
  private let escaping: NameEscaping?
  private var buffer: ExpositionBuffer

  private static let familyBytesGuess = 200
  private static let sampleBytesGuess = 96

  package static func write(_ families: [MetricFamily], _ format: ExpositionFormat) -> [UInt8] {
    let samples = families.reduce(0) { $0 + $1.metrics.reduce(0) { $0 + $1.value.sampleCount } }
    var writer = ExpositionWriter(
      format, capacity: families.count * familyBytesGuess + samples * sampleBytesGuess)
    // Sorted by the name that is written, which OpenMetrics shortens.
    let names = families.map { writer.isOpenMetrics ? $0.descriptor.base : $0.descriptor.name }
    let order = names.indices.sorted { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
    for index in order { writer.write(families[index]) }
    if writer.isOpenMetrics { writer.put("# EOF\n") }
    return writer.buffer.bytes
  }

  private init(_ format: ExpositionFormat, capacity: Int) {
    isOpenMetrics = format.syntax == .openMetrics
    escaping = format.escaping == .dots ? .dots : nil
    buffer = ExpositionBuffer(capacity: capacity)
  }

  // MARK: Families

  private mutating func write(_ family: MetricFamily) {
    let descriptor = family.descriptor
    let base = Array(name(descriptor.base).utf8)
    let heading = isOpenMetrics ? base : Array(name(descriptor.name).utf8)
    header("# TYPE ", heading)
    buffer.put(isOpenMetrics ? descriptor.type.rawValue : descriptor.type.textName)
    put("\n")
    if isOpenMetrics, escaping == nil, let unit = descriptor.unit {
      header("# UNIT ", heading)
      buffer.put(unit.name)
      put("\n")
    }
    header("# HELP ", heading)
    // OpenMetrics escapes quotes in HELP too; 0.0.4 must not.
    var help: [UInt8] = []
    LabelSet.escape(descriptor.help, quotes: isOpenMetrics, into: &help)
    buffer.put(help)
    put("\n")
    for metric in family.metrics { write(metric, base) }
  }

  private mutating func header(_ keyword: StaticString, _ name: [UInt8]) {
    put(keyword)
    buffer.put(name)
    put(" ")
  }

  // MARK: Samples

  private mutating func write(_ metric: Metric, _ base: [UInt8]) {
    let labels = rendered(metric.labels)
    switch metric.value {
    case .counter(let value, let exemplar):
      sample(base, "_total", labels)
      buffer.put(value)
      if let exemplar { put(exemplar) }
      put("\n")
    case .gauge(let value):
      sample(base, "", labels)
      buffer.put(value)
      put("\n")
    case .info:
      sample(base, "_info", labels)
      put("1\n")
    case .states(let states, let on):
      for (index, state) in states.enumerated() {
        open(base, "{", labels)
        var label: [UInt8] = []
        LabelSet.render(name: String(decoding: base, as: UTF8.self), value: state, into: &label)
        buffer.put(label)
        put(on & (1 << UInt64(index)) != 0 ? "} 1\n" : "} 0\n")
      }
    case .histogram(let snapshot):
      histogram(snapshot, base, labels)
    }
  }

  private mutating func histogram(_ snapshot: HistogramSnapshot, _ base: [UInt8], _ labels: [UInt8]) {
    var cumulative: UInt64 = 0
    for (index, count) in snapshot.counts.enumerated() {
      cumulative &+= count
      open(base, "_bucket{", labels)
      put("le=\"")
      buffer.put(snapshot.buckets.labels[index])
      put("\"} ")
      buffer.put(cumulative)
      if let exemplar = snapshot.exemplars[index] { put(exemplar) }
      put("\n")
    }
    sample(base, "_sum", labels)
    buffer.put(snapshot.sum)
    put("\n")
    sample(base, "_count", labels)
    buffer.put(cumulative)
    put("\n")
  }

  /// A sample up to the blank before its value.
  private mutating func sample(_ base: [UInt8], _ suffix: StaticString, _ labels: [UInt8]) {
    buffer.put(base)
    put(suffix)
    if !labels.isEmpty {
      put("{")
      buffer.put(labels)
      put("}")
    }
    put(" ")
  }

  /// A sample up to the label that is its own beside the series' labels.
  private mutating func open(_ base: [UInt8], _ suffix: StaticString, _ labels: [UInt8]) {
    buffer.put(base)
    put(suffix)
    if !labels.isEmpty {
      buffer.put(labels)
      put(",")
    }
  }

  /// OpenMetrics only: the text format has no exemplars.
  private mutating func put(_ exemplar: Exemplar) {
    guard isOpenMetrics else { return }
    put(" # {")
    buffer.put(rendered(exemplar.labels))
    put("} ")
    buffer.put(exemplar.value)
    if let timestamp = exemplar.timestamp {
      put(" ")
      buffer.put(timestamp)
    }
  }

  private func rendered(_ labels: LabelSet) -> [UInt8] {
    guard let escaping else { return labels.rendered }
    return LabelSet(labels.pairs.map { LabelSet.Pair(escaping.escape($0.name), $0.value) }).rendered
  }

  private func name(_ name: String) -> String {
    escaping?.escape(name) ?? name
  }

  private mutating func put(_ text: StaticString) {
    buffer.put(text)
  }
}
