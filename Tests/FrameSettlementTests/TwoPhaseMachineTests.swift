import FrameCore
import FrameProtos
import FrameSettlement
import Testing

@Suite("The 2pc origin's machine")
struct TwoPhaseMachineTests {
  let terms: TransferTerms
  let machine: TwoPhaseMachine
  let now = SimFixture.start

  init() throws {
    let (given, b) = try SimFixture.pair(scaleOfB: 3)
    var a = given
    let terms = try SimFixture.terms("t", a, b)
    try a.settlement(
      .lock(terms, deadline: now + .seconds(30)), actor: .agent(terms.from, of: a.id), key: "k", now: now)
    self.terms = terms
    let locked = try #require(a.state.settlement.outgoing("t"))
    machine = try #require(TwoPhaseMachine(locked))
  }

  private func fail(_ why: String) { Issue.record("\(why)") }

  private func decision(_ outcome: PBTransferDecision.Outcome, amount: Int64 = 1_000, id: String = "t")
    -> PBTransferDecision
  {
    var decision = PBTransferDecision()
    decision.transferID = id
    decision.outcome = outcome
    decision.creditedAmount = amount
    decision.reason = "unknown_agent"
    decision.position = 7
    return decision
  }

  @Test("asks for the credit, commits what was credited, and is done")
  func credited() {
    var machine = machine
    #expect(machine.handle(.start, now: now) == .askCredit(terms))
    #expect(machine.handle(.decided(decision(.credited)), now: now) == .commit(creditedAmount: 1_000, peerPosition: 7))
    #expect(machine.handle(.recorded, now: now) == .finished)
  }

  @Test("aborts only when the destination says that it refused")
  func refused() {
    var machine = machine
    _ = machine.handle(.start, now: now)
    #expect(machine.handle(.decided(decision(.refused)), now: now) == .abort(reason: "unknown_agent"))
    #expect(machine.handle(.recorded, now: now) == .finished)
  }

  @Test("B4: no silence, however long, becomes a refund")
  func silence() {
    var machine = machine
    var now = now
    var action = machine.handle(.start, now: now)
    for _ in 0..<1_000 {
      switch action {
      case .askCredit, .askOutcome: action = machine.handle(.unknown, now: now)
      case .wait(let pause):
        #expect(pause <= SettlementLimits.retryDelayMax)
        now = now + pause
        action = machine.handle(.timer, now: now)
      case .commit, .abort, .finished: return fail("silence was taken for \(action)")
      }
    }
  }

  @Test("after the lock's deadline it asks for the outcome and no longer for the credit")
  func deadline() {
    var machine = machine
    _ = machine.handle(.start, now: now)
    _ = machine.handle(.unknown, now: now)
    #expect(machine.handle(.timer, now: now + .seconds(31)) == .askOutcome("t"))
  }

  @Test("a decision that our log could not take is recorded later, unchanged")
  func notRecorded() {
    var machine = machine
    _ = machine.handle(.start, now: now)
    let commit = machine.handle(.decided(decision(.credited)), now: now)
    guard case .wait = machine.handle(.notRecorded, now: now) else { return fail("no pause") }
    #expect(machine.handle(.timer, now: now) == commit)
  }

  @Test(
    "B10: a decision without outcome, for another transfer or of another amount decides nothing",
    arguments: [("unspecified", 1_000, "t"), ("credited", 999, "t"), ("credited", 1_000, "u"), ("refused", 0, "u")]
      as [(String, Int64, String)])
  func unusable(outcome: String, amount: Int64, id: String) {
    let outcomes: [String: PBTransferDecision.Outcome] = [
      "unspecified": .unspecified, "credited": .credited, "refused": .refused,
    ]
    var machine = machine
    _ = machine.handle(.start, now: now)
    let action = machine.handle(.decided(decision(outcomes[outcome] ?? .unspecified, amount: amount, id: id)), now: now)
    guard case .wait = action else { return fail("\(action)") }
    #expect(machine.contradiction != nil)
  }
}
