import FrameMetrics
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

@Suite("Shutdown of the listeners")
struct ListenerShutdownTests {
  /// Serves until it is cancelled: a client holds its connection open.
  private final class Held: Service {

    let ending = Mutex("")
    private let endsWhenTold: Bool

    init(endsWhenTold: Bool) { self.endsWhenTold = endsWhenTold }

    func run() async throws {

      do {
        if endsWhenTold {
          try await gracefulShutdown()
        } else {
          try await Task.sleep(for: .seconds(3600))
        }
        ending.withLock { $0 = "told" }
      } catch {
        ending.withLock { $0 = "cancelled" }
        throw error
      }
    }
  }

  private func shutDown(_ held: Held, grace: Duration) async throws {
    let readiness = Readiness(["held"], gauge: MetricRegistry().gauge("ready", help: "Ready."))
    let (bound, ready) = AsyncStream.makeStream(of: Void.self)
    var listener = ListenerService(
      name: "held", listener: .init(host: "127.0.0.1", port: 1), readiness: readiness, service: held,
      bound: { ready.yield() })
    listener.grace = grace
    let group = ServiceGroup(services: [listener], logger: Logger(label: "test"))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      for await _ in bound { break }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(readiness.reasons == ["held"])
  }

  @Test("a connection that a client never ends does not keep the node from stopping, and stopping is no failure")
  func overdue() async throws {
    let held = Held(endsWhenTold: false)
    try await shutDown(held, grace: .milliseconds(20))
    #expect(held.ending.withLock { $0 } == "cancelled")
  }

  @Test("a listener that ends by itself is not cancelled")
  func inTime() async throws {
    let held = Held(endsWhenTold: true)
    try await shutDown(held, grace: .seconds(600))
    #expect(held.ending.withLock { $0 } == "told")
  }
}
