import Foundation
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

@Suite struct FreezeTests {
  private let samples: EventSamples

  init() throws { samples = try EventSamples() }

  private func evolved(_ ledger: LedgerState, _ payload: PBEvent.OneOf_Payload) -> LedgerState {
    var ledger = ledger
    ledger.evolve(RecordedEvent(event: .with { $0.payload = payload }, bytes: Data()))
    return ledger
  }

  private func refusal(_ type: EventType, by actor: SPIFFEID, in ledger: LedgerState) throws -> String? {
    let index = try #require(EventType.all.firstIndex(of: type))
    do {
      try LedgerGuard<LedgerState>().check(
        EventDraft(samples.payloads[index], postings: samples.postings(type)), actor: actor, state: ledger)
      return nil
    } catch {
      return (error as? any FrameError)?.code
    }
  }

  @Test("a frozen agent moves no money out by itself, in any room; what comes in or is under way goes on")
  func frozenAgent() throws {
    let frozen = evolved(
      try samples.ledger(),
      .agentFrozen(
        .with {
          $0.name = "alice"
          $0.reason = "court order 17"
        }))
    let alice = SPIFFEID.agent(samples.alice, of: samples.frame)
    let stopped: [EventType] = [
      .tokensTransferred, .holdCreated, .holdCaptured, .crossFrameTransferInitiated, .crossRegistryTransferLocked,
      .tokensBridgeLocked, .wrappedTokensRedeemed,
    ]
    for type in stopped {
      #expect(try refusal(type, by: alice, in: try samples.ledger()) == nil, "\(type)")
      #expect(try refusal(type, by: alice, in: frozen) == "agent_frozen", "\(type)")
    }
    let goesOn: [(EventType, SPIFFEID)] = [
      (.holdCaptured, .agent(samples.bob, of: samples.frame)), (.holdReleased, alice),
      (.holdExpired, .node(of: samples.frame)), (.crossFrameTransferCompensated, .node(of: samples.frame)),
      (.crossRegistryTransferCompleted, .node(of: samples.frame)),
      (.crossRegistryTransferAborted, .node(of: samples.frame)), (.wrappedTokensIssued, .node(of: samples.frame)),
      (.tokensBridgeUnlocked, .node(of: samples.frame)), (.tokensIssued, .authority(of: samples.frame)),
    ]
    for (type, actor) in goesOn { #expect(try refusal(type, by: actor, in: frozen) == nil, "\(type)") }
    let thawed = evolved(frozen, .agentUnfrozen(.with { $0.name = "alice" }))
    for type in stopped { #expect(try refusal(type, by: alice, in: thawed) == nil, "\(type)") }
    #expect(frozen.frozenAgents == 1 && thawed.frozenAgents == 0)
  }

  @Test("only the authority freezes and unfreezes, and doing it twice changes nothing")
  func decisions() throws {
    let ledger = try samples.ledger()
    let authority = DecisionContext(
      now: FrameTime(unixNanoseconds: 0), actor: .authority(of: samples.frame))
    let alice = DecisionContext(
      now: FrameTime(unixNanoseconds: 0), actor: .agent(samples.alice, of: samples.frame))
    let freeze = LedgerCommand.freezeAgent(samples.alice, reason: "r")
    let draft = try #require(try ledger.decide(freeze, authority).first)
    let frozen = evolved(ledger, draft.payload)
    #expect(frozen.agent(samples.alice)?.freeze?.reason == "r")
    #expect(try frozen.decide(freeze, authority).isEmpty)
    #expect(try ledger.decide(.unfreezeAgent(samples.alice, reason: ""), authority).isEmpty)
    #expect(throws: LedgerError.self) { try ledger.decide(freeze, alice) }
    #expect(throws: LedgerError.self) { try frozen.decide(.unfreezeAgent(samples.alice, reason: ""), alice) }
    #expect(throws: LedgerError.unknownAgent("x")) {
      try ledger.decide(.freezeAgent(try AgentName("x"), reason: ""), authority)
    }
  }

  @Test("the fee pool is emptied into the treasury by the authority, and no further than it is full")
  func fees() throws {
    let ledger = try samples.ledger()
    let authority = DecisionContext(
      now: FrameTime(unixNanoseconds: 0), actor: .authority(of: samples.frame))
    for (amount, expected) in [(nil, 1_000), (Amount(minorUnits: 400), 400)] as [(Amount?, Int64)] {
      let drafts = try ledger.decide(.collectFees(amount, memo: ""), authority)
      #expect(drafts.first?.postings == Postings.move(expected, from: .fees, to: .treasury))
      try LedgerGuard<LedgerState>().check(drafts, actor: authority.actor, state: ledger)
    }
    #expect(
      throws: LedgerError.insufficientFunds(account: "frame:fees", balance: 1_000, needed: 1_001, of: samples.native)
    ) {
      try ledger.decide(.collectFees(Amount(minorUnits: 1_001), memo: ""), authority)
    }
    #expect(throws: LedgerError.self) {
      try ledger.decide(
        .collectFees(nil, memo: ""),
        DecisionContext(now: authority.now, actor: .agent(samples.alice, of: samples.frame)))
    }
    #expect(throws: LedgerError.nothingToCollect) {
      try LedgerState(frame: samples.frame, native: samples.native).decide(.collectFees(nil, memo: ""), authority)
    }
  }
}
