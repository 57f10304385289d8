import FrameCore
import FrameWorkload
import ServiceLifecycle

/// The agent that gives the node its identity, as a service: the node is ready while what it gave is valid.
struct UpstreamService: Service {
  let upstream: UpstreamIdentity
  let readiness: Readiness
  let part: String

  func run() async throws {
    try await upstream.run { isValid in if isValid { readiness.ready(part) } else { readiness.notReady(part) } }
    readiness.notReady(part)
  }
}

/// The Workload API's socket as a service that reports when it is bound.
struct LocalListenerService: Service {
  let server: WorkloadServer
  let readiness: Readiness

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        // A bind that fails is thrown by the service itself, with its reason.
        if (try? await server.bound()) != nil { readiness.ready("workload") }
      }
      do { try await server.run() } catch let error as WorkloadError { throw error } catch {
        throw WorkloadError.socket(server.path, why: error.words)
      }
      group.cancelAll()
    }
    readiness.notReady("workload")
  }
}
