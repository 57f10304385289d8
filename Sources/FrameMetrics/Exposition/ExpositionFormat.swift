/// One of the formats in which the registry can be written.
package struct ExpositionFormat: Sendable, Hashable {
  package enum Syntax: Sendable, Hashable {
    /// Prometheus' text format; versions 0.0.4 and 1.0.0 are the same bytes for legacy-valid names.
    case text
    /// OpenMetrics text; Prometheus' version 0.0.1 is the same bytes as 1.0.0.
    case openMetrics
  }

  package let syntax: Syntax
  package let version: String
  /// As the scraper asked; nil if it did not.
  package let escaping: NameEscaping?

  package init(_ syntax: Syntax, version: String, escaping: NameEscaping? = nil) {
    self.syntax = syntax
    self.version = version
    self.escaping = escaping
  }

  package static let text = ExpositionFormat(.text, version: "0.0.4")
  package static let openMetrics = ExpositionFormat(.openMetrics, version: "1.0.0")

  /// The value of Content-Type.
  package var contentType: String {
    let type = syntax == .text ? "text/plain" : "application/openmetrics-text"
    let escaping = escaping.map { "; escaping=\($0.rawValue)" } ?? ""
    return "\(type); version=\(version); charset=utf-8\(escaping)"
  }

  /// The format that suits an Accept header best: the highest `q`, the first named among equals.
  ///
  /// Formats not spoken here (protobuf) are passed over. With no header, or nothing in it that fits, the answer is text
  /// 0.0.4, which every scraper reads: a scrape is never refused over its Accept.
  package static func negotiate(accept: String?) -> ExpositionFormat {
    var best: (quality: Double, format: ExpositionFormat)?
    for range in HeaderList.parse(accept ?? "") where range.quality > 0 {
      guard let format = format(for: range) else { continue }
      if best.map({ range.quality > $0.quality }) ?? true { best = (range.quality, format) }
    }
    return best?.format ?? .text
  }

  private static func format(for range: HeaderList.Element) -> ExpositionFormat? {
    let version = range.parameters["version"]
    let escaping = range.parameters["escaping"].flatMap { NameEscaping(rawValue: $0.lowercased()) }
    switch (range.value, version) {
    case ("application/openmetrics-text", nil), ("application/openmetrics-text", "1.0.0"):
      return ExpositionFormat(.openMetrics, version: "1.0.0", escaping: escaping)
    case ("application/openmetrics-text", "0.0.1"):
      return ExpositionFormat(.openMetrics, version: "0.0.1", escaping: escaping)
    case ("text/plain", nil), ("text/plain", "0.0.4"):
      return ExpositionFormat(.text, version: "0.0.4", escaping: escaping)
    case ("text/plain", "1.0.0"):
      return ExpositionFormat(.text, version: "1.0.0", escaping: escaping)
    case ("text/*", nil), ("*/*", nil):
      return ExpositionFormat(.text, version: "0.0.4", escaping: escaping)
    case ("application/*", nil):
      return ExpositionFormat(.openMetrics, version: "1.0.0", escaping: escaping)
    default:
      return nil
    }
  }
}
