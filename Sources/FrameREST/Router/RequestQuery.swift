import FrameCore

/// The query of a request, read strictly: each parameter once, and only those that the operation declares.
struct RequestQuery: Sendable {
  private let values: [String: String]

  private static let bytesMax = 8 * 1024

  /// - Parameter known: the parameters that the operation takes.
  /// - Throws: ``RequestError/parameter(_:why:)``.
  init(_ text: String?, known: Set<String>) throws {
    var values: [String: String] = [:]
    let text = text ?? ""
    guard text.utf8.count <= Self.bytesMax else {
      throw RequestError.parameter(String(text.prefix(40)), why: "and the others have more than \(Self.bytesMax) bytes")
    }
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = parts[0].removingPercentEncoding else {
        throw RequestError.parameter(String(parts[0]), why: "is not percent-encoded UTF-8")
      }
      guard known.contains(name) else {
        let hint = NearestName.of(name, in: known).map { "; '\($0)' is known" } ?? ""
        throw RequestError.parameter(name, why: "is unknown here\(hint)")
      }
      guard parts.count == 2, let value = parts[1].removingPercentEncoding, !value.unicodeScalars.contains("\0") else {
        throw RequestError.parameter(name, why: parts.count == 2 ? "is not percent-encoded UTF-8" : "has no value")
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw RequestError.parameter(name, why: "is there twice")
      }
    }
    self.values = values
  }

  subscript(_ name: String) -> String? { values[name] }
}
