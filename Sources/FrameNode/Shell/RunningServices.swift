import ServiceLifecycle
import Synchronization

/// Which services have not ended yet, so that a stop that takes too long can say what it waits for.
final class RunningServices: Sendable {
  private struct State {
    var next = 0
    var running: [Int: String] = [:]
  }
  private let state = Mutex(State())

  /// In order of their start.
  var names: [String] { state.withLock { $0.running.sorted { $0.key < $1.key }.map(\.value) } }

  func watching(_ service: any Service) -> any Service {
    let name = (service as? ListenerService)?.name ?? "\(type(of: service))"
    return Watched(name: name, service: service, running: self)
  }

  private struct Watched: Service {
    let name: String
    let service: any Service
    let running: RunningServices

    func run() async throws {
      let number = running.state.withLock { state in
        state.next += 1
        state.running[state.next] = name
        return state.next
      }
      defer { running.state.withLock { $0.running[number] = nil } }
      try await service.run()
    }
  }
}

/// Tells that the services are told to stop.
struct StopNotice: Service {
  let onStop: @Sendable () -> Void

  func run() async {
    // Cancelled or stopped: either way the stop has begun.
    try? await gracefulShutdown()
    onStop()
  }
}
