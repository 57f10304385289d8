import FrameWorkload
import ServiceLifecycle

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
        throw WorkloadError.socket(server.path, why: "\(error)")
      }
      group.cancelAll()
    }
    readiness.notReady("workload")
  }
}
