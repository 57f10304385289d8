package import FrameEvents
package import Foundation
internal import FrameCore
internal import Synchronization

/// What the witnesses of this log have cosigned, to be given out with the checkpoint. It is asked for anew after every
/// checkpoint, so losing the file costs nothing but a few seconds.
package final class Cosignatures: Sendable {
  private struct State: Sendable {
    var checkpoint: SignedCheckpoint?
    /// Signature lines by witness.
    var lines: [String: String] = [:]
  }

  static let fileName = "cosigned"

  private let file: URL
  private let key: LogVerifierKey
  private let metrics: WitnessMetrics
  private let state: Mutex<State>

  /// - Parameters:
  ///   - directory: the log's.
  ///   - key: of the log itself.
  package init(directory: URL, key: LogVerifierKey, metrics: WitnessMetrics) {
    file = directory.appendingPathComponent(Self.fileName)
    self.key = key
    self.metrics = metrics
    var start = State()
    if let note = FileManager.default.contents(atPath: file.path),
      let checkpoint = try? SignedCheckpoint(note: note, key: key), let signed = try? SignedNote(note)
    {
      start.checkpoint = checkpoint
      for line in signed.signatures where line.name != key.name { start.lines[String(line.name)] = line.text }
      metrics.cosignedSize.set(Int64(clamping: checkpoint.size))
    }
    state = Mutex(start)
  }

  /// Takes over what a witness answered for `checkpoint`; lines of other keys are ignored.
  /// - Returns: when it was cosigned, in seconds since 1970.
  /// - Throws: `LogError.badNote` when there is no valid cosignature of `witness` in it.
  package func add(_ answer: Data, to checkpoint: SignedCheckpoint, by witness: CosignatureKey) throws -> UInt64 {
    let note = try SignedNote(checkpoint.note + answer)
    guard let time = try note.cosigned(by: witness) else {
      throw LogError.badNote("it is not cosigned by '\(witness.name)'")
    }
    let line = note.lines(name: witness.name, keyID: witness.keyID)
    let whole = state.withLock { state -> Data? in
      if let current = state.checkpoint, current.size > checkpoint.size { return nil }
      if state.checkpoint?.size != checkpoint.size || state.checkpoint?.root != checkpoint.root {
        state.checkpoint = try? SignedCheckpoint(note: checkpoint.signedPart(of: key), key: key)
        state.lines = [:]
      }
      state.lines[witness.name] = line
      return Self.note(state)
    }
    if let whole {
      // A convenience of the next start; nothing rests on it.
      try? whole.write(to: file, options: .atomic)
      metrics.cosignedSize.set(Int64(clamping: checkpoint.size))
    }
    return time
  }

  /// The newest cosigned checkpoint: size, and note with all cosignatures.
  package func newest() -> SignedCheckpoint? {
    state.withLock { state in
      guard !state.lines.isEmpty, let note = Self.note(state) else { return nil }
      return try? SignedCheckpoint(note: note, key: key)
    }
  }

  /// The checkpoint's note with the cosignatures that there are for it.
  package func note(of checkpoint: SignedCheckpoint) -> Data {
    guard let newest = newest(), newest.size == checkpoint.size, newest.root == checkpoint.root else {
      return checkpoint.note
    }
    return newest.note
  }

  private static func note(_ state: State) -> Data? {
    guard let checkpoint = state.checkpoint else { return nil }
    return checkpoint.note + Data(state.lines.sorted { $0.key < $1.key }.map(\.value).joined().utf8)
  }
}
