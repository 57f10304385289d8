import FrameTreaty
import FrameCore
import FrameEvents
import FrameLog
import Foundation
import Logging

/// This frame as the witness of its peers' logs: what they show is held against what they showed before, across restarts,
/// whichever way it comes (add-checkpoint, stream, proof brought by hand). Two histories stop the treaty.
package final class PeerLogWatch: Sendable {
  package static let callTimeout: Duration = .seconds(10)

  package let witness: Witness
  /// Proofs that do not fit an event.
  package let evidence: EvidenceFolder
  private let peers: any PeerCalling
  private let directory: PeerDirectory
  private let metrics: WitnessMetrics
  private let logger: Logger
  private let report: @Sendable (FrameID, EquivocationProof) async throws -> Void

  /// - Parameters:
  ///   - evidence: where proofs are kept that do not fit an event.
  ///   - report: has the proof recorded and the treaty stopped; returns when both are durable.
  package init(
    witness: Witness, evidence: EvidenceFolder, peers: any PeerCalling, directory: PeerDirectory,
    metrics: WitnessMetrics, logger: Logger,
    report: @escaping @Sendable (FrameID, EquivocationProof) async throws -> Void
  ) {
    self.witness = witness
    self.evidence = evidence
    self.peers = peers
    self.directory = directory
    self.metrics = metrics
    self.logger = logger
    self.report = report
  }

  /// Reads what a peer calls checkpoints of its log, and shows to the witness what the log did sign: before anything else
  /// about them is checked, since a contradiction counts whatever is wrong with the rest of the message.
  /// - Throws: as ``require(_:of:key:)``.
  package func read(_ notes: [Data], of peer: FrameID, key: LogVerifierKey) async throws -> WitnessedCheckpoints {
    var found: [Data: Result<WitnessedCheckpoint, any Error>] = [:]
    // Each once: events that arrive together are mostly proven by one.
    for note in notes where found[note] == nil {
      found[note] = Result {
        WitnessedCheckpoint(try AttestationVerifier.verify(checkpoint: note, key: key), of: peer, key: key)
      }
    }
    // What is no note may still have what the log has signed.
    for (note, result) in found {
      guard case .failure = result, let spoken = SignedCheckpoint.spoken(in: note, by: key),
        let proof = await witness.contradiction(spoken: spoken, key: key)
      else { continue }
      await stop(peer, proof)
      throw WitnessError.equivocation(proof)
    }
    try await require(found.values.compactMap { try? $0.get().checkpoint }, of: peer, key: key)
    return WitnessedCheckpoints(byNote: found)
  }

  /// The same for one note.
  /// - Throws: `LogError.badNote` when the log did not sign it; as ``require(_:of:key:)``.
  package func read(_ note: Data, of peer: FrameID, key: LogVerifierKey) async throws -> WitnessedCheckpoint {
    try await read([note], of: peer, key: key).checkpoint(note)
  }

  /// Returns once each checkpoint is certain to belong to the one history of the peer's log, and what was learnt is on disk.
  /// - Parameter checkpoints: verified with `key`, which the treaty pins.
  /// - Throws: ``WitnessError``; ``PeerCallError`` when the peer cannot be asked for a proof.
  func require(_ checkpoints: [SignedCheckpoint], of peer: FrameID, key: LogVerifierKey) async throws {
    // The largest first: what it covers then needs at most a proof, never another write.
    for checkpoint in checkpoints.sorted(by: { $0.size > $1.size }) {
      do {
        try await witness.require(checkpoint, key: key) { first, second in
          try await self.proof(peer, first, second, shown: checkpoint)
        }
      } catch WitnessError.equivocation(let proof) {
        await stop(peer, proof)
        throw WitnessError.equivocation(proof)
      }
    }
  }

  private func proof(
    _ peer: FrameID, _ first: UInt64, _ second: UInt64, shown: SignedCheckpoint
  ) async throws -> [Data] {
    do {
      return try await peers.consistencyProof(peer, from: first, to: second, timeout: Self.callTimeout)
    } catch PeerCallError.refused(_, "no_such_position", _) where second > shown.size {
      // It was witnessed at a size that its log no longer has.
      throw WitnessError.wentBack(origin: peer.name, seen: second, now: shown.size)
    }
  }

  /// tlog-witness for an authenticated peer: its own log only. One whose log has two histories is shown the proof, which it may not know
  /// of: a copy of it may have signed the other one.
  package func add(_ body: Data, from peer: FrameID) async throws -> WitnessAnswer {
    if let proof = proof(against: peer) { return .equivocated(proof) }
    let key = try LogVerifierKey(try directory.requireEstablished(peer).peerLogKey)
    let (answer, fraud) = await witness.add(body) { $0 == key.name ? key : nil }
    if let fraud { await stop(peer, fraud) }
    return answer
  }

  /// What the treaty with `peer` is stopped for, when it is small enough to be shown.
  private func proof(against peer: FrameID) -> EquivocationProof? {
    guard let treaty = directory.treaty(peer), treaty.state == .established,
      let proof = directory.unrecorded[peer] ?? directory.equivocation(of: peer)?.proof, proof.fitsEvent,
      !proof.first.isEmpty, proof.key == treaty.peerLogKey
    else { return nil }
    return proof
  }

  /// tlog-witness for whoever asks: the logs of all frames we have a treaty with. A proof that does not hold says nothing of the
  /// log when a stranger sends it; two notes of one size do.
  package func add(_ body: Data) async -> WitnessAnswer {
    let directory = directory
    let (answer, fraud) = await witness.add(body) { origin in
      guard let peer = try? FrameID(origin), let treaty = try? directory.requireEstablished(peer) else { return nil }
      return try? LogVerifierKey(treaty.peerLogKey)
    }
    if let fraud, fraud.kind == .sameSize, let name = try? LogVerifierKey(fraud.key).name, let peer = try? FrameID(name)
    {
      await stop(peer, fraud)
    }
    return answer
  }

  /// The newest witnessed checkpoint of an established peer's log, by the hash of its origin (tlog-witness, monitoring).
  package func newest(originHash: String) async throws -> SignedCheckpoint? {
    guard let treaty = directory.established.first(where: { Witness.originHash($0.peer.name) == originHash }) else {
      return nil
    }
    return try await witness.newest(LogVerifierKey(treaty.peerLogKey))
  }

  private func stop(_ peer: FrameID, _ proof: EquivocationProof) async {
    guard directory.equivocation(of: peer) == nil else { return }
    // First, and in memory: whether the proof can be recorded makes no difference to what the peer has signed.
    directory.suspend(peer, for: proof)
    show()
    logger.critical(
      "A peer's log has two histories; the treaty is stopped",
      metadata: [
        "peer": "\(peer)", "kind": "\(proof.kind.rawValue)", "first": "\(proof.first)", "second": "\(proof.second)",
      ])
    await record(peer, proof)
  }

  /// A proof that is not in the log yet.
  package func unrecorded(_ peer: FrameID) -> EquivocationProof? { directory.unrecorded[peer] }

  /// A proof that does not fit an event; nil when its file is gone or was changed.
  package func filed(_ digest: Data) async throws -> EquivocationProof? {
    let evidence = evidence
    return try await witness.onQueue { evidence.proof(digest) }
  }

  /// Takes what could not be recorded to the log again. Called every few seconds.
  package func recordAgain() async {
    for (peer, proof) in directory.unrecorded { await record(peer, proof) }
  }

  private func record(_ peer: FrameID, _ proof: EquivocationProof) async {
    do {
      if !proof.fitsEvent {
        let evidence = evidence
        try await witness.onQueue { try evidence.keep(proof) }
      }
    } catch {
      // The event has the proof's hash, sizes and roots all the same.
      logger.critical("The evidence cannot be kept", metadata: ["peer": "\(peer)", "error": "\(error.report)"])
    }
    do { try await report(peer, proof) } catch {
      logger.critical(
        "The equivocation cannot be recorded; the treaty is stopped until it is",
        metadata: ["peer": "\(peer)", "error": "\(error.report)"])
    }
    show()
  }

  /// Publishes the proofs that stand, and that the peers are witnesses from the treaty on.
  package func show() {
    for treaty in directory.established {
      metrics.prepare(witness: treaty.peer.name)
      metrics.equivocations.with(treaty.peer.name).set(directory.isStopped(treaty.peer) ? 1 : 0)
    }
  }
}
