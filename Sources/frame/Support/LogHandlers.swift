import Foundation
import FrameCore
import Logging

/// How a node writes its log.
enum LogFormat: String, CaseIterable, Sendable {
  case text
  case json
}

/// Writes log lines to stderr, as text or one JSON object a line.
struct StderrLogHandler: LogHandler {
  let label: String
  let format: LogFormat
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { $1 }
    let time = SystemClock().now().description
    let line: String
    switch format {
    case .text:
      let pairs = merged.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      let level = event.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
      // What peers, agents and strangers wrote ends up here: a line stays one line, and says nothing it does not show.
      line = Shown("\(time) \(level) \(label): \(event.message)\(pairs.isEmpty ? "" : " " + pairs)").text
    case .json:
      var object: [String: String] = merged.mapValues { "\($0)" }
      object["time"] = time
      object["level"] = event.level.rawValue
      object["logger"] = label
      object["message"] = "\(event.message)"
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      // A dictionary of strings always encodes.
      line = Shown.json((try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}")
    }
    // One write a line, so that lines of several threads never mix.
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
