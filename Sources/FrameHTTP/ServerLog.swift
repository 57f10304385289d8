package import Logging

/// Takes the lines of the HTTP server's library: what is no news at a stop is told at `debug`, and its errors are told in our words.
struct ServerLogHandler: LogHandler {
  private var inner: any LogHandler

  init(_ inner: any LogHandler) { self.inner = inner }

  var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }
  var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue }
  }
  var metadataProvider: Logger.MetadataProvider? {
    get { inner.metadataProvider }
    set { inner.metadataProvider = newValue }
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    guard let (level, text, cause) = Self.words(for: event.message.description) else { return inner.log(event: event) }
    guard level >= logLevel else { return }
    var told = event
    told.level = level
    told.message = "\(text)"
    if let cause { told.metadata = (event.metadata ?? [:]).merging(["error": "\(cause)"]) { $1 } }
    inner.log(event: told)
  }

  /// - Returns: nil for a line that is right as it is.
  private static func words(for line: String) -> (level: Logger.Level, text: String, cause: Substring?)? {
    for (prefix, text) in [
      ("Waiting on child channel: ", "The listener was closed"), ("Server shutdown error: ", "The listener was closed"),
    ] {
      guard line.hasPrefix(prefix) else { continue }
      let cause = line.dropFirst(prefix.count)
      // Both happen when a stop has waited long enough for whoever is connected, and ends them.
      let isStop = cause.hasPrefix("CancellationError") || cause == "Already closed"
      return isStop ? (.debug, text, nil) : (.error, "The listener failed", cause)
    }
    return nil
  }
}

extension Logger {
  /// The same logger for the HTTP server's library.
  package func forServer() -> Logger {
    let handler = handler
    return Logger(label: label) { _ in ServerLogHandler(handler) }
  }
}
