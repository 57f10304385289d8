import FrameCore
import FrameMetrics
import Logging
import Synchronization

/// The rounds with one peer: one probe a backend, side by side, plus another look at what former rounds left unresolved.
struct Round: Sendable {
  let peer: CanaryPeer
  let configuration: CanaryConfiguration
  let host: CanaryHost
  let api: any CanaryAPI
  let metrics: CanaryMetrics
  let clock: any FrameClock
  let randomness: Canary.Randomness
  let logger: Logger
  /// What former rounds could not see the end of, oldest first.
  private(set) var unresolved: [Unresolved] = []
  private let outages = Outages()

  /// Which backends have failed, as people are told of it.
  private final class Outages: Sendable {
    let all = Mutex<[CanaryBackend: Outage]>([:])
  }

  struct Unresolved: Sendable, Equatable {
    let request: CanaryRequest
    let amount: Amount
    /// Nil when the node never answered: then the same request is sent again, which its key makes harmless.
    let transferID: String?
  }

  init(
    peer: CanaryPeer, configuration: CanaryConfiguration, host: CanaryHost, api: any CanaryAPI,
    metrics: CanaryMetrics, clock: any FrameClock, randomness: Canary.Randomness, logger: Logger
  ) {
    self.peer = peer
    self.configuration = configuration
    self.host = host
    self.api = api
    self.metrics = metrics
    self.clock = clock
    self.randomness = randomness
    self.logger = logger
  }

  /// - Returns: whether every probe settled.
  @discardableResult
  mutating func run() async -> Bool {
    await lookAgain()
    let outcomes = await fire()
    for (probe, outcome) in outcomes {
      if case .unresolved(_, _, let id) = outcome {
        unresolved.append(Unresolved(request: probe.request, amount: probe.amount, transferID: id))
      }
    }
    publishStranded()
    let success = outcomes.count == peer.backends.count && outcomes.allSatisfy { $0.1 == .settled }
    metrics.rounds.with(success ? "success" : "failure").increment()
    if success { succeed() }
    return success
  }

  // MARK: - New probes

  private struct Started: Sendable {
    let request: CanaryRequest
    let amount: Amount
  }

  private func fire() async -> [(Started, Probe.Outcome)] {
    let amount = configuration.amount(ours: host.scale, theirs: peer.scale)
    guard unresolved.count < CanaryConfiguration.maximumUnresolved else {
      for backend in peer.backends { fail(backend, .request, .noFunds, "too many unresolved transfers") }
      return []
    }
    do {
      try await host.ensureFunds(Amount(minorUnits: amount.minorUnits * Int64(peer.backends.count)))
    } catch {
      for backend in peer.backends { fail(backend, .request, .noFunds, error.words) }
      return []
    }
    let address: AgentAddress
    do {
      address = AgentAddress(name: try AgentName(CanaryConfiguration.agent), frame: peer.frame)
    } catch {
      for backend in peer.backends { fail(backend, .request, .badResponse, error.words) }
      return []
    }
    return await withTaskGroup(of: (Started, Probe.Outcome).self) { group in
      for backend in peer.backends {
        let started = Started(
          request: CanaryRequest(
            backend: backend, to: address, amount: amount.decimal(scale: host.scale),
            idempotencyKey: randomness.key()),
          amount: amount)
        group.addTask { (started, await probe(started.request)) }
      }
      var results: [(Started, Probe.Outcome)] = []
      for await result in group { results.append(result) }
      return results
    }
  }

  /// Drives one ``Probe`` and publishes what it saw.
  private func probe(_ request: CanaryRequest) async -> Probe.Outcome {
    metrics.inFlight.increment()
    defer { metrics.inFlight.decrement() }
    var probe = Probe()
    let began = clock.steady()
    var action: Probe.Action
    do {
      let receipt = try await api.start(request, timeout: configuration.requestTimeout)
      observe(request.backend, .request, clock.steady() - began)
      action = probe.handle(.receipt(receipt))
    } catch {
      action = probe.handle(.error(error))
    }
    let answered = clock.steady()
    let outcome = await follow(&probe, action, limit: configuration.settleTimeout)
    switch outcome {
    case .settled:
      observe(request.backend, .settle, clock.steady() - answered)
      metrics.transfers.with(peer.frame.name, request.backend.rawValue, "success").increment()
      metrics.lastSuccess.with(peer.frame.name, request.backend.rawValue).set(clock.now().seconds)
    case .failed(let phase, let failure): fail(request.backend, phase, failure, "failed")
    case .unresolved(let phase, let failure, let id): fail(request.backend, phase, failure, id ?? "no answer")
    }
    return outcome
  }

  /// Looks at the transfer with growing pauses until the machine finishes or the limit is reached.
  private func follow(_ probe: inout Probe, _ first: Probe.Action, limit: Duration) async -> Probe.Outcome {
    let deadline = clock.steady() + limit
    var pause = configuration.settlePollMinimum
    var action = first
    while true {
      switch action {
      case .finish(let outcome): return outcome
      case .look(let id):
        let left = deadline - clock.steady()
        guard left > .zero, !Task.isCancelled else {
          action = probe.handle(.limitReached)
          continue
        }
        do { try await clock.sleep(for: min(pause, left)) } catch {
          action = probe.handle(.limitReached)
          continue
        }
        pause = min(pause * 2, configuration.settlePollMaximum)
        do {
          action = probe.handle(.receipt(try await api.look(at: id, timeout: configuration.requestTimeout)))
        } catch {
          action = probe.handle(.error(error))
        }
      }
    }
  }

  // MARK: - Old probes

  /// One more look at each unresolved transfer: whatever has reached an end is forgotten.
  private mutating func lookAgain() async {
    var still: [Unresolved] = []
    for item in unresolved {
      do {
        let receipt =
          if let id = item.transferID {
            try await api.look(at: id, timeout: configuration.requestTimeout)
          } else {
            try await api.start(item.request, timeout: configuration.requestTimeout)
          }
        var probe = Probe(settling: receipt.transferID)
        switch probe.handle(.receipt(receipt)) {
        case .finish(.settled), .finish(.failed): continue
        case .finish(.unresolved), .look: break
        }
        still.append(Unresolved(request: item.request, amount: item.amount, transferID: receipt.transferID))
      } catch {
        // A definite no to a request that was never answered: nothing of it was ever on its way.
        if item.transferID == nil, case .problem = error { continue }
        still.append(item)
      }
    }
    unresolved = still
    publishStranded()
  }

  private func publishStranded() {
    let stranded = unresolved.reduce(Int128(0)) { $0 + Int128($1.amount.minorUnits) }
    metrics.stranded.with(peer.frame.name).set(Int64(clamping: stranded))
  }

  // MARK: - Publishing

  private func observe(_ backend: CanaryBackend, _ phase: CanaryPhase, _ duration: Duration) {
    metrics.phaseDuration.with(peer.frame.name, backend.rawValue, phase.rawValue).observe(duration.inSeconds)
  }

  private func succeed() {
    for backend in peer.backends {
      guard case .back(let after) = outages.all.withLock({ $0[backend]?.succeeded(at: clock.now()) }) else { continue }
      logger.notice(
        "canary transfers settle again",
        metadata: [
          "peer": "\(peer.frame.name)", "backend": "\(backend.rawValue)", "after": "\(after.components.seconds) s",
        ])
    }
  }

  private func fail(_ backend: CanaryBackend, _ phase: CanaryPhase, _ failure: CanaryFailure, _ detail: String) {
    metrics.transfers.with(peer.frame.name, backend.rawValue, "failure").increment()
    metrics.failures.with(peer.frame.name, backend.rawValue, phase.rawValue, failure.rawValue).increment()
    // The metrics count each, and an alert watches them; the peer's own silence is told by its channel.
    let news = outages.all.withLock {
      $0[backend, default: Outage(patience: 1, spread: .zero)].failed(at: clock.now())
    }
    logger.log(
      level: news == nil ? .debug : .notice, "canary transfer failed",
      metadata: [
        "peer": "\(peer.frame.name)", "backend": "\(backend.rawValue)", "phase": "\(phase.rawValue)",
        "reason": "\(failure.rawValue)", "detail": "\(detail)",
      ])
  }
}
