/// A small strict reader of both text formats, for tests: it fails on what the formats forbid and what no stock tool
/// checks, duplicates above all.
struct ExpositionParser {
  struct Sample: Equatable {
    let name: String
    /// Sorted by name, as two orders of the same labels are the same series.
    let labels: [[String]]
    let value: String

    var identity: String { name + "\u{0}" + labels.map { $0.joined(separator: "\u{1}") }.joined(separator: "\u{2}") }

    subscript(_ label: String) -> String? { labels.first { $0[0] == label }?[1] }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private(set) var samples: [Sample] = []
  private(set) var types: [String: String] = [:]
  private(set) var helps: [String: String] = [:]
  private(set) var units: [String: String] = [:]
  /// Family names in order.
  private(set) var families: [String] = []

  init(_ body: [UInt8], openMetrics: Bool) throws {
    guard let text = String(validating: body, as: UTF8.self) else { throw Failure(description: "not UTF-8") }
    guard !text.contains("\r") else { throw Failure(description: "carriage return") }
    guard text.hasSuffix("\n") else { throw Failure(description: "no line feed at the end") }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    if openMetrics {
      guard lines.popLast() == "# EOF" else { throw Failure(description: "no EOF") }
    }
    var seen = Set<String>()
    var current = ""
    for line in lines {
      guard !line.isEmpty else { throw Failure(description: "empty line") }
      if line.hasPrefix("# ") {
        let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { throw Failure(description: "short comment: \(line)") }
        switch parts[1] {
        case "TYPE":
          guard types[parts[2]] == nil else { throw Failure(description: "family twice: \(line)") }
          current = parts[2]
          families.append(current)
          types[current] = parts[3]
        case "HELP":
          guard parts[2] == current else { throw Failure(description: "HELP outside its group: \(line)") }
          helps[current] = parts[3]
        case "UNIT":
          guard parts[2] == current, openMetrics, current.hasSuffix("_" + parts[3]) else {
            throw Failure(description: "bad UNIT: \(line)")
          }
          units[current] = parts[3]
        default: throw Failure(description: "unknown comment: \(line)")
        }
        continue
      }
      let sample = try Self.sample(line)
      guard Self.belongs(sample.name, to: current, types[current] ?? "", openMetrics) else {
        throw Failure(description: "\(sample.name) is not of family \(current)")
      }
      guard seen.insert(sample.identity).inserted else { throw Failure(description: "duplicate: \(line)") }
      samples.append(sample)
    }
  }

  func value(_ name: String, _ labels: [String: String] = [:]) -> String? {
    samples.first { sample in
      sample.name == name && sample.labels.count == labels.count && labels.allSatisfy { sample[$0.key] == $0.value }
    }?.value
  }

  private static func belongs(_ name: String, to family: String, _ type: String, _ openMetrics: Bool) -> Bool {
    switch type {
    case "histogram": ["_bucket", "_sum", "_count"].contains { name == family + $0 }
    case "counter" where openMetrics: name == family + "_total"
    case "info" where openMetrics: name == family + "_info"
    default: name == family
    }
  }

  /// Works on scalars throughout: a combining character may follow any delimiter.
  private static func sample(_ line: String) throws -> Sample {
    var rest = line.unicodeScalars[...]
    func take(until stops: Set<Unicode.Scalar>) -> String {
      let taken = rest.prefix { !stops.contains($0) }
      rest = rest.dropFirst(taken.count)
      return String(taken)
    }
    let name = take(until: ["{", " "])
    var labels: [[String]] = []
    if rest.first == "{" {
      rest.removeFirst()
      while rest.first != "}" {
        let label = take(until: ["="])
        guard rest.starts(with: "=\"".unicodeScalars) else { throw Failure(description: "bad label: \(line)") }
        rest.removeFirst(2)
        labels.append([label, try value(&rest, line)])
        if rest.first == "," { rest.removeFirst() }
      }
      rest.removeFirst()
    }
    guard rest.popFirst() == " " else { throw Failure(description: "no value: \(line)") }
    let value = take(until: [" "])
    guard Double(value) != nil, Set(labels.map { $0[0] }).count == labels.count else {
      throw Failure(description: "bad value or label twice: \(line)")
    }
    return Sample(name: name, labels: labels.sorted { $0[0] < $1[0] }, value: value)
  }

  /// Reads an escaped label value and its closing quote.
  private static func value(_ rest: inout Substring.UnicodeScalarView, _ line: String) throws -> String {
    var value = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\"": return String(value)
      case "\\":
        switch rest.popFirst() {
        case "n": value.append("\n")
        case "\\": value.append("\\")
        case "\"": value.append("\"")
        default: throw Failure(description: "bad escape: \(line)")
        }
      default: value.append(scalar)
      }
    }
    throw Failure(description: "unterminated value: \(line)")
  }
}
