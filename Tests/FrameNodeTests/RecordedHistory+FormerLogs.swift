import Foundation
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos

/// A peer that comes back with another log, and what is decided about the one before.
extension RecordedHistory {
  /// The key of the peer's second log, after its name.
  static let secondKey = "+00000001+AA=="

  /// The peer's first log.
  var lost: PeerLog { PeerLog(peer, key: "\(peer.name)+00000000+AA==") }

  mutating func formerLogs() throws {
    let figures = PBFormerLogFigures.with {
      $0.clearing = 1_000
      $0.sent = 70
      $0.held = 60
      $0.transfers = 2
      $0.reserve = 250
      $0.returnable = 100
      $0.items = 1
      $0.wrapped = 500
      $0.wrappedAsset = PBAsset(foreign)
    }
    add(
      authority, try established(peer, key: Self.secondKey),
      EventDraft(
        .peerLogReplaced(
          .with {
            $0.peer = peer.name
            $0.log = lost.name
            $0.logVerifierKey = "\(peer.name)+00000000+AA=="
            $0.newLogVerifierKey = "\(peer.name)\(Self.secondKey)"
            $0.figures = figures
          }),
        postings: Postings.move(1_070, from: .clearing(peer), to: .clearing(of: lost))
          + Postings.move(350, from: .bridgeReserve(peer), to: .bridgeReserve(of: lost))))
    add(
      authority,
      EventDraft(
        .formerLogProposed(
          .with {
            $0.peer = peer.name
            $0.log = lost.name
            $0.proposalID = "proposal-1"
            $0.figures = figures
            $0.note = "as agreed"
          })))
    add(
      authority,
      EventDraft(
        .formerLogWithdrawn(
          .with {
            $0.peer = peer.name
            $0.log = lost.name
            $0.proposalID = "proposal-1"
            $0.reason = "not agreed"
          })))
    add(
      authority,
      EventDraft(
        .formerLogAnswered(
          .with {
            $0.peer = peer.name
            $0.log = PeerLog(frame, key: "an older one").name
            $0.proposalID = "proposal-2"
            $0.accepted = true
            $0.clearing = 30
            $0.reserve = 20
          }),
        postings: Postings.move(30, from: .treasury, to: .clearing(peer))
          + Postings.move(20, from: .treasury, to: .bridgeReserve(peer))))
    add(
      authority,
      EventDraft(
        .formerLogDecided(
          .with {
            $0.peer = peer.name
            $0.log = lost.name
            $0.outcome = .writtenOff
            $0.figures = figures
            $0.note = "no records"
          }),
        postings: Postings.move(1_000, from: .clearing(of: lost), to: .treasury)
          + Postings.move(250, from: .bridgeReserve(of: lost), to: .treasury)))
    add(node, itemReturned, compensated, aborted)
  }

  private var itemReturned: EventDraft {
    EventDraft(
      .formerLogItemReturned(
        .with {
          $0.peer = peer.name
          $0.log = lost.name
          $0.kind = .lock
          $0.itemID = "l2"
          $0.to = "alice"
          $0.amount = 100
        }), postings: Postings.move(100, from: .bridgeReserve(of: lost), to: .liquid(alice)))
  }

  private var compensated: EventDraft {
    EventDraft(
      .crossFrameTransferCompensated(
        .with {
          $0.terms = terms("t3", isOutgoing: true, 70)
          $0.reason = "peer_log_replaced"
          $0.formerLog = lost.name
        }), postings: Postings.move(70, from: .clearing(of: lost), to: .liquid(alice)))
  }

  private var aborted: EventDraft {
    EventDraft(
      .crossRegistryTransferAborted(
        .with {
          $0.terms = terms("t6", isOutgoing: true, 60)
          $0.reason = "peer_log_replaced"
        }), postings: Postings.move(60, from: .held(alice), to: .liquid(alice)))
  }
}
