import FrameCore
import FrameEvents
import FrameProtos
import Foundation

/// What this node may ask of an established peer over the federation channel. ``PeerChannels`` is the real one.
///
/// Every call first requires an established treaty and throws ``PeerCallError``: `unavailable` means that the outcome is
/// not known (ask again, never guess), `refused` that the peer answered no.
package protocol PeerCalling: Sendable {
  /// 2pc: asks `peer` to credit. Safe to repeat: the peer decides once per transfer id.
  /// - Parameter log: of the peer, that the transfer is with; another one is not asked (decision 0034). nil: the treaty's.
  func credit(
    _ peer: FrameID, _ terms: PBTransferTerms, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision
  /// 2pc: asks `peer` what it decided; a peer that never saw the transfer writes a refusal first (presumed abort).
  /// - Parameter log: as above.
  func resolve(
    _ peer: FrameID, transferID: String, of log: PeerLog?, timeout: Duration
  ) async throws -> PBTransferDecision
  /// SF-4: our subscription to `peer`'s log after `sequence`. Runs until the stream ends (returns), fails (throws) or the
  /// task is cancelled. `log` is the peer's log whose stream it is. It throws ``PeerCallError/moved(peer:)`` when the channel has gone over to a new connection: nothing is
  /// wrong, and it is to be opened again at once. Messages are handed over one at a time, in order; a slow `onMessage` slows the sender down.
  func subscribe(
    _ peer: FrameID, after sequence: UInt64, of log: PeerLog?,
    onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws
  /// SF-3: the peer's signed totals of both directions.
  func reserveStatement(_ peer: FrameID, timeout: Duration) async throws -> PBSignedReserveStatement
  /// tlog-witness `add-checkpoint` of our log at `peer`.
  func addCheckpoint(_ peer: FrameID, body: Data, timeout: Duration) async throws -> WitnessAnswer
  /// The RFC 6962 consistency proof of two sizes of `peer`'s log.
  func consistencyProof(_ peer: FrameID, from first: UInt64, to second: UInt64, timeout: Duration) async throws
    -> [Data]
  /// Somebody waits for `peer`: if it does not answer at present, a new connection is tried at once instead of when the next try is
  /// due. However often it is asked for, one is tried at a time.
  func hurry(_ peer: FrameID)
  /// Pauses before the next try of something that `peer` did not answer; ends early when it answers again.
  /// - Throws: `CancellationError`.
  func pause(_ peer: FrameID, for duration: Duration, clock: any FrameClock) async throws
}

extension PeerCalling {
  package func hurry(_ peer: FrameID) {}

  package func pause(_ peer: FrameID, for duration: Duration, clock: any FrameClock) async throws {
    try await clock.sleep(for: duration)
  }
}

extension PeerCalling {
  package func credit(_ peer: FrameID, _ terms: PBTransferTerms, timeout: Duration) async throws -> PBTransferDecision {
    try await credit(peer, terms, of: nil, timeout: timeout)
  }

  package func resolve(_ peer: FrameID, transferID: String, timeout: Duration) async throws -> PBTransferDecision {
    try await resolve(peer, transferID: transferID, of: nil, timeout: timeout)
  }

  package func subscribe(
    _ peer: FrameID, after sequence: UInt64, onMessage: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws {
    try await subscribe(peer, after: sequence, of: nil, onMessage: onMessage)
  }
}

/// What an established peer may ask of this node; the rooms above implement it. Nothing else is reachable by peer input
/// (CONFORMANCE B11). `peer` is the caller's authenticated frame, never a value it sent; its treaty is established.
package protocol PeerRequests: Sendable {
  func credit(_ terms: PBTransferTerms, from peer: FrameID) async throws -> PBTransferDecision
  func resolve(transferID: String, from peer: FrameID) async throws -> PBTransferDecision
  /// Streams until it returns (clean end), throws, or its task is cancelled (peer gone, revoked, or shutdown).
  /// - Parameter send: suspends while the peer's flow-control window is full.
  func subscribe(
    after sequence: UInt64, peer: FrameID, send: @escaping @Sendable (PBProjectionMessage) async throws -> Void
  ) async throws
  func reserveStatement(for peer: FrameID) async throws -> PBSignedReserveStatement
  /// tlog-witness `add-checkpoint` of the peer's own log.
  func addCheckpoint(_ body: Data, from peer: FrameID) async throws -> WitnessAnswer
  /// The consistency proof of two sizes of our log.
  func consistencyProof(from first: UInt64, to second: UInt64, for peer: FrameID) async throws -> [Data]
}

/// How a call to a peer failed.
package enum PeerCallError: FrameError, Equatable {
  /// Not reachable, timed out or broke off: what the peer did, if anything, is unknown.
  case unavailable(peer: FrameID, why: String)
  /// The peer answered, and the answer is no.
  /// - code: the peer's own stable code, or the gRPC status name when it gave none.
  case refused(peer: FrameID, code: String, message: String)
  /// A stream's connection is being left for a new one.
  case moved(peer: FrameID)

  /// True when the peer may or may not have acted: ask for the outcome, never guess it.
  package var isOutcomeUnknown: Bool {
    switch self {
    case .unavailable, .moved: true
    case .refused: false
    }
  }

  package var code: String {
    switch self {
    case .unavailable: "peer_unavailable"
    case .refused(_, let code, _): code
    case .moved: "peer_moved"
    }
  }
  package var kind: FrameErrorKind {
    switch self {
    case .unavailable, .moved: .unavailable
    case .refused: .refused
    }
  }
  package var message: String {
    switch self {
    case .unavailable(let peer, let why): "Peer \(peer) cannot be reached: \(why.prefix(300))."
    case .refused(let peer, let code, let message): "Peer \(peer) refused (\(code)): \(message.prefix(300))"
    case .moved(let peer): "The channel to peer \(peer) goes over to a new connection."
    }
  }
  package var remedy: String {
    switch self {
    case .unavailable: "Nothing needs to be done if it is passing: the node keeps trying. Else see frame peer show."
    case .refused: "See the peer's reason; retrying unchanged cannot help."
    case .moved: "Open the stream again: it goes over the new connection."
    }
  }
}
