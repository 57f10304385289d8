import Foundation

/// The metrics that the rooms declare, read from the source of every `…Metrics.swift`.
struct MetricCatalog {
  enum Kind: String { case counter, gauge, histogram, info, stateSet }

  struct Declaration {
    let name: String
    let kind: Kind?
    /// nil when the source does not spell the label names out.
    let labels: [String]?
    let file: Repository.File
  }

  let declarations: [String: Declaration]

  init() throws {
    var found: [String: Declaration] = [:]
    for file in Repository.files(under: "Sources", suffixes: ["Metrics.swift"]) {
      let text = try file.text()
      for name in Self.literals(in: text) {
        found[name] = Declaration(name: name, kind: nil, labels: nil, file: file)
      }
      for declaration in Self.declarations(in: text, of: file) { found[declaration.name] = declaration }
    }
    declarations = found
  }

  /// The metric that a series name belongs to: itself, or the histogram whose bucket, sum or count it is.
  func declaration(ofSeries name: String) -> Declaration? {
    if let exact = declarations[name] { return exact }
    for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
      if let base = declarations[String(name.dropLast(suffix.count))], base.kind == .histogram || base.kind == nil {
        return base
      }
    }
    return nil
  }

  /// Calls of the form `.counter("name", …, labels: ["a", "b"])`.
  static func declarations(in text: String, of file: Repository.File) -> [Declaration] {
    text.matches(of: #/\.(counter|gauge|histogram|info|stateSet)\(\s*"([a-zA-Z_:][a-zA-Z0-9_:]*)"/#).map { match in
      let arguments = text[match.range.upperBound...].prefixOfCall()
      let labels = arguments.firstMatch(of: #/labels:\s*\[\s*("[^\]]*)?\]/#).map { found in
        (found.output.1 ?? "").split(separator: ",").map {
          $0.trimmingCharacters(in: CharacterSet(charactersIn: "\" \n"))
        }
      }
      let isSpeltOut = labels != nil || !arguments.contains("labels:")
      let kind = Kind(rawValue: String(match.output.1))
      return Declaration(
        name: String(match.output.2), kind: kind,
        labels: isSpeltOut && kind != .info ? labels ?? [] : labels, file: file)
    }
  }

  private static func literals(in text: String) -> [String] {
    text.matches(of: #/"(frame_[a-z0-9_]+)"/#).map { String($0.output.1) }
  }
}

extension Substring {
  /// Up to the parenthesis that closes the call that is already open.
  fileprivate func prefixOfCall() -> Substring {
    var depth = 1
    return prefix { character in
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      return depth > 0
    }
  }
}

/// Series that are not ours to declare.
enum ForeignMetrics {
  static func contains(_ name: String) -> Bool {
    ["up", "scrape_duration_seconds", "ALERTS"].contains(name)
      || ["process_", "promhttp_", "swift_", "prometheus_"].contains(where: name.hasPrefix)
  }
}

extension MetricCatalog {
  /// Labels that Prometheus adds, or that every series of a kind has.
  private static let common: Set = [
    "job", "instance", "frame", "le", "__name__", "alertname", "alertstate", "severity",
  ]

  /// What is wrong with the series that `expression` reads: undeclared names, and matchers on labels they do not have.
  func problems(in expression: String, records: Set<String>) -> [String] {
    PromQL(expression).selectors.flatMap { selector -> [String] in
      if selector.metric.isEmpty || records.contains(selector.metric) || ForeignMetrics.contains(selector.metric) {
        return []
      }
      guard let declaration = declaration(ofSeries: selector.metric) else {
        return ["\(selector.metric) is declared in no …Metrics.swift"]
      }
      guard var labels = declaration.labels.map(Set.init) else { return [] }
      if declaration.kind == .stateSet { labels.insert(declaration.name) }
      return selector.matchers.map(\.label)
        .filter { !labels.contains($0) && !Self.common.contains($0) }
        .map { "\(selector.metric) has no label \($0) (\(declaration.file))" }
    }
  }
}
