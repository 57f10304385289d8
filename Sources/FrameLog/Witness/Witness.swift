package import FrameEvents
internal import Crypto
internal import Dispatch
package import Foundation
package import FrameCore
internal import Synchronization

/// Remembers the newest consistent checkpoint of other logs, durably, and cosigns them (CONFORMANCE L5).
///
/// - What is cosigned or relied on was on disk before: a log that is rewound or forked is found out across restarts too.
/// - Check and store are one step: of two requests at once the second is checked against the first.
/// - A log is its origin and key together: a peer that comes back with a new key starts anew.
package final class Witness: Sendable {
  package let key: CosignatureKey
  private let signer: LogSigner
  private let directory: URL
  private let clock: any FrameClock
  private let metrics: WitnessMetrics
  private let queue = DispatchQueue(label: "frame.log.witness")
  private let logs = Mutex<[LogVerifierKey: Seen]>([:])

  private struct Seen {
    var file: CheckpointFile
    /// The peer's signature and ours, no others.
    var newest: SignedCheckpoint?
  }

  /// - Parameter directory: one folder per log is made in it.
  /// - Throws: `LogError.storage`, `LogError.badNote`.
  package init(directory: URL, signer: LogSigner, clock: any FrameClock, metrics: WitnessMetrics) throws {
    self.directory = directory
    self.signer = signer
    self.key = try CosignatureKey(witnessOf: signer.verifierKey)
    self.clock = clock
    self.metrics = metrics
  }

  // MARK: For any log that asks (tlog-witness)

  /// Serves one `add-checkpoint` request.
  /// - Parameter keys: the verifier key of an origin this frame has a treaty with.
  /// - Returns: the answer, and the proof when the request shows that the log signed two histories.
  package func add(
    _ body: Data, keys: @escaping @Sendable (String) -> LogVerifierKey?
  ) async -> (answer: WitnessAnswer, fraud: EquivocationProof?) {
    let result = await work { witness in witness.answer(body, keys) }
    metrics.requests.with(result.answer.result).increment()
    return result
  }

  private func answer(
    _ body: Data, _ keys: (String) -> LogVerifierKey?
  ) -> (answer: WitnessAnswer, fraud: EquivocationProof?) {
    let request: CheckpointSubmission
    let note: SignedNote
    do { request = try CheckpointSubmission(body: body) } catch {
      // A request that is none may still carry what the log has signed.
      return (.malformed(Self.text(error)), contradiction(in: body, keys))
    }
    do { note = try SignedNote(request.note) } catch {
      return (.malformed(Self.text(error)), contradiction(in: body, keys))
    }
    guard let key = keys(String(note.text.prefix { $0 != "\n" })) else { return (.unknownOrigin, nil) }
    do { _ = try note.verified(by: key) } catch { return (.forbidden(Self.text(error)), contradiction(in: body, keys)) }
    let checkpoint: SignedCheckpoint
    do { checkpoint = try SignedCheckpoint(note: request.note, key: key) } catch {
      return (.malformed(Self.text(error)), contradiction(in: body, keys))
    }
    do {
      return try logs.withLock { logs in
        var seen = try self.seen(key, &logs)
        let newest = seen.newest
        var fraud = Self.contradiction(newest, checkpoint, key)
        guard request.oldSize <= checkpoint.size else {
          return (.malformed("old size \(request.oldSize) is above the checkpoint's \(checkpoint.size)"), fraud)
        }
        guard request.oldSize == newest?.size ?? 0 else {
          return (.conflict(size: newest?.size ?? 0, note: newest?.note ?? Data()), fraud)
        }
        if let refusal = Self.inconsistency(checkpoint, newest, request.proof) {
          // A proof that does not hold is worth something only from the log itself, which the caller can tell.
          if fraud == nil, let newest, checkpoint.size > newest.size {
            fraud = EquivocationProof(.inconsistent, key: key, first: newest, second: checkpoint, proof: request.proof)
          }
          return (.inconsistent(refusal), fraud)
        }
        let line = try store(checkpoint, key, &seen, &logs)
        return (.cosigned(Data(line.utf8)), nil)
      }
    } catch {
      // Nothing was stored, so nothing is cosigned; the client asks again.
      return (.failed("the witness cannot remember it now"), nil)
    }
  }

  /// Two notes of one size with two roots contradict each other whatever came with them.
  private static func contradiction(
    _ newest: SignedCheckpoint?, _ checkpoint: SignedCheckpoint, _ key: LogVerifierKey
  ) -> EquivocationProof? {
    guard let newest, newest.size == checkpoint.size, newest.root != checkpoint.root else { return nil }
    return EquivocationProof(.sameSize, key: key, first: newest, second: checkpoint)
  }

  private func contradiction(in body: Data, _ keys: (String) -> LogVerifierKey?) -> EquivocationProof? {
    for line in Self.origins(in: body) {
      guard let origin = String(validating: line, as: UTF8.self), let key = keys(origin) else { continue }
      guard let spoken = SignedCheckpoint.spoken(in: body, by: key) else { return nil }
      return contradiction(spoken, key)
    }
    return nil
  }

  /// Lines that may be a log's origin: the first ones, and those after a blank line.
  private static func origins(in body: Data) -> [Data] {
    var found: [Data] = []
    var (number, isAfterBlank) = (0, true)
    for line in body.split(separator: 0x0a, omittingEmptySubsequences: false) where found.count < 64 {
      defer { (number, isAfterBlank) = (number + 1, line.isEmpty || line.elementsEqual([0x0d])) }
      if !line.isEmpty, line.count <= 300, number < 16 || isAfterBlank { found.append(line) }
    }
    return found
  }

  private func contradiction(_ checkpoint: SignedCheckpoint, _ key: LogVerifierKey) -> EquivocationProof? {
    logs.withLock { logs in
      (try? seen(key, &logs)).flatMap { Self.contradiction($0.newest, checkpoint, key) }
    }
  }

  /// Holds what a log has said, in whatever it was found, against what was witnessed; nothing is stored.
  /// - Returns: the proof when both are of one size and of two histories.
  package func contradiction(spoken checkpoint: SignedCheckpoint, key: LogVerifierKey) async -> EquivocationProof? {
    await work { witness in witness.contradiction(checkpoint, key) }
  }

  private static func inconsistency(
    _ new: SignedCheckpoint, _ newest: SignedCheckpoint?, _ proof: [Data]
  ) -> String? {
    if new.size == 0, new.root != MerkleHash.empty.data { return "the root of no events is not that of the empty tree" }
    guard let newest, newest.size > 0 else { return proof.isEmpty ? nil : "a proof from size 0 has no hashes" }
    if newest.size == new.size {
      return newest.root == new.root && proof.isEmpty ? nil : "the roots of \(new.size) events differ"
    }
    return new.extends(newest, by: proof)
      ? nil : "the proof from \(newest.size) to \(new.size) events does not hold"
  }

  // MARK: For those who rely on a peer's checkpoint

  /// Returns once it is certain, and on disk, that `checkpoint` and all that was witnessed before are of one history.
  /// - Parameters:
  ///   - key: the log key that the treaty pins; the checkpoint was verified with it.
  ///   - prove: asks the log for the consistency proof of two sizes.
  /// - Throws: ``WitnessError/equivocation(_:)``; `LogError.storage`; what `prove` throws.
  package func require(
    _ checkpoint: SignedCheckpoint, key: LogVerifierKey, prove: (UInt64, UInt64) async throws -> [Data]
  ) async throws {
    // Then it was checked when it was cosigned.
    if checkpoint.isCosigned(by: self.key) { return }
    while true {
      let newest = try await newest(key)
      if let newest, newest.size == checkpoint.size {
        guard newest.root == checkpoint.root else {
          throw WitnessError.equivocation(EquivocationProof(.sameSize, key: key, first: newest, second: checkpoint))
        }
        return
      }
      if let newest, newest.size > 0, checkpoint.size > 0 {
        let (older, newer) = newest.size < checkpoint.size ? (newest, checkpoint) : (checkpoint, newest)
        let proof = try await prove(older.size, newer.size)
        guard newer.extends(older, by: proof) else {
          throw WitnessError.equivocation(
            EquivocationProof(.inconsistent, key: key, first: newest, second: checkpoint, proof: proof))
        }
      }
      if let newest, newest.size > checkpoint.size { return }
      if try await advance(to: checkpoint, key: key, from: newest) { return }
    }
  }

  /// - Returns: false when another request was first: look again.
  private func advance(
    to checkpoint: SignedCheckpoint, key: LogVerifierKey, from expected: SignedCheckpoint?
  ) async throws -> Bool {
    try await work { witness in
      Result {
        try witness.logs.withLock { logs in
          var seen = try witness.seen(key, &logs)
          guard seen.newest == expected else { return false }
          _ = try witness.store(checkpoint, key, &seen, &logs)
          return true
        }
      }
    }.get()
  }

  /// The newest witnessed checkpoint of a log, with its signature and ours.
  /// - Throws: `LogError.storage`, `LogError.damagedLog`.
  package func newest(_ key: LogVerifierKey) async throws -> SignedCheckpoint? {
    if let known = logs.withLock({ $0[key]?.newest }) { return known }
    return try await work { witness in
      Result { try witness.logs.withLock { logs in try witness.seen(key, &logs).newest } }
    }.get()
  }

  // MARK: Storage

  private func seen(_ key: LogVerifierKey, _ logs: inout [LogVerifierKey: Seen]) throws -> Seen {
    if let seen = logs[key] { return seen }
    let folder = directory.appendingPathComponent("\(key.name)+\(String(key.keyID, radix: 16))", isDirectory: true)
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw LogError.storage("\(folder.path): \(error.words)")
    }
    var file = CheckpointFile(directory: folder)
    let newest = try file.read(key: key)
    let seen = Seen(file: file, newest: newest)
    logs[key] = seen
    if let newest { metrics.witnessedSize.with(key.name).set(Int64(clamping: newest.size)) }
    return seen
  }

  /// Makes `checkpoint` the newest, durably, with our cosignature.
  /// - Returns: the cosignature's line.
  private func store(
    _ checkpoint: SignedCheckpoint, _ key: LogVerifierKey, _ seen: inout Seen, _ logs: inout [LogVerifierKey: Seen]
  ) throws -> String {
    let note = try SignedNote(checkpoint.note)
    let seconds = UInt64(max(1, clock.now().unixNanoseconds / 1_000_000_000))
    let line = signer.cosignatureLine(note.text, as: self.key, at: seconds)
    // Said again for the same tree: the memory stays as it is.
    if let newest = seen.newest, newest.size == checkpoint.size, newest.root == checkpoint.root { return line }
    let kept = try SignedCheckpoint(note: checkpoint.signedPart(of: key) + Data(line.utf8), key: key)
    try seen.file.add(kept)
    seen.newest = kept
    logs[key] = seen
    metrics.witnessedSize.with(key.name).set(Int64(clamping: kept.size))
    return line
  }

  /// Runs what may block on the witness's own queue.
  package func onQueue<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await work { _ in Result { try body() } }.get()
  }

  private func work<T: Sendable>(_ body: @escaping @Sendable (Witness) -> T) async -> T {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: body(self)) }
    }
  }

  private static func text(_ error: any Error) -> String { (error as? any FrameError)?.message ?? error.words }

  /// What tlog-witness names a log by in its monitoring path: SHA-256 of the origin, in hex.
  package static func originHash(_ origin: String) -> String {
    SHA256.hash(data: Data(origin.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
