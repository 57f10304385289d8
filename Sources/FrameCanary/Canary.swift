import FrameCore
import FrameMetrics
import Logging
import ServiceLifecycle

/// The synthetic client of one frame: for every established peer it moves a tiny amount over both backends, at once when
/// the treaty is established and then every interval, through its node's public API.
///
/// Both frames of a treaty do the same towards each other, so a round is net zero; the money sits in the agents `canary`
/// of the two frames, inside every conservation check and outside the business figures.
package struct Canary: Service {
  private let configuration: CanaryConfiguration
  private let host: CanaryHost
  private let api: any CanaryAPI
  private let metrics: CanaryMetrics
  private let clock: any FrameClock
  private let randomness: Randomness
  private let logger: Logger

  /// What the canary draws at random, injected so that tests own it.
  package struct Randomness: Sendable {
    /// 0 to 1.
    package let jitter: @Sendable () -> Double
    /// A new idempotency key.
    package let key: @Sendable () -> String

    package init(jitter: @escaping @Sendable () -> Double, key: @escaping @Sendable () -> String) {
      self.jitter = jitter
      self.key = key
    }

    package static let system = Randomness(
      jitter: { Double.random(in: 0...1) },
      key: {
        "canary-" + String(UInt64.random(in: 0 ... .max), radix: 36) + String(UInt64.random(in: 0 ... .max), radix: 36)
      })
  }

  package init(
    configuration: CanaryConfiguration, host: CanaryHost, api: any CanaryAPI, metrics: CanaryMetrics,
    clock: any FrameClock = SystemClock(), randomness: Randomness = .system, logger: Logger
  ) {
    self.configuration = configuration
    self.host = host
    self.api = api
    self.metrics = metrics
    self.clock = clock
    self.randomness = randomness
    self.logger = logger
  }

  /// Until cancelled or gracefully shut down.
  package func run() async throws {
    try? await cancelWhenGracefulShutdown {
      try await settleIn()
      try await watchPeers()
    }
  }

  /// Makes our own agent exist before anything else: the peer's canary sends to it as soon as there is a treaty.
  private func settleIn() async throws {
    while true {
      do { return try await host.ensureFunds(.zero) } catch {
        try await clock.sleep(for: configuration.peerPollInterval)
      }
    }
  }

  /// Starts a loop for every peer that becomes established and stops the loop of one that no longer is.
  private func watchPeers() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      var running: [CanaryPeer: Cancellation] = [:]
      defer { group.cancelAll() }
      while !Task.isCancelled {
        // The list cannot be read while the node starts or stops: then nothing changes until the next look.
        if let peers = try? await host.peers() {
          for (peer, cancellation) in running where !peers.contains(peer) {
            cancellation.cancel()
            running[peer] = nil
          }
          for peer in peers where running[peer] == nil {
            let cancellation = Cancellation()
            running[peer] = cancellation
            metrics.introduce(peer.frame.name, backends: peer.backends)
            group.addTask {
              await cancellation.run { await serve(peer) }
              // After its last probe, so that none of them brings the series back.
              metrics.dismiss(peer.frame.name)
            }
          }
        }
        try await clock.sleep(for: configuration.peerPollInterval)
      }
    }
  }

  /// Rounds with one peer, the first at once.
  private func serve(_ peer: CanaryPeer) async {
    var grid = TickGrid(start: clock.steady(), interval: configuration.interval)
    var round = Round(
      peer: peer, configuration: configuration, host: host, api: api, metrics: metrics, clock: clock,
      randomness: randomness, logger: logger)
    if await !round.run() {
      // The other side of a young treaty, or a peer that starts at the same time, may need a moment more.
      do { try await clock.sleep(for: configuration.secondChance) } catch { return }
      await round.run()
    }
    while true {
      let now = clock.steady()
      let (skipped, due) = grid.advance(after: now, jitter: randomness.jitter())
      metrics.skippedTicks.increment(by: Int(skipped))
      do { try await clock.sleep(for: due - now) } catch { return }
      await round.run()
    }
  }
}
