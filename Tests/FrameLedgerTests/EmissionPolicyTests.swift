import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

@Suite struct EmissionPolicyTests {
  /// The policy, written down a second time: type, who may emit it (A authority, N node, O the agent whose money it is,
  /// X any agent, P peer).
  static let table: [(EventType, String)] = [
    (.frameFounded, "AN"), (.agentRegistered, "AN"), (.tokensIssued, "A"), (.tokensBurned, "A"),
    (.tokensTransferred, "O"), (.holdCreated, "O"), (.holdCaptured, "AX"), (.holdReleased, "AX"),
    (.holdExpired, "ANX"), (.feesCollected, "A"), (.crossFrameTransferInitiated, "O"),
    (.crossFrameTransferSettled, "NP"),
    (.crossFrameTransferRefused, "NP"), (.crossFrameTransferCompensated, "NP"), (.crossRegistryTransferLocked, "O"),
    (.crossRegistryTransferCredited, "NP"), (.crossRegistryTransferCompleted, "ONP"),
    (.crossRegistryTransferRefused, "NP"), (.crossRegistryTransferAborted, "ONP"), (.tokensBridgeLocked, "O"),
    (.wrappedTokensIssued, "ANXP"), (.wrappedTokensRedeemed, "O"), (.tokensBridgeUnlocked, "ANXP"),
    (.bridgeBreakerOpened, "ANXP"), (.bridgeBreakerClosed, "A"), (.frameInvitationRequested, "ANP"),
    (.frameInvitationApproved, "ANP"), (.frameInvitationRejected, "ANP"), (.frameFederationEstablished, "ANP"),
    (.frameFederationRevoked, "ANP"), (.peerBundleRotated, "ANP"), (.peerBundleRepinned, "A"),
    (.treatyAmendmentProposed, "AP"), (.treatyAmendmentAccepted, "AP"), (.treatyAmendmentRejected, "AP"),
    (.treatyAmendmentWithdrawn, "P"), (.peerEventProjected, "NP"),
    (.agentFrozen, "A"), (.agentUnfrozen, "A"), (.supplyDriftDetected, "AN"), (.supplyDriftCleared, "A"),
    (.operatorLicensed, "A"), (.operatorSuspended, "A"), (.operatorResumed, "A"), (.operatorRemoved, "A"),
    (.operatorAgentReleased, "A"),
    (.peerEquivocationProven, "N"),
    (.authorityPrepared, "AN"), (.authorityActivated, "AN"), (.authorityTainted, "AN"), (.authorityRevoked, "AN"),
    (.authorityRetired, "AN"), (.registrationEntryCreated, "A"), (.registrationEntryRemoved, "A"),
    (.peerLogReplaced, "ANP"), (.formerLogProposed, "A"), (.formerLogWithdrawn, "A"), (.formerLogAnswered, "AN"),
    (.formerLogDecided, "AN"), (.formerLogItemReturned, "N"),
  ]

  @Test("every event type has its row, and no other has")
  func complete() {
    #expect(Set(EmissionPolicy.standard.rules.keys) == Set(EventType.all))
    #expect(Self.table.map(\.0) == EventType.all)
  }

  @Test("each event may be emitted by those in its row and by nobody else", arguments: table.indices)
  func row(index: Int) throws {
    let samples = try EventSamples()
    let (type, roles) = Self.table[index]
    let draft = EventDraft(try samples.payloads[index], postings: samples.postings(type))
    let ledger = try samples.ledger()
    let actors: [(String, Bool)] = [
      ("spiffe://frame-a.example/authority", roles.contains("A")),
      ("spiffe://frame-a.example/node", roles.contains("N")),
      ("spiffe://frame-a.example/agent/alice", roles.contains("O") || roles.contains("X")),
      ("spiffe://frame-a.example/agent/bob", roles.contains("X")),
      ("spiffe://frame-b.example/node", roles.contains("P")),
      // Operators without a licence, other frames' authorities and agents, and everyone unheard of: nothing at all.
      ("spiffe://frame-a.example/operator/acme", false), ("spiffe://frame-a.example", false),
      ("spiffe://frame-a.example/authority/x", false), ("spiffe://frame-b.example/authority", false),
      ("spiffe://frame-b.example/agent/alice", false), ("spiffe://frame-a.example/node/x", false),
    ]
    for (text, allowed) in actors {
      let actor = try SPIFFEID(text)
      let refusal = Self.refusal { try LedgerGuard<LedgerState>().check(draft, actor: actor, state: ledger) }
      #expect((refusal == nil) == allowed, "\(type) by \(text): \(String(describing: refusal))")
    }
  }

  private static func refusal(_ body: () throws -> Void) -> (any Error)? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test("a grant from the treasury is the authority's alone")
  func grants() throws {
    let samples = try EventSamples()
    let draft = EventDraft(
      .tokensTransferred(
        .with {
          $0.to = "bob"
          $0.amount = 5
        }), postings: Postings.move(5, from: .treasury, to: .liquid(samples.bob)))
    let ledger = try samples.ledger()
    let check = LedgerGuard<LedgerState>()
    try check.check(draft, actor: .authority(of: samples.frame), state: ledger)
    #expect(throws: LedgerError.self) {
      try check.check(draft, actor: .agent(samples.bob, of: samples.frame), state: ledger)
    }
  }

  @Test("the authority may not spend an agent's money")
  func custody() throws {
    let samples = try EventSamples()
    let draft = EventDraft(
      .tokensTransferred(
        .with {
          $0.from = "alice"
          $0.to = "bob"
          $0.amount = 5
        }), postings: Postings.move(5, from: .liquid(samples.alice), to: .liquid(samples.bob)))
    #expect(throws: LedgerError.notOwner(actor: "spiffe://frame-a.example/authority", agent: "alice")) {
      try LedgerGuard<LedgerState>().check(
        draft, actor: .authority(of: samples.frame), state: try samples.ledger())
    }
  }
}
