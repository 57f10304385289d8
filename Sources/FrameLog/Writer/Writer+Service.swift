internal import ServiceLifecycle

extension Writer: Service {
  /// Lasts until the node shuts down gracefully and what waits was served. Start it first, so that it is stopped last.
  /// - Throws: `LogError.stopped` when a write failed: the node must not go on without its log.
  package func run() async throws {
    try await withTaskCancellationOrGracefulShutdownHandler {
      if let failure = await failure() { throw failure }
    } onCancelOrGracefulShutdown: {
      self.close()
    }
  }
}
