/// A comma-separated header of values with parameters and qualities, as Accept and Accept-Encoding (RFC 9110, 12.4).
enum HeaderList {
  static let bytesMax = 8_192
  static let elementsMax = 64

  struct Element {
    /// In lower case.
    var value: String
    /// Names in lower case, without `q`.
    var parameters: [String: String] = [:]
    /// From 0 to 1; a malformed one counts as 0, so that what is not understood is not chosen.
    var quality = 1.0
  }

  /// The elements in the order of the header; nothing of a header longer than `bytesMax`.
  static func parse(_ header: String) -> [Element] {
    guard header.utf8.count <= bytesMax else { return [] }
    return split(header, at: ",").prefix(elementsMax).compactMap { text in
      let parts = split(text, at: ";")
      guard let first = parts.first, !first.isEmpty else { return nil }
      var element = Element(value: first.lowercased())
      for part in parts.dropFirst() {
        let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2 else { continue }
        let name = trim(pair[0]).lowercased()
        let value = unquote(trim(pair[1]))
        if name == "q" {
          element.quality = Double(value).flatMap { (0...1).contains($0) ? $0 : nil } ?? 0
        } else {
          element.parameters[name] = value
        }
      }
      return element
    }
  }

  /// Splits outside quotes and trims.
  private static func split(_ text: String, at separator: Character) -> [String] {
    var parts: [String] = []
    var current = ""
    var quoted = false
    var escaped = false
    for character in text {
      if escaped {
        escaped = false
      } else if quoted, character == "\\" {
        escaped = true
      } else if character == "\"" {
        quoted.toggle()
      } else if character == separator, !quoted {
        parts.append(trim(current))
        current = ""
        continue
      }
      current.append(character)
    }
    parts.append(trim(current))
    return parts
  }

  private static func trim(_ text: some StringProtocol) -> String {
    let isSpace = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }

  private static func unquote(_ text: String) -> String {
    guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
    var result = ""
    var escaped = false
    for character in text.dropFirst().dropLast() {
      if !escaped, character == "\\" {
        escaped = true
      } else {
        result.append(character)
        escaped = false
      }
    }
    return result
  }
}
