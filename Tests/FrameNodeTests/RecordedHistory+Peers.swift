import Foundation
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos

/// What the frame has to do with others.
extension RecordedHistory {
  // MARK: Treaties

  private func description(of asset: Asset, key: String) -> PBFrameDescription {
    .with {
      $0.frameID = asset.origin.name
      $0.native = PBAsset(asset)
      $0.bundleEndpoint = "https://\(asset.origin.name):9444/bundle"
      $0.bundleEndpointProfile = "https_spiffe"
      $0.bundleFingerprint = "SHA256:00ff"
      $0.federationAddress = "\(asset.origin.name):9443"
      $0.logVerifierKey = key
      $0.terms.subscriptions = ["CrossFrameTransferInitiated", "TokensBridgeLocked", "WrappedTokensRedeemed"]
      $0.terms.netDebitCap = 500_000
      $0.terms.bridgeCap = 400_000
      $0.terms.bridgeRatePerMinute = 100_000
      $0.apiURL = "https://\(asset.origin.name)"
    }
  }

  private func requested(_ other: FrameID, outgoing: Bool) throws -> EventDraft {
    let theirs = description(of: try Asset(origin: other, code: "BVT", scale: 3), key: "\(other.name)+00000000+AA==")
    let ours = description(of: native, key: logKey.text)
    return EventDraft(
      .frameInvitationRequested(
        .with {
          $0.invitationID = "invitation-of-\(other.name)"
          $0.peer = other.name
          $0.outgoing = outgoing
          $0.inviter = outgoing ? ours : theirs
          $0.invitee = outgoing ? theirs : ours
          $0.peerBundle = Data(#"{"keys":[],"spiffe_sequence":1}"#.utf8)
          $0.expiresUnixNs = Self.start + 86_400_000_000_000
        }))
  }

  func established(_ other: FrameID, key: String = "+00000000+AA==") throws -> EventDraft {
    let theirs = description(of: try Asset(origin: other, code: "BVT", scale: 3), key: "\(other.name)\(key)")
    return EventDraft(
      .frameFederationEstablished(
        .with {
          $0.invitationID = "invitation-of-\(other.name)"
          $0.peer = other.name
          $0.ours = description(of: native, key: logKey.text)
          $0.theirs = theirs
          $0.peerBundle = Data(#"{"keys":[],"spiffe_sequence":1}"#.utf8)
          $0.fingerprint = "SHA256:00ff"
          $0.document = Data("a treaty\n\n\u{2014} both\n".utf8)
        }))
  }

  mutating func treaties() throws {
    let (rejected, revoked, forked) = (
      try FrameID("frame-c.example"), try FrameID("frame-d.example"), try FrameID("frame-e.example")
    )
    add(authority, try requested(peer, outgoing: true))
    add(
      .node(of: peer),
      EventDraft(
        .frameInvitationApproved(
          .with {
            $0.invitationID = "invitation-of-\(peer.name)"
            $0.peer = peer.name
            $0.approver = description(of: foreign, key: "\(peer.name)+00000000+AA==")
            $0.peerBundle = Data(#"{"keys":[],"spiffe_sequence":1}"#.utf8)
            $0.fingerprint = "SHA256:00ff"
          })), try established(peer))
    add(.node(of: rejected), try requested(rejected, outgoing: false))
    add(
      authority,
      EventDraft(
        .frameInvitationRejected(
          .with {
            $0.invitationID = "invitation-of-\(rejected.name)"
            $0.peer = rejected.name
            $0.reason = "nobody knows them"
          })))
    for other in [revoked, forked] {
      add(.node(of: other), try requested(other, outgoing: false))
      add(authority, try established(other))
    }
    add(
      node,
      EventDraft(
        .peerBundleRotated(
          .with {
            $0.peer = peer.name
            $0.sequence = 2
            $0.fingerprint = "SHA256:01ff"
            $0.bundle = Data(#"{"keys":[],"spiffe_sequence":2}"#.utf8)
          })))
    add(
      authority,
      EventDraft(
        .peerBundleRepinned(
          .with {
            $0.peer = revoked.name
            $0.sequence = 9
            $0.fingerprint = "SHA256:09ff"
            $0.bundle = Data(#"{"keys":[],"spiffe_sequence":9}"#.utf8)
            $0.previousFingerprint = "SHA256:00ff"
          })))
    amendments()
    add(
      .node(of: revoked),
      EventDraft(
        .frameFederationRevoked(
          .with {
            $0.peer = revoked.name
            $0.byPeer = true
            $0.reason = "the end"
          })))
    add(
      node,
      EventDraft(
        .peerEquivocationProven(
          .with {
            $0.peer = forked.name
            $0.kind = EquivocationProof.Kind.inconsistent.rawValue
            $0.logVerifierKey = "\(forked.name)+00000000+AA=="
            $0.first = Data("one note".utf8)
            $0.second = Data("another".utf8)
            $0.proof = [Data(repeating: 7, count: 32)]
          })))
  }

  private mutating func amendments() {
    for (number, isOurs) in [true, false, false].enumerated() {
      add(
        isOurs ? authority : .node(of: peer),
        EventDraft(
          .treatyAmendmentProposed(
            .with {
              $0.amendmentID = "amendment-\(number)"
              $0.peer = peer.name
              $0.outgoing = isOurs
              $0.treatyID = "invitation-of-\(peer.name)"
              $0.number = isOurs ? 1 : UInt64(number)
              $0.revision = isOurs ? 1 : 2
              $0.ours.netDebitCap = 600_000
              $0.theirs.netDebitCap = 600_000
              $0.document = Data("a treaty, amended".utf8)
              $0.expiresUnixNs = Self.start + 86_400_000_000_000
              $0.note = "as agreed"
            })))
      switch number {
      case 0:
        add(
          .node(of: peer),
          EventDraft(
            .treatyAmendmentAccepted(
              .with {
                $0.amendmentID = "amendment-0"
                $0.peer = peer.name
                $0.byPeer = true
                $0.revision = 1
                $0.ours.netDebitCap = 600_000
                $0.theirs.netDebitCap = 600_000
                $0.document = Data("a treaty, amended by two".utf8)
              })))
      case 1:
        add(
          authority,
          EventDraft(
            .treatyAmendmentRejected(
              .with {
                $0.amendmentID = "amendment-1"
                $0.peer = peer.name
                $0.reason = "too much"
              })))
      default:
        add(
          .node(of: peer),
          EventDraft(
            .treatyAmendmentWithdrawn(
              .with {
                $0.amendmentID = "amendment-2"
                $0.peer = peer.name
                $0.byPeer = true
                $0.reason = "a slip"
                $0.number = 2
              })))
      }
    }
  }

  // MARK: Between frames

  func terms(_ id: String, isOutgoing: Bool, _ amount: Int64) -> PBTransferTerms {
    .with {
      $0.transferID = id
      $0.origin = isOutgoing ? frame.name : peer.name
      $0.destination = isOutgoing ? peer.name : frame.name
      $0.from = "alice"
      $0.to = "bob"
      $0.asset = PBAsset(isOutgoing ? native : foreign)
      $0.amount = amount
      $0.memo = "across"
    }
  }

  mutating func transfers() {
    for (id, amount) in [("t1", Int64(500)), ("t2", 600), ("t3", 70)] {
      let terms = terms(id, isOutgoing: true, amount)
      add(
        self.id(alice),
        EventDraft(
          .tokensTransferred(
            .with {
              $0.from = "alice"
              $0.to = "bob@\(peer.name)"
              $0.amount = amount
              $0.memo = "across"
              $0.transferID = id
            }), postings: Postings.move(amount, from: .liquid(alice), to: .clearing(peer))),
        EventDraft(.crossFrameTransferInitiated(.with { $0.terms = terms })))
    }
    add(
      .node(of: peer),
      EventDraft(
        .crossFrameTransferSettled(
          .with {
            $0.terms = terms("t1", isOutgoing: true, 500)
            $0.creditedAmount = 5_000
          })))
    add(
      .node(of: peer),
      EventDraft(
        .crossFrameTransferCompensated(
          .with {
            $0.terms = terms("t2", isOutgoing: true, 600)
            $0.reason = "unknown_agent"
          }), postings: Postings.move(600, from: .clearing(peer), to: .liquid(alice))))
    var event = PBEvent()
    event.actor = SPIFFEID.agent(alice, of: peer).description
    event.payload = .crossFrameTransferInitiated(.with { $0.terms = terms("t-in", isOutgoing: false, 1_000) })
    // Serialising a message without a map or an extension cannot fail.
    let stored: Data = (try? event.serializedBytes()) ?? Data()
    add(
      node,
      EventDraft(
        .peerEventProjected(
          .with {
            $0.originFrame = peer.name
            $0.sequence = 1
            $0.peerPosition = 33
            $0.eventType = "CrossFrameTransferInitiated"
            $0.event = stored
          })),
      EventDraft(
        .crossFrameTransferSettled(
          .with {
            $0.terms = terms("t-in", isOutgoing: false, 1_000)
            $0.creditedAmount = 100
          }), postings: Postings.move(100, from: .clearing(peer), to: .liquid(bob))))
    add(
      node,
      EventDraft(
        .crossFrameTransferRefused(
          .with {
            $0.terms = terms("t-in-2", isOutgoing: false, 1_000)
            $0.reason = "unknown_agent"
          })))
  }

  mutating func twoPhase() {
    for (id, amount) in [("t4", Int64(800)), ("t5", 90), ("t6", 60)] {
      add(
        self.id(alice),
        EventDraft(
          .crossRegistryTransferLocked(
            .with {
              $0.terms = terms(id, isOutgoing: true, amount)
              $0.deadlineUnixNs = Self.start + 3_000_000_000
            }), postings: Postings.move(amount, from: .liquid(alice), to: .held(alice))))
    }
    add(
      node,
      EventDraft(
        .crossRegistryTransferCompleted(
          .with {
            $0.terms = terms("t4", isOutgoing: true, 800)
            $0.creditedAmount = 8_000
            $0.peerPosition = 12
          }), postings: Postings.move(800, from: .held(alice), to: .clearing(peer))))
    add(
      node,
      EventDraft(
        .crossRegistryTransferAborted(
          .with {
            $0.terms = terms("t5", isOutgoing: true, 90)
            $0.reason = "unknown_agent"
          }), postings: Postings.move(90, from: .held(alice), to: .liquid(alice))))
    add(
      .node(of: peer),
      EventDraft(
        .crossRegistryTransferCredited(
          .with {
            $0.terms = terms("t7", isOutgoing: false, 2_000)
            $0.creditedAmount = 200
          }), postings: Postings.move(200, from: .clearing(peer), to: .liquid(bob))))
    add(
      .node(of: peer),
      EventDraft(
        .crossRegistryTransferRefused(
          .with {
            $0.transferID = "t8"
            $0.origin = peer.name
            $0.reason = "never_seen"
          })))
  }

  mutating func bridge() {
    for (number, amount) in [Int64(400), 100].enumerated() {
      add(
        id(alice),
        EventDraft(
          .tokensBridgeLocked(
            .with {
              $0.lockID = "l\(number + 1)"
              $0.destination = peer.name
              $0.from = "alice"
              $0.recipient = "bob"
              $0.asset = PBAsset(native)
              $0.amount = amount
              $0.totals.locked = number == 0 ? 400 : 500
            }), postings: Postings.move(amount, from: .liquid(alice), to: .bridgeReserve(peer))))
    }
    add(
      .node(of: peer),
      EventDraft(
        .tokensBridgeUnlocked(
          .with {
            $0.redeemID = "r1"
            $0.destination = peer.name
            $0.recipient = "bob"
            $0.asset = PBAsset(native)
            $0.amount = 150
            $0.totals.locked = 500
            $0.totals.unlocked = 150
            $0.redeemPosition = 40
          }), postings: Postings.move(150, from: .bridgeReserve(peer), to: .liquid(bob))))
    add(
      node,
      EventDraft(
        .wrappedTokensIssued(
          .with {
            $0.lockID = "l-in"
            $0.origin = peer.name
            $0.recipient = "bob"
            $0.asset = PBAsset(foreign)
            $0.amount = 700
            $0.totals.issued = 700
            $0.lockPosition = 41
          }), postings: Postings.move(700, from: .issuance(of: foreign), to: .wrapped(bob, foreign))))
    add(
      id(bob),
      EventDraft(
        .wrappedTokensRedeemed(
          .with {
            $0.redeemID = "r-out"
            $0.origin = peer.name
            $0.from = "bob"
            $0.recipient = "alice"
            $0.asset = PBAsset(foreign)
            $0.amount = 200
            $0.totals.issued = 700
            $0.totals.redeemed = 200
          }), postings: Postings.move(200, from: .wrapped(bob, foreign), to: .issuance(of: foreign))))
    add(
      node,
      EventDraft(
        .bridgeBreakerOpened(
          .with {
            $0.peer = peer.name
            $0.reason = "by_hand"
            $0.detail = "as a test"
          })))
    add(authority, EventDraft(.bridgeBreakerClosed(.with { ($0.peer, $0.note) = (peer.name, "it was one") })))
  }
}
