package import FrameCore
package import FrameTreaty
package import FrameEvents
internal import FrameProtos
package import Logging
internal import ServiceLifecycle
import Synchronization

/// What a caller asks for.
package struct TransferRequest: Sendable, Equatable {
  package let from: AgentName
  package let to: AgentAddress
  /// Minor units of this frame's native asset.
  package let amount: Amount
  package let memo: String

  package init(from: AgentName, to: AgentAddress, amount: Amount, memo: String) {
    self.from = from
    self.to = to
    self.amount = amount
    self.memo = memo
  }
}

/// Cross-registry transfers that start here: makes them, drives 2pc to its end, and asks for ever about what is in doubt.
///
/// The first attempt of a 2pc transfer runs while the caller waits; whatever that leaves open is found in the log and
/// taken up by a loop of its own for each peer, which is also all that a restart needs.
package final class TransferCoordinator: Service {
  private let frame: FrameID
  private let native: Asset
  private let writer: any SettlementWriter
  private let peers: any PeerCalling
  private let clock: any FrameClock
  private let metrics: SettlementMetrics
  private let logger: Logger
  private let waiters = OutcomeWaiters()
  /// Transfers that a task of this process is driving.
  private let driving = Mutex<Set<String>>([])
  /// Transfers that a task of this process pursues because a caller waits.
  private let pursued = Mutex<Set<String>>([])
  /// Peers whose in-doubt transfers are being asked about.
  private let resolving = Mutex<Set<FrameID>>([])
  /// Peers whose series exist.
  private let prepared = Mutex<Set<FrameID>>([])
  /// Transfers that callers wait for, on their way to a task of the service.
  private let starts: AsyncStream<Start>
  private let start: AsyncStream<Start>.Continuation

  /// A transfer, and the log of its destination that it is with.
  private struct Start: Sendable {
    let transfer: Transfer
    let log: PeerLog?
    /// Not with a log that its destination has lost, whose heir is not asked.
    let isPresent: Bool
  }

  package init(
    frame: FrameID, native: Asset, writer: any SettlementWriter, peers: any PeerCalling, clock: any FrameClock,
    metrics: SettlementMetrics, logger: Logger
  ) {
    self.frame = frame
    self.native = native
    self.writer = writer
    self.peers = peers
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    (starts, start) = AsyncStream.makeStream(of: Start.self)
  }

  // MARK: Callers

  /// Makes a transfer, or finds the one that the same key made before.
  ///
  /// - Parameters:
  ///   - actor: the paying agent.
  ///   - key: the caller's key; the transfer's id follows from it.
  ///   - wait: how long to wait for the outcome of a 2pc transfer.
  /// - Returns: async: pending, once the debit is durable. 2pc: completed or refused, or pending when the outcome is not
  ///   known within `wait`; it will be, without the caller doing anything.
  /// - Throws: `SettlementError`, `FederationError`, `LogError`: nothing was debited.
  package func transfer(
    _ request: TransferRequest, backend: TransferBackend, key: IdempotencyKey, actor: SPIFFEID,
    wait: Duration = SettlementLimits.callerWait
  ) async throws -> TransferReceipt {
    let began = clock.steady()
    let id = TransferTerms.id(for: key)
    let terms = try TransferTerms(
      id: id, from: AgentAddress(name: request.from, frame: frame), to: request.to, asset: native,
      amount: request.amount, memo: request.memo)
    let command: SettlementCommand =
      switch backend {
      case .twoPhase: .lock(terms, deadline: clock.now() + SettlementLimits.lockDeadline)
      case .async: .initiate(terms)
      }
    let (committed, opened) = try await writer.submit(command, actor: actor, key: key) { state in
      state.outgoing(id).map {
        Start(transfer: $0, log: state.log(of: $0.peer), isPresent: state.isPresent(id, $0.peer))
      }
    }
    guard let opened else { throw SettlementError.unknownTransfer(id) }
    if !committed.replayed {
      metrics.count(committed.events)
      metrics.observe(backend, .lock, clock.steady() - began)
    }
    var transfer = opened.transfer
    if backend == .twoPhase, transfer.phase.isOpen {
      let outcome = waiters.register(id)
      // Also for a repeat of the command: whoever repeats it wants to know now, not when the next try is due.
      if opened.isPresent, pursued.withLock({ $0.insert(id).inserted }) { start.yield(opened) }
      if let decided = await self.outcome(outcome, atMost: wait) {
        transfer = decided
      } else {
        // It may have been decided between the look at it and the registration.
        transfer = try await receipt(id).transfer
      }
      if !committed.replayed, !transfer.phase.isOpen { metrics.observe(.twoPhase, .total, clock.steady() - began) }
    }
    return TransferReceipt(transfer, replayed: committed.replayed)
  }

  /// What is on record of a transfer that started here.
  /// - Throws: `SettlementError.unknownTransfer`.
  package func receipt(_ id: String, replayed: Bool = false) async throws -> TransferReceipt {
    try await writer.read { state in
      guard let transfer = state.outgoing(id) else { throw SettlementError.unknownTransfer(id) }
      return TransferReceipt(transfer, replayed: replayed)
    }
  }

  private func outcome(_ outcome: AsyncStream<Transfer>, atMost: Duration) async -> Transfer? {
    let clock = clock
    return await withTaskGroup(of: Transfer?.self) { group in
      group.addTask { await outcome.first { _ in true } }
      group.addTask {
        try? await clock.sleep(for: atMost)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }

  /// Told what the projection brought about: counts it, and publishes how long async transfers took.
  package func observe(_ events: some Collection<RecordedEvent> & Sendable) async {
    metrics.count(events)
    let closed: [(id: String, at: FrameTime)] = events.compactMap { recorded in
      switch recorded.event.payload {
      case .crossFrameTransferSettled(let p) where p.terms.origin == frame.name: (p.terms.transferID, recorded.clock)
      case .crossFrameTransferCompensated(let p): (p.terms.transferID, recorded.clock)
      default: nil
      }
    }
    guard !closed.isEmpty else { return }
    let took = try? await writer.read { state in
      closed.compactMap { closed in state.outgoing(closed.id).map { closed.at - $0.openedAt } }
    }
    for duration in took ?? [] {
      metrics.observe(.async, .settle, duration)
      metrics.observe(.async, .total, duration)
    }
  }

  // MARK: Service

  /// Drives new transfers and resolves those in doubt until the task is cancelled or the node shuts down.
  package func run() async throws {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask {
          await withDiscardingTaskGroup { drives in
            for await start in self.starts { drives.addTask { await self.pursue(start.transfer, start.log) } }
            drives.cancelAll()
          }
        }
        group.addTask {
          await withDiscardingTaskGroup { resolvers in
            while !Task.isCancelled {
              await self.tick(&resolvers)
              guard (try? await self.clock.sleep(for: .milliseconds(250))) != nil else { break }
            }
            resolvers.cancelAll()
          }
        }
      }
    }
  }

  private func tick(_ resolvers: inout DiscardingTaskGroup) async {
    let now = clock.now()
    let summary = try? await writer.read { SettlementSummary($0, now: now) }
    guard let summary else { return }
    for peer in summary.peers.keys where prepared.withLock({ $0.insert(peer).inserted }) { metrics.prepare(peer) }
    summary.publish(metrics)
    await giveBack(summary.toGiveBack.prefix(SettlementLimits.giveBackBatchMax))
    for peer in summary.unresolved where resolving.withLock({ $0.insert(peer).inserted }) {
      resolvers.addTask {
        await self.resolve(peer)
        _ = self.resolving.withLock { $0.remove(peer) }
      }
    }
  }

  /// What was under way towards a log that operators have decided about goes back to its senders.
  private func giveBack(_ items: some Collection<(log: PeerLog, id: String)>) async {
    for item in items {
      do {
        let (committed, transfer) = try await writer.submit(
          derived: .giveBack(transferID: item.id, log: item.log), actor: .node(of: frame)
        ) { $0.outgoing(item.id) }
        guard !committed.replayed else { continue }
        metrics.count(committed.events)
        if let transfer { waiters.tell(transfer) }
      } catch {
        logger.error(
          "A transfer to a former log cannot be given back",
          metadata: ["transfer": "\(item.id)", "log": "\(item.log)", "error": "\(error.report)"])
      }
    }
  }

  /// Asks about everything in doubt at one peer until nothing is, pausing longer and longer while it does not answer.
  /// One silent peer delays no other.
  private func resolve(_ peer: FrameID) async {
    var failures = 0
    while !Task.isCancelled {
      let isConcluded = await conclude(peer)
      // Both in one look: they are with that log.
      let found = try? await writer.read { ($0.openTransfers(to: peer, backend: .twoPhase), $0.log(of: peer)) }
      let (open, log) = found ?? ([], nil)
      let idle = driving.withLock { driving in open.filter { !driving.contains($0.id) } }
      guard !idle.isEmpty || !isConcluded else { return }
      // One finds out whether the peer answers at all, the oldest first and then another each time: one that cannot be
      // resolved now must not hold up those that can.
      if !idle.isEmpty {
        let scout = idle[failures % idle.count]
        guard claim(scout.id) else { return }
        if await drive(scout, log) {
          failures = 0
          let others = idle.filter { $0.id != scout.id }.prefix(SettlementLimits.resolverConcurrencyMax)
          await withTaskGroup(of: Void.self) { group in
            for transfer in others where claim(transfer.id) { group.addTask { await self.drive(transfer, log) } }
          }
          continue
        }
      }
      failures += 1
      let delay = SettlementLimits.retryDelayMin * (1 << min(failures - 1, 12))
      let pause = min(delay, SettlementLimits.retryDelayMax)
      guard (try? await peers.pause(peer, for: pause, clock: clock)) != nil else { return }
    }
  }

  /// async, after the treaty has ended: asks for the outcomes that no stream will bring, oldest first, until the peer does
  /// not answer.
  /// - Returns: whether nothing is left to ask.
  private func conclude(_ peer: FrameID) async -> Bool {
    let found = try? await writer.read { state in
      (state.ended.contains(peer) ? state.openTransfers(to: peer, backend: .async) : [], state.log(of: peer))
    }
    let (open, log) = found ?? ([], nil)
    for transfer in open {
      let answer = await ask(transfer) { try await $0.resolve(peer, transferID: transfer.id, of: log, timeout: $1) }
      guard case .decided(let decision) = answer else { return false }
      do {
        let committed = try await writer.submit(
          derived: .conclude(transferID: transfer.id, peer: peer, decision), actor: .node(of: frame)
        ) { _ in }.committed
        if !committed.replayed { await observe(committed.events) }
      } catch {
        logger.error(
          "an outcome cannot be recorded", metadata: ["transfer": "\(transfer.id)", "error": "\(error.report)"])
        return false
      }
    }
    return true
  }

  // MARK: One transfer

  /// Drives a transfer that a caller waits for, and again after short pauses as long as one waits; then it is the resolver's.
  private func pursue(_ transfer: Transfer, _ log: PeerLog?) async {
    let id = transfer.id
    defer { _ = pursued.withLock { $0.remove(id) } }
    var delay = SettlementLimits.nudgeDelay
    for _ in 0...SettlementLimits.nudgesMax {
      if claim(id), await drive(transfer, log) { return }
      guard waiters.isAwaited(id) else { return }
      peers.hurry(transfer.peer)
      guard (try? await peers.pause(transfer.peer, for: delay, clock: clock)) != nil else { return }
      delay = delay * 2
    }
  }

  /// Makes the caller the only one that drives a transfer, until ``drive(_:)`` is done with it.
  private func claim(_ id: String) -> Bool { driving.withLock { $0.insert(id).inserted } }

  /// Carries out the machine's actions until it is finished, or wants to pause. The transfer is claimed.
  ///
  /// It may have been decided since it was looked at: the destination then says the same again, and our log too.
  /// - Returns: whether it is finished.
  @discardableResult
  private func drive(_ transfer: Transfer, _ log: PeerLog?) async -> Bool {
    let id = transfer.id
    defer { _ = driving.withLock { $0.remove(id) } }
    guard var machine = TwoPhaseMachine(transfer) else { return true }
    var decided: Transfer?
    var action = machine.handle(.start, now: clock.now())
    while !Task.isCancelled {
      let input: TwoPhaseMachine.Input
      switch action {
      case .wait:
        if let contradiction = machine.contradiction {
          metrics.unanswered.with(transfer.peer.name, contradiction.code).increment()
          logger.error("peer contradicts a transfer", metadata: ["error": "\(contradiction)"])
        }
        return false
      case .finished:
        if let decided { waiters.tell(decided) }
        return true
      case .askCredit(let terms):
        let asked = clock.steady()
        input = await ask(transfer) { try await $0.credit(transfer.peer, terms.message, of: log, timeout: $1) }
        if case .decided = input { metrics.observe(.twoPhase, .credit, clock.steady() - asked) }
      case .askOutcome(let id):
        input = await ask(transfer) { try await $0.resolve(transfer.peer, transferID: id, of: log, timeout: $1) }
      case .commit(let credited, let position):
        let began = clock.steady()
        (input, decided) = await record(
          .commit(transferID: id, peer: transfer.peer, creditedAmount: credited, peerPosition: position), transfer)
        metrics.observe(.twoPhase, .commit, clock.steady() - began)
      case .abort(let reason):
        (input, decided) = await record(.abort(transferID: id, peer: transfer.peer, reason: reason), transfer)
      }
      action = machine.handle(input, now: clock.now())
    }
    return false
  }

  private func ask(
    _ transfer: Transfer, _ call: (any PeerCalling, Duration) async throws -> PBTransferDecision
  ) async -> TwoPhaseMachine.Input {
    do {
      return .decided(try await call(peers, SettlementLimits.callTimeout))
    } catch {
      // Also when the peer refused the call: only a decision is a decision.
      let code = (error as? any FrameError)?.code ?? "failed"
      metrics.unanswered.with(transfer.peer.name, code).increment()
      // That a peer does not answer is told once, by its channel.
      let isSilent = (error as? PeerCallError)?.isOutcomeUnknown ?? false
      logger.log(
        level: isSilent ? .debug : .info,
        "no decision yet", metadata: ["transfer": "\(transfer.id)", "peer": "\(transfer.peer)", "reason": "\(code)"])
      return .unknown
    }
  }

  private func record(
    _ command: SettlementCommand, _ transfer: Transfer
  ) async -> (TwoPhaseMachine.Input, decided: Transfer?) {
    do {
      let (committed, closed) = try await writer.submit(derived: command, actor: .node(of: frame)) {
        $0.outgoing(transfer.id)
      }
      if !committed.replayed { metrics.count(committed.events) }
      return (.recorded, closed)
    } catch {
      logger.error(
        "an outcome cannot be recorded", metadata: ["transfer": "\(transfer.id)", "error": "\(error.report)"])
      return (.notRecorded, nil)
    }
  }
}
