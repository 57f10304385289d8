import Foundation
import FrameCore
import FrameEvents
import FrameProtos

@testable import FrameLedger

/// One well-formed draft of every event type, as seen in the log of `frame-a.example` with the peer `frame-b.example`.
struct EventSamples {
  let frame: FrameID
  let peer: FrameID
  let native: Asset
  let foreign: Asset
  let alice: AgentName
  let bob: AgentName

  init() throws {
    frame = try FrameID("frame-a.example")
    peer = try FrameID("frame-b.example")
    native = try Asset(origin: frame, code: "AVT", scale: 2)
    foreign = try Asset(origin: peer, code: "BVT", scale: 3)
    alice = try AgentName("alice")
    bob = try AgentName("bob")
  }

  /// A log that the peer has lost.
  var lost: PeerLog { PeerLog(peer, key: "lost") }
  var outgoing: PBTransferTerms { terms(from: frame, to: peer, of: native) }
  var incoming: PBTransferTerms { terms(from: peer, to: frame, of: foreign) }

  private func terms(from origin: FrameID, to destination: FrameID, of asset: Asset) -> PBTransferTerms {
    .with {
      $0.transferID = "t1"
      $0.origin = origin.name
      $0.destination = destination.name
      $0.from = alice.text
      $0.to = bob.text
      $0.asset = PBAsset(asset)
      $0.amount = 100
    }
  }

  var payloads: [PBEvent.OneOf_Payload] {
    get throws {
      try EventType.all.map { type in
        guard let payload = payload(type) else { throw Refusal("no_sample", .internal, "\(type)", remedy: "Add one.") }
        return payload
      }
    }
  }

  private func payload(_ type: EventType) -> PBEvent.OneOf_Payload? {
    switch type {
    case .frameFounded: .frameFounded(.init())
    case .agentRegistered: .agentRegistered(.with { $0.name = "carol" })
    case .tokensIssued: .tokensIssued(.with { $0.amount = 100 })
    case .tokensBurned: .tokensBurned(.with { $0.amount = 100 })
    case .tokensTransferred:
      .tokensTransferred(
        .with {
          $0.from = "alice"
          $0.to = "bob"
          $0.amount = 100
          $0.fee = 1
        })
    case .holdCreated:
      .holdCreated(
        .with {
          $0.holdID = "new"
          $0.from = "alice"
          $0.payee = "bob"
          $0.amount = 100
          $0.expiresUnixNs = 1
        })
    case .holdCaptured:
      .holdCaptured(
        .with {
          $0.holdID = "open"
          $0.from = "alice"
          $0.to = "bob"
          $0.amount = 100
        })
    case .holdReleased:
      .holdReleased(
        .with {
          $0.holdID = "open"
          $0.from = "alice"
          $0.amount = 100
        })
    case .holdExpired:
      .holdExpired(
        .with {
          $0.holdID = "open"
          $0.from = "alice"
          $0.amount = 100
        })
    case .feesCollected: .feesCollected(.with { $0.amount = 100 })
    case .crossFrameTransferInitiated: .crossFrameTransferInitiated(.with { $0.terms = outgoing })
    case .crossFrameTransferSettled:
      .crossFrameTransferSettled(
        .with {
          $0.terms = incoming
          $0.creditedAmount = 100
        })
    case .crossFrameTransferRefused: .crossFrameTransferRefused(.with { $0.terms = incoming })
    case .crossFrameTransferCompensated: .crossFrameTransferCompensated(.with { $0.terms = outgoing })
    case .crossRegistryTransferLocked: .crossRegistryTransferLocked(.with { $0.terms = outgoing })
    case .crossRegistryTransferCredited:
      .crossRegistryTransferCredited(
        .with {
          $0.terms = incoming
          $0.creditedAmount = 100
        })
    case .crossRegistryTransferCompleted: .crossRegistryTransferCompleted(.with { $0.terms = outgoing })
    case .crossRegistryTransferRefused: .crossRegistryTransferRefused(.with { $0.origin = peer.name })
    case .crossRegistryTransferAborted: .crossRegistryTransferAborted(.with { $0.terms = outgoing })
    case .tokensBridgeLocked:
      .tokensBridgeLocked(
        .with {
          $0.destination = peer.name
          $0.from = "alice"
          $0.recipient = "bob"
          $0.asset = PBAsset(native)
          $0.amount = 100
          $0.totals.locked = 100
        })
    case .wrappedTokensIssued:
      .wrappedTokensIssued(
        .with {
          $0.origin = peer.name
          $0.recipient = "bob"
          $0.asset = PBAsset(foreign)
          $0.amount = 100
          $0.totals.issued = 100
        })
    case .wrappedTokensRedeemed:
      .wrappedTokensRedeemed(
        .with {
          $0.origin = peer.name
          $0.from = "alice"
          $0.recipient = "bob"
          $0.asset = PBAsset(foreign)
          $0.amount = 100
        })
    case .tokensBridgeUnlocked:
      .tokensBridgeUnlocked(
        .with {
          $0.destination = peer.name
          $0.recipient = "bob"
          $0.asset = PBAsset(native)
          $0.amount = 100
        })
    case .bridgeBreakerOpened: .bridgeBreakerOpened(.init())
    case .bridgeBreakerClosed: .bridgeBreakerClosed(.init())
    case .frameInvitationRequested: .frameInvitationRequested(.init())
    case .frameInvitationApproved: .frameInvitationApproved(.init())
    case .frameInvitationRejected: .frameInvitationRejected(.init())
    case .frameFederationEstablished: .frameFederationEstablished(.init())
    case .frameFederationRevoked: .frameFederationRevoked(.init())
    case .peerBundleRotated: .peerBundleRotated(.init())
    case .peerBundleRepinned: .peerBundleRepinned(.init())
    case .treatyAmendmentProposed: .treatyAmendmentProposed(.init())
    case .treatyAmendmentAccepted: .treatyAmendmentAccepted(.init())
    case .treatyAmendmentRejected: .treatyAmendmentRejected(.init())
    case .treatyAmendmentWithdrawn: .treatyAmendmentWithdrawn(.init())
    case .peerEventProjected: .peerEventProjected(.init())
    case .agentFrozen: .agentFrozen(.with { $0.name = "bob" })
    case .agentUnfrozen: .agentUnfrozen(.with { $0.name = "bob" })
    case .supplyDriftDetected: .supplyDriftDetected(.init())
    case .supplyDriftCleared: .supplyDriftCleared(.init())
    case .operatorLicensed: .operatorLicensed(.init())
    case .operatorSuspended: .operatorSuspended(.init())
    case .operatorResumed: .operatorResumed(.init())
    case .operatorRemoved: .operatorRemoved(.init())
    case .operatorAgentReleased: .operatorAgentReleased(.init())
    case .peerEquivocationProven: .peerEquivocationProven(.init())
    case .authorityPrepared: .authorityPrepared(.init())
    case .authorityActivated: .authorityActivated(.init())
    case .authorityTainted: .authorityTainted(.init())
    case .authorityRevoked: .authorityRevoked(.init())
    case .authorityRetired: .authorityRetired(.init())
    case .registrationEntryCreated: .registrationEntryCreated(.init())
    case .registrationEntryRemoved: .registrationEntryRemoved(.init())
    case .peerLogReplaced:
      .peerLogReplaced(
        .with {
          $0.peer = peer.name
          $0.log = lost.name
          $0.figures.clearing = 30
          $0.figures.sent = 10
          $0.figures.reserve = 60
          $0.figures.returnable = 20
        })
    case .formerLogProposed: .formerLogProposed(.with { $0.peer = peer.name })
    case .formerLogWithdrawn: .formerLogWithdrawn(.with { $0.peer = peer.name })
    case .formerLogAnswered:
      .formerLogAnswered(
        .with {
          $0.peer = peer.name
          $0.accepted = true
          $0.clearing = -40
          $0.reserve = 100
        })
    case .formerLogDecided:
      .formerLogDecided(
        .with {
          $0.peer = peer.name
          $0.log = lost.name
          $0.outcome = .writtenOff
          $0.figures.clearing = 30
          $0.figures.reserve = 60
        })
    case .formerLogItemReturned:
      .formerLogItemReturned(
        .with {
          $0.peer = peer.name
          $0.log = lost.name
          $0.kind = .lock
          $0.itemID = "l1"
          $0.to = alice.text
          $0.amount = 20
        })
    default: nil
    }
  }

  /// Where each type's money goes, written down a second time, by hand.
  func postings(_ type: EventType) -> [PBPosting] {
    switch type {
    case .tokensIssued: Postings.move(100, from: .issuance, to: .treasury)
    case .tokensBurned: Postings.move(100, from: .treasury, to: .issuance)
    case .holdCreated: Postings.move(100, from: .liquid(alice), to: .held(alice))
    case .holdCaptured: Postings.move(100, from: .held(alice), to: .liquid(bob))
    case .holdReleased, .holdExpired: Postings.move(100, from: .held(alice), to: .liquid(alice))
    case .feesCollected: Postings.move(100, from: .fees, to: .treasury)
    case .tokensTransferred:
      [Postings.posting(.liquid(alice), -101), Postings.posting(.liquid(bob), 100), Postings.posting(.fees, 1)]
    case .crossFrameTransferSettled, .crossRegistryTransferCredited:
      Postings.move(100, from: .clearing(peer), to: .liquid(bob))
    case .crossFrameTransferCompensated: Postings.move(100, from: .clearing(peer), to: .liquid(alice))
    case .crossRegistryTransferLocked: Postings.move(100, from: .liquid(alice), to: .held(alice))
    case .crossRegistryTransferCompleted: Postings.move(100, from: .held(alice), to: .clearing(peer))
    case .crossRegistryTransferAborted: Postings.move(100, from: .held(alice), to: .liquid(alice))
    case .tokensBridgeLocked: Postings.move(100, from: .liquid(alice), to: .bridgeReserve(peer))
    case .wrappedTokensIssued: Postings.move(100, from: .issuance(of: foreign), to: .wrapped(bob, foreign))
    case .wrappedTokensRedeemed: Postings.move(100, from: .wrapped(alice, foreign), to: .issuance(of: foreign))
    case .tokensBridgeUnlocked: Postings.move(100, from: .bridgeReserve(peer), to: .liquid(bob))
    case .peerLogReplaced:
      Postings.move(40, from: .clearing(peer), to: .clearing(of: lost))
        + Postings.move(80, from: .bridgeReserve(peer), to: .bridgeReserve(of: lost))
    case .formerLogAnswered:
      [
        Postings.posting(.clearing(peer), -40), Postings.posting(.treasury, -60),
        Postings.posting(.bridgeReserve(peer), 100),
      ]
    case .formerLogDecided:
      [
        Postings.posting(.clearing(of: lost), -30), Postings.posting(.bridgeReserve(of: lost), -60),
        Postings.posting(.treasury, 90),
      ]
    case .formerLogItemReturned: Postings.move(20, from: .bridgeReserve(of: lost), to: .liquid(alice))
    default: []
    }
  }

  /// A ledger in which alice and bob exist and every account that the samples draw on holds 1,000, of alice's held money
  /// 100 in the hold "open" for bob.
  func ledger() throws -> LedgerState {
    var events: [PBEvent] = []
    for name in [alice, bob] {
      events.append(.with { $0.payload = .agentRegistered(.with { $0.name = name.text }) })
    }
    let accounts: [AccountRef] = [
      .treasury, .fees, .liquid(alice), .liquid(bob), .held(alice), .bridgeReserve(peer), .bridgeReserve(of: lost),
      .wrapped(alice, foreign),
    ]
    for account in accounts {
      events.append(
        .with {
          $0.postings = Postings.move(
            1000, from: account.asset.map { .issuance(of: $0) } ?? .issuance, to: account)
        })
    }
    events.append(
      .with {
        $0.holdCreated = .with {
          $0.holdID = "open"
          $0.from = "alice"
          $0.payee = "bob"
          $0.amount = 100
          $0.expiresUnixNs = 1_000_000_000
        }
      })
    var ledger = LedgerState(frame: frame, native: native)
    for event in events { ledger.evolve(RecordedEvent(event: event, bytes: try event.serializedData())) }
    return ledger
  }
}
