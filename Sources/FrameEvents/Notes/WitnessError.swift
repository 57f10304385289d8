package import FrameCore

/// What a witness will not accept of another log, or learns of its own.
package enum WitnessError: FrameError, Equatable {
  /// Two histories: both notes are in the proof (CONFORMANCE B19).
  case equivocation(EquivocationProof)
  /// The log shows less than it was seen to hold, and cannot prove what it held (CONFORMANCE B20).
  case wentBack(origin: String, seen: UInt64, now: UInt64)
  /// This node's own log is shorter than what its own key signed, as a witness shows.
  case ownLogBehind(witness: String, seen: UInt64, size: UInt64)
  /// A witness of the operator's choice says that it has seen more of this node's own log than there is, and shows nothing: the
  /// protocol gives it no way to (decision 0035).
  case ownLogSuspected(witness: String, claimed: UInt64, size: UInt64)
  /// A witness shows a checkpoint that our key signed and that is not of the log here: there are two histories of it.
  case ownLogForked(witness: String, size: UInt64)
  /// A witness could not be asked.
  case unavailable(witness: String, why: String)

  package var code: String {
    switch self {
    case .equivocation: "equivocation"
    case .wentBack: "peer_log_went_back"
    case .ownLogBehind: "log_behind_witness"
    case .ownLogSuspected: "log_suspected_behind_witness"
    case .ownLogForked: "log_has_two_histories"
    case .unavailable: "witness_unavailable"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .equivocation, .wentBack: .forbidden
    case .ownLogBehind, .ownLogSuspected, .ownLogForked: .internal
    case .unavailable: .unavailable
    }
  }

  package var message: String {
    switch self {
    case .equivocation(let proof):
      "The log of '\(proof.key.prefix { $0 != "+" })' has two histories (\(proof.kind.rawValue)): both signed notes are kept."
    case .wentBack(let origin, let seen, let now):
      "The log of '\(origin)' was witnessed at \(seen) events and now shows \(now), without a proof that joins the two."
    case .ownLogBehind(let witness, let seen, let size):
      "'\(witness)' holds our own signed checkpoint of \(seen) events; the log here has \(size)."
    case .ownLogSuspected(let witness, let claimed, let size):
      "The witness '\(witness)' says that it has cosigned \(claimed) events of our log; the log here has \(size). It shows no proof."
    case .ownLogForked(let witness, let size):
      "'\(witness)' shows a checkpoint of \(size) events that our own key signed and that is not of the log here: it has two histories."
    case .unavailable(let witness, let why): "The witness '\(witness)' did not answer: \(why.prefix(300))."
    }
  }

  package var remedy: String {
    switch self {
    case .equivocation: "Read runbooks/FramePeerEquivocation.md: compare the notes with the peer's operator."
    case .wentBack: "The peer must restore its newest log; nothing of it is accepted until then."
    case .ownLogBehind:
      "An older copy was restored: restore the newest one. If it is lost, the frame needs a new log and new treaties (runbooks/FrameLogBehindWitness.md)."
    case .ownLogSuspected:
      "Restore the newest copy if an older one was restored; if the witness is wrong, take it out of frame.yaml (witnesses) and start again."
    case .ownLogForked:
      "Stop every copy of this node and find out which history is the true one; the frame then needs a new log and new treaties (runbooks/FrameLogForked.md)."
    case .unavailable: "Nothing needs to be done if it is passing: it is asked again every few seconds."
    }
  }

  /// This node's own log is not the newest, or may not be: nothing may be signed or served from it.
  package var isAboutOwnLog: Bool {
    switch self {
    case .ownLogBehind, .ownLogSuspected, .ownLogForked: true
    case .equivocation, .wentBack, .unavailable: false
    }
  }
}
