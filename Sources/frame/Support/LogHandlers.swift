import Foundation
import FrameCore
import Logging

/// How a node writes its log.
enum LogFormat: String, CaseIterable, Sendable {
  case text
  case json
}

/// Writes log lines to stderr, as text or one JSON object a line, without waiting for whoever reads them.
struct StderrLogHandler: LogHandler {
  let label: String
  let format: LogFormat
  var logLevel: Logger.Level
  let sink: LineSink
  var metadata: Logger.Metadata = [:]

  init(label: String, format: LogFormat, logLevel: Logger.Level, sink: LineSink) {
    self.label = label
    self.format = format
    self.logLevel = logLevel
    self.sink = sink
  }

  /// The line that says that so many were dropped.
  static func lost(_ count: UInt64, format: LogFormat) -> [UInt8] {
    line(
      format, .warning, "frame.stderr", "Log lines were dropped because nobody read stderr", ["lines": "\(count)"])
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { $1 }
    sink.write(Self.line(format, event.level, label, event.message, merged))
  }

  private static func line(
    _ format: LogFormat, _ logLevel: Logger.Level, _ label: String, _ message: Logger.Message, _ merged: Logger.Metadata
  ) -> [UInt8] {
    let time = SystemClock().now().description
    let line: String
    switch format {
    case .text:
      let pairs = merged.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      let level = logLevel.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
      // What peers, agents and strangers wrote ends up here: a line stays one line, and says nothing it does not show.
      line = Shown("\(time) \(level) \(label): \(message)\(pairs.isEmpty ? "" : " " + pairs)").text
    case .json:
      var object: [String: String] = merged.mapValues { "\($0)" }
      object["time"] = time
      object["level"] = logLevel.rawValue
      object["logger"] = label
      object["message"] = "\(message)"
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      // A dictionary of strings always encodes.
      line = Shown.json((try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}")
    }
    return Array((line + "\n").utf8)
  }
}
