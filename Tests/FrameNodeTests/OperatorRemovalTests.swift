import Foundation
import FrameBridge
import FrameCore
import FrameLedger
import FrameEvents
import FrameProtos
import Testing

@testable import FrameConfiguration
@testable import FrameNode
@testable import FrameNodeState
@testable import FrameREST

/// An operator is not removed, and its name not given again, while money may come home to one of its agents.
@Suite("Removing an operator")
struct OperatorRemovalTests {
  private let frame: FrameID
  private let peer: FrameID
  private let native: Asset
  private let acme: OperatorName
  private let bob: AgentName
  private let start = FrameTime(unixNanoseconds: 1_800_000_000_000_000_000)

  init() throws {
    frame = try FrameID("frame-a.example")
    peer = try FrameID("frame-b.example")
    native = try Asset(origin: frame, code: "AVT", scale: 2)
    acme = try OperatorName("acme")
    bob = try AgentName("acme.bob")
  }

  /// A state with the operator acme, its agent with 10.00, and a treaty.
  private func state() throws -> NodeState {
    var state = NodeState(frame: frame, native: native, fees: .none)
    try decide(.license(licence()), &state)
    apply(.agentRegistered(.with { $0.name = "acme.bob" }), &state)
    apply(.agentRegistered(.with { $0.name = "carol" }), &state)
    apply(.tokensIssued(.with { $0.amount = 1_000 }), &state, Postings.move(1_000, from: .issuance, to: .liquid(bob)))
    let theirs = PBFrameDescription.with {
      $0.frameID = peer.name
      $0.native = .with {
        $0.origin = peer.name
        $0.code = "BVT"
        $0.scale = 2
      }
    }
    apply(
      .frameFederationEstablished(
        .with {
          $0.peer = peer.name
          $0.theirs = theirs
        }), &state)
    return state
  }

  private func licence() -> OperatorLicence {
    OperatorLicence(
      name: acme, id: "l1", scopes: Set(LicenceScope.allCases), hosts: [], issued: start,
      expires: start + .seconds(86_400))
  }

  /// Bob of acme has no money but what he redeems: 5 of `asset`, as r1.
  private func redeem(_ asset: Asset, _ state: inout NodeState) {
    apply(.tokensBurned(.init()), &state, Postings.move(1_000, from: .liquid(bob), to: .treasury))
    apply(
      .wrappedTokensRedeemed(
        .with {
          $0.redeemID = "r1"
          $0.origin = peer.name
          $0.from = "acme.bob"
          $0.amount = 5
          $0.asset = PBAsset(asset)
        }), &state)
  }

  private func apply(_ payload: PBEvent.OneOf_Payload, _ state: inout NodeState, _ postings: [PBPosting] = []) {
    let event = PBEvent.with {
      $0.position = state.bridge.logSize
      $0.timeUnixNs = start.unixNanoseconds
      $0.payload = payload
      $0.postings = postings
    }
    state.evolve(RecordedEvent(event: event, bytes: Data()))
  }

  @discardableResult
  private func decide(_ command: OperatorCommand, _ state: inout NodeState) throws -> Int {
    let drafts = try state.decide(.operators(command), DecisionContext(now: start, actor: .authority(of: frame)))
    for draft in drafts { apply(draft.payload, &state, draft.postings) }
    return drafts.count
  }

  private func refusal(_ command: OperatorCommand, _ state: NodeState) -> (code: String?, message: String) {
    var state = state
    do {
      try decide(command, &state)
      return (nil, "")
    } catch {
      return ((error as? any FrameError)?.code, (error as? any FrameError)?.message ?? "\(error)")
    }
  }

  private func terms(_ id: String) -> PBTransferTerms {
    .with {
      $0.transferID = id
      $0.origin = frame.name
      $0.destination = peer.name
      $0.from = "acme.bob"
      $0.to = "eve"
      $0.asset = PBAsset(native)
      $0.amount = 1_000
    }
  }

  @Test("an async debit in flight keeps the operator, and after a forced removal its name, from anybody else")
  func asyncDebit() throws {
    var state = try state()
    #expect(refusal(.remove(acme, reason: ""), state).code == "operator_has_money")
    apply(
      .tokensTransferred(
        .with {
          $0.from = "acme.bob"
          $0.amount = 1_000
          $0.transferID = "t1"
        }), &state, Postings.move(1_000, from: .liquid(bob), to: .clearing(peer)))
    apply(.crossFrameTransferInitiated(.with { $0.terms = terms("t1") }), &state)
    let refused = refusal(.remove(acme, reason: ""), state)
    #expect(refused.code == "operator_has_money_under_way")
    #expect(refused.message.contains("async transfer t1 of acme.bob to frame-b.example"), "\(refused.message)")

    // As logs of older versions have it: removed all the same.
    apply(.operatorRemoved(.with { $0.operatorName = "acme" }), &state)
    #expect(refusal(.license(licence()), state).code == "operator_has_money_under_way")
    apply(
      .crossFrameTransferCompensated(.with { $0.terms = terms("t1") }), &state,
      Postings.move(1_000, from: .clearing(peer), to: .liquid(bob)))
    #expect(refusal(.license(licence()), state).code == "operator_has_money", "the refund is not the next one's")
    // The way out: the frame takes the agent, with its money.
    try decide(.release(bob, from: acme), &state)
    #expect(try decide(.license(licence()), &state) == 1)
    #expect(state.ledger.operators[acme]?.owns(bob) == false)
  }

  @Test("a lock of 2pc, a lock and a redemption of the bridge, and holds keep it too; each is named until it has ended")
  func others() throws {
    typealias Step = (begin: (inout NodeState) -> Void, end: (inout NodeState) -> Void, named: String)
    let carol = try AgentName("carol")
    let foreign = try Asset(origin: peer, code: "BVT", scale: 2)
    let steps: [Step] = [
      (
        {
          apply(
            .crossRegistryTransferLocked(.with { $0.terms = terms("p1") }), &$0,
            Postings.move(1_000, from: .liquid(bob), to: .held(bob)))
          // Its money is where the ledger's own check does not see it.
          apply(.tokensBurned(.init()), &$0, Postings.move(1_000, from: .held(bob), to: .treasury))
        }, { apply(.crossRegistryTransferCompleted(.with { $0.terms = terms("p1") }), &$0) },
        "2pc transfer p1 of acme.bob"
      ),
      (
        {
          apply(
            .tokensBridgeLocked(
              .with {
                $0.lockID = "l1"
                $0.destination = peer.name
                $0.from = "acme.bob"
                $0.recipient = "eve"
                $0.amount = 1_000
              }), &$0, Postings.move(1_000, from: .liquid(bob), to: .bridgeReserve(peer)))
        },
        {
          let issued = PBWrappedTokensIssued.with {
            $0.lockID = "l1"
            $0.origin = frame.name
            $0.amount = 1_000
          }
          apply(project(.wrappedTokensIssued(issued)), &$0)
        }, "bridge lock l1 of acme.bob"
      ),
      (
        {
          redeem(foreign, &$0)
        },
        {
          let unlocked = PBTokensBridgeUnlocked.with {
            $0.redeemID = "r1"
            $0.destination = frame.name
            $0.amount = 5
          }
          apply(project(.tokensBridgeUnlocked(unlocked)), &$0)
        }, "redemption r1 of acme.bob"
      ),
      (
        {
          apply(.tokensBurned(.init()), &$0, Postings.move(1_000, from: .liquid(bob), to: .held(carol)))
          apply(
            .holdCreated(
              .with {
                $0.holdID = "h1"
                $0.from = "carol"
                $0.payee = "acme.bob"
                $0.amount = 1_000
                $0.expiresUnixNs = .max
              }), &$0)
        },
        {
          apply(
            .holdReleased(
              .with {
                $0.holdID = "h1"
                $0.from = "carol"
                $0.amount = 1_000
              }), &$0)
        }, "hold h1 of carol for acme.bob"
      ),
    ]
    for step in steps {
      var state = try state()
      step.begin(&state)
      let refused = refusal(.remove(acme, reason: ""), state)
      #expect(refused.code == "operator_has_money_under_way" && refused.message.contains(step.named), "\(refused)")
      step.end(&state)
      #expect(try decide(.remove(acme, reason: ""), &state) == 1, "\(step.named) has ended")
      #expect(try decide(.license(licence()), &state) == 1)
    }
  }

  @Test("what waits with a log that a peer has lost keeps it until it is back")
  func formerLog() throws {
    var state = try state()
    let foreign = try Asset(origin: peer, code: "BVT", scale: 2)
    redeem(foreign, &state)
    apply(.crossFrameTransferInitiated(.with { $0.terms = terms("t1") }), &state)
    let log = try #require(state.bridge.peer(peer).log)
    apply(
      .frameFederationEstablished(
        .with {
          $0.peer = peer.name
          $0.theirs.frameID = peer.name
          $0.theirs.native = PBAsset(foreign)
          $0.theirs.logVerifierKey = "another key"
        }), &state)
    let refused = refusal(.remove(acme, reason: ""), state)
    #expect(refused.code == "operator_has_money_under_way")
    #expect(refused.message.contains("redemption r1 of acme.bob at \(log)"), "\(refused.message)")
    #expect(refused.message.contains("async transfer t1 of acme.bob to \(log)"), "\(refused.message)")
    apply(
      .formerLogDecided(
        .with {
          $0.peer = peer.name
          $0.log = log.name
          $0.outcome = .writtenOff
        }), &state)
    apply(
      .crossFrameTransferCompensated(
        .with {
          $0.terms = terms("t1")
          $0.formerLog = log.name
        }), &state)
    #expect(refusal(.remove(acme, reason: ""), state).code == "operator_has_money_under_way")
    apply(
      .formerLogItemReturned(
        .with {
          $0.peer = peer.name
          $0.log = log.name
          $0.kind = .wrapped
          $0.itemID = "r1"
          $0.to = "acme.bob"
          $0.amount = 5
        }), &state)
    #expect(try decide(.remove(acme, reason: ""), &state) == 1)
  }

  /// What the peer's log says reached us.
  private func project(_ payload: PBEvent.OneOf_Payload) -> PBEvent.OneOf_Payload {
    let event = PBEvent.with { $0.payload = payload }
    return .peerEventProjected(
      .with {
        $0.originFrame = peer.name
        $0.sequence = 1
        $0.eventType = event.eventType.name
        $0.event = (try? event.serializedData()) ?? Data()
      })
  }
}
