import ServiceLifecycle
import Synchronization

/// Which services have not ended yet, and which other step is under way, so that a stop that takes too long can say what it waits for.
///
/// Whatever is waited for between the beginning of a node and its end goes through here.
final class RunningServices: Sendable {
  private struct State {
    var next = 0
    var running: [Int: String] = [:]
  }
  private let state = Mutex(State())

  /// In order of their start.
  var names: [String] { state.withLock { $0.running.sorted { $0.key < $1.key }.map(\.value) } }

  func watching(_ service: any Service, as name: String? = nil) -> any Service {
    let name = name ?? (service as? ListenerService)?.name ?? "\(type(of: service))"
    return Watched(name: name, service: service, running: self)
  }

  /// - Parameter name: of a step, as a person is told that it is still under way.
  func during<Result>(
    _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
  ) async rethrows -> Result {
    let number = enter(name)
    defer { leave(number) }
    return try await body()
  }

  private func enter(_ name: String) -> Int {
    state.withLock { state in
      state.next += 1
      state.running[state.next] = name
      return state.next
    }
  }

  private func leave(_ number: Int) { state.withLock { $0.running[number] = nil } }

  private struct Watched: Service {
    let name: String
    let service: any Service
    let running: RunningServices

    func run() async throws { try await running.during(name) { try await service.run() } }
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
