/// Writes families in the text format 0.0.4 or OpenMetrics 1.0.
///
/// The same families give the same bytes. `le` values and label order are the same in both formats, so that a series
/// keeps its identity whichever format a scraper chooses.
package struct ExpositionWriter {
  private let format: ExpositionFormat
  private let isOpenMetrics: Bool
  /// Set when names must be rewritten; nil for every scheme that leaves our names as they are.
  private let escaping: NameEscaping?
  private var bytes: [UInt8] = []

  package static func write(_ families: [MetricFamily], _ format: ExpositionFormat) -> [UInt8] {
    var writer = ExpositionWriter(format)
    let samples = families.reduce(0) { $0 + $1.metrics.count }
    writer.bytes.reserveCapacity(families.count * 160 + samples * 96)
    // Sorted by the name that is written, which OpenMetrics shortens.
    let names = families.map { writer.isOpenMetrics ? $0.descriptor.base : $0.descriptor.name }
    let order = names.indices.sorted { names[$0].utf8.lexicographicallyPrecedes(names[$1].utf8) }
    for index in order { writer.write(families[index]) }
    if writer.isOpenMetrics { writer.put("# EOF\n") }
    return writer.bytes
  }

  private init(_ format: ExpositionFormat) {
    self.format = format
    isOpenMetrics = format.syntax == .openMetrics
    escaping = format.escaping == .dots ? .dots : nil
  }

  // MARK: Families

  private mutating func write(_ family: MetricFamily) {
    let descriptor = family.descriptor
    let base = name(descriptor.base)
    let headName = isOpenMetrics ? base : name(descriptor.name)
    header("TYPE", headName)
    put(isOpenMetrics ? descriptor.type.rawValue : descriptor.type.textName)
    put("\n")
    if isOpenMetrics, escaping == nil, let unit = descriptor.unit {
      header("UNIT", headName)
      put(unit.name)
      put("\n")
    }
    header("HELP", headName)
    // OpenMetrics escapes quotes in HELP too; 0.0.4 must not.
    LabelSet.escape(descriptor.help, quotes: isOpenMetrics, into: &bytes)
    put("\n")
    for metric in family.metrics { write(metric, descriptor, base) }
  }

  private mutating func header(_ keyword: StaticString, _ name: String) {
    put("# ")
    put(keyword)
    put(" ")
    put(name)
    put(" ")
  }

  // MARK: Samples

  private mutating func write(_ metric: Metric, _ descriptor: MetricDescriptor, _ base: String) {
    let labels = rendered(metric.labels)
    switch metric.value {
    case .counter(let value, let exemplar):
      sample(base, "_total", labels)
      number(value)
      if let exemplar { self.exemplar(exemplar) }
      put("\n")
    case .gauge(let value):
      sample(base, "", labels)
      number(value)
      put("\n")
    case .info:
      sample(base, "_info", labels)
      put("1\n")
    case .states(let states, let on):
      for (index, state) in states.enumerated() {
        put(base)
        put("{")
        put(labels)
        if !labels.isEmpty { put(",") }
        LabelSet.render(name: base, value: state, into: &bytes)
        put(on & (1 << UInt64(index)) != 0 ? "} 1\n" : "} 0\n")
      }
    case .histogram(let snapshot):
      histogram(snapshot, base, labels)
    }
  }

  private mutating func histogram(_ snapshot: HistogramSnapshot, _ base: String, _ labels: [UInt8]) {
    var cumulative: UInt64 = 0
    for (index, count) in snapshot.counts.enumerated() {
      cumulative &+= count
      put(base)
      put("_bucket{")
      put(labels)
      if !labels.isEmpty { put(",") }
      put("le=\"")
      put(snapshot.buckets.labels[index])
      put("\"} ")
      decimal(cumulative)
      if let exemplar = snapshot.exemplars[index] { self.exemplar(exemplar) }
      put("\n")
    }
    sample(base, "_sum", labels)
    double(snapshot.sum)
    put("\n")
    sample(base, "_count", labels)
    decimal(cumulative)
    put("\n")
  }

  private mutating func sample(_ base: String, _ suffix: StaticString, _ labels: [UInt8]) {
    put(base)
    put(suffix)
    if !labels.isEmpty {
      put("{")
      put(labels)
      put("}")
    }
    put(" ")
  }

  /// OpenMetrics only: the text format has no exemplars.
  private mutating func exemplar(_ exemplar: Exemplar) {
    guard isOpenMetrics else { return }
    put(" # {")
    put(rendered(exemplar.labels))
    put("} ")
    double(exemplar.value)
    if let timestamp = exemplar.timestamp {
      put(" ")
      double(timestamp)
    }
  }

  private func rendered(_ labels: LabelSet) -> [UInt8] {
    guard let escaping else { return labels.rendered }
    return LabelSet(labels.pairs.map { LabelSet.Pair(escaping.escape($0.name), $0.value) }).rendered
  }

  private func name(_ name: String) -> String {
    escaping?.escape(name) ?? name
  }

  // MARK: Bytes

  private mutating func number(_ value: MetricNumber) {
    switch value {
    case .unsigned(let value): decimal(value)
    case .signed(let value):
      if value < 0 { put("-") }
      decimal(value.magnitude)
    case .double(let value): double(value)
    }
  }

  private mutating func double(_ value: Double) {
    if value.isFinite {
      put(value.description)
    } else if value.isNaN {
      put("NaN")
    } else {
      put(value < 0 ? "-Inf" : "+Inf")
    }
  }

  private mutating func decimal(_ value: UInt64) {
    guard value > 9 else {
      bytes.append(UInt8(ascii: "0") + UInt8(value))
      return
    }
    let start = bytes.count
    var rest = value
    while rest > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    }
    bytes[start...].reverse()
  }

  private mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func put(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func put(_ text: [UInt8]) {
    bytes.append(contentsOf: text)
  }
}
