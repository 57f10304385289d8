import Logging
import Synchronization
import Testing

@testable import FrameHTTP

@Suite("What the HTTP server's library says")
struct ServerLogTests {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private struct Recorder: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let merged = metadata.merging(event.metadata ?? [:]) { $1 }
      let pairs = merged.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      lines.all.withLock { $0.append(([event.level.rawValue, "\(event.message)"] + pairs).joined(separator: " ")) }
    }
  }

  @Test("what belongs to a stop is no error, what is one is told in our words, and the rest as it is")
  func words() {
    for (level, expected) in [
      (
        Logger.Level.info,
        ["error The listener failed error=EMFILE frame=a", "info Server started and listening on x frame=a"]
      ),
      (
        .debug,
        [
          "debug The listener was closed frame=a", "debug The listener was closed frame=a",
          "error The listener failed error=EMFILE frame=a", "info Server started and listening on x frame=a",
        ]
      ),
    ] {
      let lines = Lines()
      var logger = Logger(label: "test") { _ in Recorder(lines: lines, logLevel: level) }
      logger[metadataKey: "frame"] = "a"
      let server = logger.forServer()
      server.error("Waiting on child channel: CancellationError()")
      server.error("Server shutdown error: Already closed")
      server.error("Waiting on child channel: EMFILE")
      server.info("Server started and listening on x")
      #expect(lines.all.withLock { $0 } == expected)
    }
  }
}
