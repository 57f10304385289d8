/// A name of ours for a metric that a library declares through swift-metrics, where any text is a name and units are
/// not converted.
struct LibraryName: Equatable {
  /// Begins with the prefix, is valid, keeps the naming rules; carries no type suffix yet.
  let base: String
  /// What a value must be multiplied with to be in the base unit that `base` ends in.
  let scale: Double

  private static let units: [String: (base: String, scale: Double)] = [
    "ns": ("seconds", 1e-9), "nanos": ("seconds", 1e-9), "nanoseconds": ("seconds", 1e-9),
    "us": ("seconds", 1e-6), "micros": ("seconds", 1e-6), "microseconds": ("seconds", 1e-6),
    "ms": ("seconds", 1e-3), "millis": ("seconds", 1e-3), "milliseconds": ("seconds", 1e-3),
    "s": ("seconds", 1), "sec": ("seconds", 1), "secs": ("seconds", 1), "minutes": ("seconds", 60),
    "hours": ("seconds", 3_600), "days": ("seconds", 86_400), "percent": ("ratio", 0.01),
    "kilobytes": ("bytes", 1e3), "megabytes": ("bytes", 1e6), "gigabytes": ("bytes", 1e9),
  ]
  private static let suffixes = Set(
    (MetricName.reservedSuffixes + ["_total", "_info"]).map { String($0.dropFirst()) })
  /// Leaves room for the type's suffix and for the way out of a clash.
  private static let baseBytesMax = MetricName.lengthMax - 40

  /// - Parameter prefix: begins every name, so that no library can take one of ours.
  init(_ label: String, prefix: String) {
    var words = Self.words(label).filter { !MetricName.typeWords.contains($0) }
    while let last = words.last, Self.suffixes.contains(last) { words.removeLast() }
    var scale = 1.0
    if let last = words.last, let unit = Self.units[last] {
      words[words.count - 1] = unit.base
      scale = unit.scale
    }
    // What still reads as a unit is no unit here; a letter more makes that plain to the linter.
    words = words.map {
      MetricName.unitAbbreviations.contains($0) || MetricName.derivedUnits.contains($0) ? $0 + "x" : $0
    }
    let name = (words.isEmpty ? ["metric"] : words).joined(separator: "_")
    base = String((prefix + name).prefix(Self.baseBytesMax))
    self.scale = scale
  }

  /// For timers, whose values are durations whatever the label says.
  static func seconds(_ label: String, prefix: String) -> String {
    let base = LibraryName(label, prefix: prefix).base
    return base.hasSuffix("_seconds") ? base : base + "_seconds"
  }

  /// Label names made valid, values as they are, sorted by name; a name that occurs again is left out.
  static func labels(_ dimensions: [(String, String)]) -> [(String, String)] {
    var seen = Set<String>()
    return dimensions.compactMap { dimension in
      var name = words(dimension.0).joined(separator: "_")
      if name.isEmpty || MetricName.isDigit(name.utf8.first ?? 0) { name = "label_" + name }
      if name == "le" || name == "quantile" { name = "label_" + name }
      name = String(name.prefix(MetricName.lengthMax))
      return seen.insert(name).inserted ? (name, dimension.1) : nil
    }.sorted { $0.0 < $1.0 }
  }

  /// Lower-case words of letters and digits, camel case taken apart.
  private static func words(_ label: String) -> [String] {
    var words: [String] = []
    var current = ""
    var wasLower = false
    for scalar in label.unicodeScalars {
      let isUpper = ("A"..."Z").contains(scalar)
      let isLower = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      if !current.isEmpty, isUpper && wasLower || !isUpper && !isLower {
        words.append(current)
        current = ""
      }
      if isUpper || isLower { current += String(scalar).lowercased() }
      wasLower = isLower
    }
    return current.isEmpty ? words : words + [current]
  }
}
