package import FrameCore

/// What SF-4 refuses to receive or to send.
package enum ProjectionError: FrameError, Equatable {
  /// The sequence does not follow the last one held: something was lost or withheld.
  case sequenceGap(peer: FrameID, expected: UInt64, got: UInt64)
  /// The peer's log position does not grow along its stream: a rewritten or restored log (CONFORMANCE B20).
  case positionWentBack(peer: FrameID, last: UInt64, got: UInt64)
  /// Verified with another key than the treaty pins now (CONFORMANCE B9).
  case notPinnedKey(peer: FrameID)
  /// The caller claims to hold more of our stream than exists.
  case cursorAhead(peer: FrameID, head: UInt64, asked: UInt64)
  /// A newer stream of the same peer took over: one per peer.
  case replaced(peer: FrameID)
  /// An event that somebody brought by hand lies where the peer's stream to this log has already passed, and was not in it: it was told
  /// to another log of ours.
  case notOfThisStream(peer: FrameID, position: UInt64)
  /// An event that somebody brought by hand, before the peer's stream has brought anything: nobody can tell which log of ours it was told.
  case streamNotBegun(peer: FrameID)
  case malformedMessage(peer: FrameID, why: String)
  /// It repeats its head faster than anybody needs to know it.
  case tooManyHeads(peer: FrameID)
  case silent(peer: FrameID)

  /// Codes, ours or the peer's, after which trying again cannot help: a person has to act.
  package static let standing: Set<String> = [
    "cursor_ahead", "peer_log_went_back", "position_went_back", "stream_of_another_log", "not_pinned_key",
    "equivocation",
    "peer_equivocated",
  ]

  package var code: String {
    switch self {
    case .sequenceGap: "sequence_gap"
    case .positionWentBack: "position_went_back"
    case .notPinnedKey: "not_pinned_key"
    case .cursorAhead: "cursor_ahead"
    case .replaced: "stream_replaced"
    case .notOfThisStream: "not_of_this_stream"
    case .streamNotBegun: "stream_not_begun"
    case .malformedMessage: "malformed_message"
    case .tooManyHeads: "too_many_heads"
    case .silent: "stream_silent"
    }
  }

  package var kind: FrameErrorKind {
    switch self {
    case .sequenceGap, .cursorAhead, .replaced, .notOfThisStream, .streamNotBegun: .conflict
    case .positionWentBack, .notPinnedKey: .forbidden
    case .malformedMessage: .invalid
    case .tooManyHeads: .limited
    case .silent: .unavailable
    }
  }

  package var message: String {
    switch self {
    case .sequenceGap(let peer, let expected, let got):
      "\(peer) sent sequence \(got) of its stream where \(expected) comes next."
    case .positionWentBack(let peer, let last, let got):
      "\(peer) sent the event at its position \(got) after the one at \(last)."
    case .notPinnedKey(let peer): "The proof from \(peer) is not signed by the log key that the treaty pins."
    case .cursorAhead(let peer, let head, let asked):
      "\(peer) asks for what follows sequence \(asked), but its stream ends at \(head)."
    case .replaced(let peer): "A newer stream of \(peer) took this one's place."
    case .notOfThisStream(let peer, let position):
      "The event at position \(position) of the log of \(peer) was not in its stream to this log, which has passed it: it was told to another."
    case .streamNotBegun(let peer): "Nothing of the stream of \(peer) has come yet."
    case .malformedMessage(let peer, let why): "A message of the stream of \(peer) cannot be used: \(why.prefix(200))."
    case .tooManyHeads(let peer): "\(peer) repeats the head of its stream without pause."
    case .silent(let peer): "The stream of \(peer) has been silent for too long."
    }
  }

  package var remedy: String {
    switch self {
    case .sequenceGap, .replaced, .silent:
      "The stream is opened again from the last event held; nothing needs to be done."
    case .positionWentBack:
      "The peer shows an older copy of its log, or another one: compare checkpoints with its operator. If the newer copy is lost, its frame needs a new log and a new treaty (runbooks/FrameProjectionStreamRefused.md)."
    case .tooManyHeads: "Speak with the peer's operator: its node, or whoever holds its keys, floods the stream."
    case .notPinnedKey: "Establish the treaty again if the peer really has a new log key."
    case .cursorAhead:
      "One of the two logs is an older copy: restore the newest one; if it is lost, that frame needs a new log and a new treaty (runbooks/FrameProjectionStreamRefused.md)."
    case .notOfThisStream:
      "What stood towards a lost log is decided about by the operators (frame peer former-log list)."
    case .streamNotBegun: "Nothing needs to be done: the stream brings the event by itself; or bring it again then."
    case .malformedMessage: "The peer's version may not fit ours: compare versions with its operator."
    }
  }

  /// What to do when the peer refuses the stream with one of ``standing``.
  static func remedy(for code: String) -> String {
    switch code {
    case "not_pinned_key": "Establish the treaty again if the peer really has a new log key."
    case "equivocation", "peer_equivocated": "Read runbooks/FramePeerEquivocation.md."
    default:
      "One of the two logs is an older copy or another one: see runbooks/FrameProjectionStreamRefused.md."
    }
  }
}
