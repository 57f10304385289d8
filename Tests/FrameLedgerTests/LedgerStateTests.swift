import Foundation
import FrameCore
import FrameEvents
import FrameProtos
import Testing

@testable import FrameLedger

@Suite struct LedgerStateTests {
  private let samples: EventSamples
  private let ledger: LedgerState

  init() throws {
    samples = try EventSamples()
    ledger = try samples.ledger()
  }

  private func decide(
    _ command: LedgerCommand, by actor: SPIFFEID? = nil, in state: LedgerState? = nil
  ) throws -> [EventDraft] {
    try (state ?? ledger).decide(
      command,
      DecisionContext(now: FrameTime(unixNanoseconds: 0), actor: actor ?? .authority(of: samples.frame)))
  }

  @Test("no more is ever issued than one number can say, so that the audit can always state it")
  func issuedAtMost() throws {
    let issued = -ledger.balance(.issuance)
    try #require(issued > 0)
    let rest = Int64.max - issued
    #expect(try decide(.issue(Amount(minorUnits: rest), memo: "")).count == 1)
    #expect(throws: AmountError.self) { try decide(.issue(Amount(minorUnits: rest + 1), memo: "")) }
  }

  @Test("what the ledger drafts passes the guard")
  func drafts() throws {
    let alice = SPIFFEID.agent(samples.alice, of: samples.frame)
    let one = Amount(minorUnits: 1)
    let commands: [(LedgerCommand, SPIFFEID)] = [
      (.foundFrame(logVerifierKey: "k"), .authority(of: samples.frame)),
      (.registerAgent(try AgentName("carol"), purpose: "canary"), .node(of: samples.frame)),
      (.issue(one, memo: "m"), .authority(of: samples.frame)), (.burn(one, memo: ""), .authority(of: samples.frame)),
      (.transfer(from: nil, to: samples.bob, amount: one, memo: ""), .authority(of: samples.frame)),
      (.transfer(from: samples.alice, to: samples.bob, amount: one, memo: ""), alice),
    ]
    for (command, actor) in commands {
      let drafts = try decide(command, by: actor)
      #expect(drafts.count == 1)
      try LedgerGuard<LedgerState>().check(drafts, actor: actor, state: ledger)
    }
  }

  @Test(
    "a log that has an agent with a reserved name opens, and the agent keeps its money; nobody else gets such a name")
  func reserved() throws {
    var state = LedgerState(frame: samples.frame, native: samples.native, fees: .none)
    let name = try AgentName("treasury")
    let events: [PBEvent] = [
      .with { $0.payload = .agentRegistered(.with { $0.name = "treasury" }) },
      .with { $0.payload = .agentRegistered(.with { $0.name = "bob" }) },
      .with { $0.postings = Postings.move(1000, from: .issuance, to: .liquid(name)) },
    ]
    for event in events { state.evolve(RecordedEvent(event: event, bytes: Data())) }
    #expect(state.agentExists(name) && state.balance(.liquid(name)) == 1000 && state.balance(.treasury) == 0)
    let pay = LedgerCommand.transfer(from: name, to: samples.bob, amount: Amount(minorUnits: 5), memo: "")
    #expect(try decide(pay, by: .agent(name, of: samples.frame), in: state).count == 1)
    for word in ["fees", "issuance", "f-e-e-s"] {
      #expect(throws: LedgerError.reservedName(word)) {
        try decide(.registerAgent(try AgentName(word), purpose: ""), in: state)
      }
    }
    // What is shown of the two accounts differs.
    #expect(AccountRef.treasury.description == "frame:treasury")
    #expect(AccountRef.liquid(name).description == "treasury:liquid")
  }

  @Test("a transfer costs its fee on top, and needs funds for both")
  func fee() throws {
    var state = LedgerState(
      frame: samples.frame, native: samples.native, fees: try FeeRule(basisPoints: 100, fixed: 2))
    let events: [PBEvent] = [
      .with { $0.payload = .agentRegistered(.with { $0.name = "alice" }) },
      .with { $0.payload = .agentRegistered(.with { $0.name = "bob" }) },
      .with { $0.postings = Postings.move(1000, from: .issuance, to: .liquid(samples.alice)) },
    ]
    for event in events { state.evolve(RecordedEvent(event: event, bytes: Data())) }
    let alice = SPIFFEID.agent(samples.alice, of: samples.frame)
    func transfer(_ amount: Int64) throws -> [EventDraft] {
      try decide(
        .transfer(from: samples.alice, to: samples.bob, amount: Amount(minorUnits: amount), memo: ""), by: alice,
        in: state)
    }
    let draft = try transfer(988)[0]
    guard case .tokensTransferred(let event) = draft.payload else { throw LedgerError.unknownAgent("?") }
    #expect(event.fee == 11)
    try LedgerGuard<LedgerState>().check(draft, actor: alice, state: state)
    #expect(
      throws: LedgerError.insufficientFunds(account: "alice:liquid", balance: 1000, needed: 1001, of: samples.native)
    ) {
      try transfer(990)
    }
  }

  @Test("the ledger refuses what it must, each with its code")
  func refusals() throws {
    let alice = SPIFFEID.agent(samples.alice, of: samples.frame)
    let one = Amount(minorUnits: 1)
    let long = String(repeating: "m", count: 513)
    let cases: [(String, LedgerCommand, SPIFFEID)] = [
      ("not_authority", .issue(one, memo: ""), alice),
      ("not_authority", .burn(one, memo: ""), .node(of: samples.frame)),
      ("not_authority", .issue(one, memo: ""), .authority(of: samples.peer)),
      ("not_authority", .registerAgent(try AgentName("x"), purpose: ""), alice),
      ("not_authority", .transfer(from: nil, to: samples.bob, amount: one, memo: ""), alice),
      ("not_owner", .transfer(from: samples.bob, to: samples.alice, amount: one, memo: ""), alice),
      (
        "not_owner", .transfer(from: samples.alice, to: samples.bob, amount: one, memo: ""),
        .agent(samples.alice, of: samples.peer)
      ),
      ("same_account", .transfer(from: samples.alice, to: samples.alice, amount: one, memo: ""), alice),
      ("agent_exists", .registerAgent(samples.alice, purpose: ""), .authority(of: samples.frame)),
      ("unknown_agent", .transfer(from: samples.alice, to: try AgentName("x"), amount: one, memo: ""), alice),
      ("amount_not_positive", .issue(.zero, memo: ""), .authority(of: samples.frame)),
      (
        "amount_not_positive",
        .transfer(from: samples.alice, to: samples.bob, amount: Amount(minorUnits: -1), memo: ""),
        alice
      ),
      ("memo_too_long", .issue(one, memo: long), .authority(of: samples.frame)),
      ("insufficient_funds", .burn(Amount(minorUnits: 1001), memo: ""), .authority(of: samples.frame)),
      (
        "insufficient_funds",
        .transfer(
          from: samples.alice, to: samples.bob, amount: Amount(minorUnits: .max), memo: ""), alice
      ),
    ]
    for (code, command, actor) in cases {
      let error = #expect(throws: (any Error).self) { try decide(command, by: actor) }
      #expect((error as? any FrameError)?.code == code)
    }
  }

  @Test("a log is founded once, and another frame's log is refused")
  func founding() throws {
    var state = LedgerState(frame: samples.frame, native: samples.native)
    let draft = try decide(.foundFrame(logVerifierKey: "k"), in: state)[0]
    let event = PBEvent.with { $0.payload = draft.payload }
    state.evolve(RecordedEvent(event: event, bytes: Data()))
    #expect(try decide(.foundFrame(logVerifierKey: "k"), in: state).isEmpty)
    #expect(throws: LedgerError.self) { try decide(.foundFrame(logVerifierKey: "other"), in: state) }
    var other = LedgerState(frame: samples.peer, native: samples.foreign)
    other.evolve(RecordedEvent(event: event, bytes: Data()))
    #expect(throws: LedgerError.alreadyFounded("frame-a.example")) {
      try decide(.foundFrame(logVerifierKey: "k"), by: .authority(of: samples.peer), in: other)
    }
  }

  @Test("every command's digest tells it from every other")
  func digests() throws {
    let one = Amount(minorUnits: 1)
    let commands: [LedgerCommand] = [
      .foundFrame(logVerifierKey: ""), .registerAgent(samples.alice, purpose: ""), .issue(one, memo: ""),
      .issue(one, memo: "m"), .burn(one, memo: ""), .transfer(from: nil, to: samples.alice, amount: one, memo: ""),
      .transfer(from: samples.bob, to: samples.alice, amount: one, memo: ""),
      .transfer(from: samples.bob, to: samples.alice, amount: Amount(minorUnits: 11), memo: ""),
    ]
    #expect(Set(commands.map(\.digest)).count == commands.count)
  }
}
