import Dispatch
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// What a node is told by signals, from the first moment of its start on: SIGTERM and SIGINT stop it, SIGHUP has it read frame.yaml again.
///
/// One that comes while nobody listens yet is kept: a stop that is lost leaves a node that its supervisor takes for stopping.
final class ServeSignals: Sendable {
  private struct State {
    var watch: ShutdownWatch?
    var isTold = false
  }

  private let state = Mutex(State())
  private let sources = Mutex<[any DispatchSourceSignal]>([])
  private let stopped: AsyncStream<Void>
  private let stop: AsyncStream<Void>.Continuation
  private let reloads: AsyncStream<Void>
  private let reload: AsyncStream<Void>.Continuation

  /// Takes the signals from the process's default, which would end it.
  init() {
    (stopped, stop) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    (reloads, reload) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    let queue = DispatchQueue(label: "frame.signals")
    let handlers: [(Int32, @Sendable () -> Void)] = [
      (SIGTERM, { [self] in told("SIGTERM") }), (SIGINT, { [self] in told("SIGINT") }),
      (SIGHUP, { [reload] in reload.yield() }),
    ]
    sources.withLock { sources in
      sources = handlers.map { number, handler in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler(handler: handler)
        source.resume()
        return source
      }
    }
  }

  private func told(_ name: String) {
    let (watch, isFirst) = state.withLock { state -> (ShutdownWatch?, Bool) in
      defer { state.isTold = true }
      return (state.watch, !state.isTold)
    }
    if isFirst { Logger(label: "frame").notice("Told to stop", metadata: ["signal": "\(name)"]) }
    guard let watch else {
      // Nothing is served, and the log is read only: there is nothing to end in order.
      StandardStream.flush()
      _exit(0)
    }
    watch.begin()
    stop.yield()
  }

  /// From now on a stop goes through the services, and is bounded by `watch`.
  func serve(_ watch: ShutdownWatch) { state.withLock { $0.watch = watch } }

  func cancel() {
    sources.withLock { sources in
      for source in sources { source.cancel() }
      sources = []
    }
  }

  /// Ends when the process is told to stop, which stops the others.
  struct Stop: Service {
    let signals: ServeSignals
    func run() async throws { for await _ in signals.stopped.cancelOnGracefulShutdown() { return } }
  }

  /// Has `body` run for each SIGHUP.
  struct Reload: Service {
    let signals: ServeSignals
    let body: @Sendable () async -> Void
    func run() async throws { for await _ in signals.reloads.cancelOnGracefulShutdown() { await body() } }
  }
}
