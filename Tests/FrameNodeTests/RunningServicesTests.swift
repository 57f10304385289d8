import ServiceLifecycle
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("What a stop waits for")
struct RunningServicesTests {
  private struct Failure: Error {}

  private struct Looking: Service {
    let running: RunningServices
    let seen: @Sendable ([String]) -> Void
    func run() async throws { seen(running.names) }
  }

  @Test("steps and services are named while they are under way, in order of their start, however they end")
  func names() async throws {
    let running = RunningServices()
    #expect(running.names.isEmpty)
    try await running.during("founding") {
      #expect(running.names == ["founding"])
      let (stream, continuation) = AsyncStream.makeStream(of: [String].self)
      let looking = Looking(running: running) { continuation.yield($0) }
      try await running.watching(looking).run()
      try await running.watching(looking, as: "another").run()
      continuation.finish()
      var seen: [[String]] = []
      for await names in stream { seen.append(names) }
      #expect(seen == [["founding", "Looking"], ["founding", "another"]])
    }
    await #expect(throws: Failure.self) { try await running.during("failing") { throw Failure() } }
    #expect(running.names.isEmpty)
  }
}
