import FrameTreaty
import FrameCore
import FrameEvents
import FrameLog
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Whom our checkpoints are taken to: a treaty peer, or a witness of the operator's choice.
package protocol CheckpointWitness: Sendable {
  /// For metrics and people.
  var name: String { get }
  var key: CosignatureKey { get }
  /// Whether its bare word that it has seen more of our log than there is counts: the operator chose it for that. A peer must show it.
  var isTrusted: Bool { get }
  /// - Throws: when there is no answer.
  func add(_ body: Data) async throws -> WitnessAnswer
}

extension CheckpointWitness {
  package var isTrusted: Bool { false }
}

/// Our own log, as its courier needs it.
package protocol WitnessedLog: Sendable {
  /// A signed checkpoint of all that is durable.
  func checkpoint() async throws -> SignedCheckpoint
  func consistencyProof(from first: UInt64, to second: UInt64) async throws -> [Data]
}

/// Signs a checkpoint of our log every few seconds while it grows, and has every witness cosign it.
///
/// It also learns whether our log is the newest, and the only one: a witness that holds a larger checkpoint, signed by our own key, shows
/// that an older copy was restored (CONFORMANCE B20), one that holds another checkpoint than our log had shows that there are two
/// histories (B19). Then the node takes nothing more, unless it was told to go on.
package final class CheckpointSubmitter: Service {
  package static let interval: Duration = .seconds(10)
  /// A log that does not grow is cosigned again after this time, so that a witness that is gone is noticed.
  package static let refreshInterval: Duration = .seconds(60)

  private struct Known: Sendable {
    var size: UInt64 = 0
    var at: FrameTime?
  }

  private let log: any WitnessedLog
  private let logKey: LogVerifierKey
  private let witnesses: @Sendable () async throws -> [any CheckpointWitness]
  private let cosignatures: Cosignatures
  private let acceptsFork: Bool
  private let clock: any FrameClock
  private let metrics: WitnessMetrics
  private let logger: Logger
  private let known = Mutex<[String: Known]>([:])
  private let foundBehind = Mutex(false)

  /// A round has found that our log is not the newest or not the only one, or may not be.
  package var isBehind: Bool { foundBehind.withLock { $0 } }

  /// - Parameters:
  ///   - witnesses: those there are now.
  ///   - acceptsFork: serve although the log is behind what a witness holds of it.
  package init(
    log: any WitnessedLog, logKey: LogVerifierKey,
    witnesses: @escaping @Sendable () async throws -> [any CheckpointWitness],
    cosignatures: Cosignatures, acceptsFork: Bool, clock: any FrameClock, metrics: WitnessMetrics, logger: Logger
  ) {
    self.log = log
    self.logKey = logKey
    self.witnesses = witnesses
    self.cosignatures = cosignatures
    self.acceptsFork = acceptsFork
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    metrics.forkAccepted.set(acceptsFork)
  }

  /// - Throws: ``WitnessError``, about our own log.
  package func run() async throws {
    try await cancelWhenGracefulShutdown {
      // A new treaty's witness and a peer that is only just up are not made to wait for a whole interval.
      while !Task.isCancelled {
        _ = try await self.round()
        guard (try? await self.clock.sleep(for: Self.interval)) != nil else { return }
      }
    }
  }

  /// One round: a checkpoint, taken to all witnesses at once; a silent one delays nobody's next round but by its time-out.
  /// - Returns: how many witnesses there are, and how many have cosigned this checkpoint or a later one.
  /// - Throws: ``WitnessError``, about our own log.
  package func round() async throws -> (witnesses: Int, confirmed: Int) {
    let checkpoint: SignedCheckpoint
    let present: [any CheckpointWitness]
    do {
      checkpoint = try await log.checkpoint()
      present = try await witnesses()
    } catch {
      logger.warning("No checkpoint to have cosigned", metadata: ["error": "\(error.report)"])
      return (0, 0)
    }
    forgetAll(but: Set(present.map(\.name)))
    let behind = await withTaskGroup(of: WitnessError?.self) { group in
      for witness in present where isDue(witness.name, checkpoint) {
        group.addTask { await self.submit(checkpoint, to: witness) }
      }
      var worst: WitnessError?
      for await finding in group where finding != nil { worst = finding }
      return worst
    }
    if let behind {
      logger.critical("\(behind.message)", metadata: ["remedy": "\(behind.remedy)", "accepted": "\(acceptsFork)"])
      if !acceptsFork {
        foundBehind.withLock { $0 = true }
        throw behind
      }
    }
    return (
      present.count, known.withLock { known in known.values.count { $0.at != nil && $0.size >= checkpoint.size } }
    )
  }

  private func isDue(_ name: String, _ checkpoint: SignedCheckpoint) -> Bool {
    let known = known.withLock { $0[name] }
    guard let known, let at = known.at, known.size == checkpoint.size else { return true }
    return !at.isWithin(Self.refreshInterval, of: clock.now())
  }

  /// - Returns: the finding that our own log is behind.
  private func submit(_ start: SignedCheckpoint, to witness: any CheckpointWitness) async -> WitnessError? {
    metrics.prepare(witness: witness.name)
    var checkpoint = start
    var old = known.withLock { $0[witness.name]?.size ?? 0 }
    // The first request may learn the witness's size, the second then fits it; the log may grow in between.
    for _ in 0..<3 {
      do {
        let proof = old == 0 ? [] : try await log.consistencyProof(from: old, to: checkpoint.size)
        let answer = try await witness.add(
          CheckpointSubmission(oldSize: old, proof: proof, note: checkpoint.note).body)
        count(witness, answer.result)
        switch answer {
        case .cosigned(let lines):
          let time = try cosignatures.add(lines, to: checkpoint, by: witness.key)
          let cosigned = Known(size: checkpoint.size, at: clock.now())
          known.withLock { $0[witness.name] = cosigned }
          // The time is the witness's word: one in the future would keep its own alert quiet for ever.
          metrics.cosignatureTime.with(witness.name).set(min(Double(time), clock.now().seconds))
          return nil
        case .conflict(let size, let note):
          if size > checkpoint.size {
            // A peer also learns our size from its stream, so that it may know more than this round's checkpoint.
            checkpoint = try await log.checkpoint()
            if size > checkpoint.size { return behind(witness, size, note, checkpoint) }
          }
          if let shown = try? SignedCheckpoint(note: note, key: logKey), shown.size == size,
            try await isOther(shown, than: checkpoint)
          {
            return forked(witness, shown)
          }
          old = size
        case .equivocated(let proof): return try await finding(witness, proof)
        case .malformed(let why), .forbidden(let why), .inconsistent(let why), .failed(let why):
          logger.error(
            "A witness does not cosign our checkpoint",
            metadata: ["witness": "\(witness.name)", "result": "\(answer.result)", "why": "\(why)"])
          return nil
        case .unknownOrigin:
          return nil
        }
      } catch {
        count(witness, Self.result(error))
        logger.debug("A witness did not answer", metadata: ["witness": "\(witness.name)", "error": "\(error.report)"])
        return nil
      }
    }
    return nil
  }

  /// One word for a metric label.
  private static func result(_ error: any Error) -> String {
    switch error {
    case let error as PeerCallError: error.isOutcomeUnknown ? "unavailable" : error.code
    case is WitnessError: "unavailable"
    default: (error as? any FrameError)?.code ?? "failed"
    }
  }

  /// Whoever says that it holds more of our log must show it, signed by our own key; of a witness that the operator chose the number
  /// is enough for a suspicion (decision 0035).
  private func behind(
    _ witness: any CheckpointWitness, _ size: UInt64, _ note: Data, _ checkpoint: SignedCheckpoint
  ) -> WitnessError? {
    let shown = try? SignedCheckpoint(note: note, key: logKey)
    if shown?.size != size, witness.isTrusted {
      metrics.behind.set(Int64(clamping: size - checkpoint.size))
      return .ownLogSuspected(witness: witness.name, claimed: size, size: checkpoint.size)
    }
    guard let shown, shown.size == size else {
      logger.warning(
        "A witness claims to hold more of our log than there is, and does not show it",
        metadata: ["witness": "\(witness.name)", "size": "\(size)"])
      return nil
    }
    metrics.behind.set(Int64(clamping: size - checkpoint.size))
    return .ownLogBehind(witness: witness.name, seen: size, size: checkpoint.size)
  }

  /// Whether our log never had this checkpoint, which our key signed.
  private func isOther(_ shown: SignedCheckpoint, than checkpoint: SignedCheckpoint) async throws -> Bool {
    guard shown.size > 0, shown.size <= checkpoint.size else { return false }
    if shown.size == checkpoint.size { return shown.root != checkpoint.root }
    let proof = try await log.consistencyProof(from: shown.size, to: checkpoint.size)
    return !checkpoint.extends(shown, by: proof)
  }

  private func forked(_ witness: any CheckpointWitness, _ shown: SignedCheckpoint) -> WitnessError {
    metrics.forked.set(true)
    return .ownLogForked(witness: witness.name, size: shown.size)
  }

  /// What a proof that we have two histories says of our log. Two notes of one size speak for themselves; of two sizes each is held
  /// against our log, because nobody signed the consistency proof between them.
  private func finding(
    _ witness: any CheckpointWitness, _ proof: EquivocationProof
  ) async throws -> WitnessError? {
    let notes: [SignedCheckpoint]
    do {
      _ = try proof.verify(key: logKey)
      notes = try [proof.first, proof.second].map { try SignedCheckpoint(note: Data($0.utf8), key: logKey) }
    } catch {
      logger.error(
        "A witness says that our log has two histories, and does not show it",
        metadata: ["witness": "\(witness.name)", "why": "\(error.report)"])
      return nil
    }
    let checkpoint = try await log.checkpoint()
    for note in notes {
      if try await isOther(note, than: checkpoint) { return forked(witness, note) }
    }
    if proof.kind == .sameSize { return forked(witness, notes[0]) }
    for note in notes where note.size > checkpoint.size {
      return behind(witness, note.size, note.note, checkpoint)
    }
    logger.error(
      "A witness says that our log has two histories; both checkpoints that it shows are of the log here",
      metadata: ["witness": "\(witness.name)", "sizes": "\(notes.map(\.size))"])
    return nil
  }

  private func count(_ witness: any CheckpointWitness, _ result: String) {
    metrics.submissions.with(witness.name, result).increment()
  }

  private func forgetAll(but present: Set<String>) {
    let gone = known.withLock { known -> [String] in
      let gone = known.keys.filter { !present.contains($0) }
      for name in gone { known[name] = nil }
      return gone
    }
    for name in gone { metrics.forget(witness: name) }
  }
}

/// A treaty peer as our witness.
package struct PeerWitness: CheckpointWitness {
  package let peer: FrameID
  package let key: CosignatureKey
  private let peers: any PeerCalling

  package var name: String { peer.name }

  /// - Throws: `LogError.badNote` when the treaty's log key cannot be read.
  package init(_ treaty: Treaty, peers: any PeerCalling) throws {
    self.peer = treaty.peer
    self.key = try CosignatureKey(witnessOf: LogVerifierKey(treaty.peerLogKey))
    self.peers = peers
  }

  package func add(_ body: Data) async throws -> WitnessAnswer {
    try await peers.addCheckpoint(peer, body: body, timeout: PeerLogWatch.callTimeout)
  }
}
