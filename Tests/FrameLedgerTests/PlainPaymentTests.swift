import FrameCore
import FrameEvents
import FrameProtos
import FrameTesting
import Testing

@testable import FrameLedger

/// The short way through the guard lets nothing through that the long way would not.
@Suite("Plain payments") struct PlainPaymentTests {
  private let fixture: LedgerFixture
  private let ledger: LedgerState
  private let names = ["alice", "bob", "carol", "dave"]

  init() throws {
    fixture = try LedgerFixture()
    var state = fixture.state(fees: try FeeRule(basisPoints: 10, fixed: 1))
    for (name, money) in [("alice", Int64(1_000)), ("bob", 5), ("carol", .max - 2_000)] {
      state.evolve(RecordedEvent(event: PBEvent.with { $0.agentRegistered = .with { $0.name = name } }, bytes: .init()))
      let postings = Postings.move(money, from: .treasury, to: .liquid(try AgentName(name)))
      state.evolve(RecordedEvent(event: PBEvent.with { $0.postings = postings }, bytes: .init()))
    }
    // An agent without money and without an account.
    state.evolve(RecordedEvent(event: PBEvent.with { $0.agentRegistered = .with { $0.name = "dave" } }, bytes: .init()))
    ledger = state
  }

  private func draft(_ from: String, _ to: String, _ amount: Int64, fee: Int64) throws -> EventDraft {
    let payment = PBTokensTransferred.with {
      ($0.from, $0.to, $0.amount, $0.fee) = (from, to, amount, fee)
    }
    var postings = [
      Postings.posting(AccountRef(owner: from, kind: .liquid), 0 &- (amount &+ fee)),
      Postings.posting(AccountRef(owner: to, kind: .liquid), amount),
    ]
    if fee > 0 { postings.append(Postings.posting(.fees, fee)) }
    return EventDraft(.tokensTransferred(payment), postings: postings)
  }

  @Test("what the ledger decides for a payment goes the short way")
  func ordinary() throws {
    let actor = try fixture.agent("alice")
    for amount in [Int64(1), 10, 900] {
      let drafts = try ledger.decide(
        .transfer(from: AgentName("alice"), to: AgentName("bob"), amount: Amount(minorUnits: amount), memo: "x"),
        DecisionContext(now: fixture.clock.now(), actor: actor))
      #expect(drafts.count == 1 && PlainPayment.holds(drafts, actor: actor, in: ledger))
      try LedgerGuard<LedgerState>().checkAll(drafts, actor, ledger)
    }
  }

  @Test("whatever goes the short way would go the long way too", arguments: UInt64(1)...8)
  func sound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let full = LedgerGuard<LedgerState>()
    let actors = try ["alice", "bob", "carol"].map(fixture.agent) + [fixture.authority]
    var short = 0
    var shortBatches = 0
    for _ in 0..<5_000 {
      let drafts = try (0..<Int.random(in: 1...3, using: &random)).map { _ in try anything(&random) }
      let actor = actors.randomElement(using: &random) ?? fixture.authority
      guard PlainPayment.holds(drafts, actor: actor, in: ledger) else { continue }
      short += 1
      shortBatches += drafts.count > 1 ? 1 : 0
      #expect(throws: Never.self, "\(drafts) by \(actor)") { try full.checkAll(drafts, actor, ledger) }
    }
    #expect(short > 50 && shortBatches > 10, "enough of them were sound to say something")
  }

  /// A payment in which, sometimes, something is not as it should be.
  private func anything(_ random: inout SeededGenerator) throws -> EventDraft {
    func mostly<T>(_ usual: [T], _ odd: [T]) -> T {
      (Int.random(in: 0..<8, using: &random) > 0 ? usual : odd).randomElement(using: &random) ?? usual[0]
    }
    let odd = names + ["erin", "", "bob@frame-b.example", "bad name"]
    var draft = try draft(
      mostly(["alice"], odd), mostly(["bob", "carol"], odd),
      mostly([1, 4, 6, 400], [0, -1, 994, 999, 1_000, 1_001, 2_500, .max, .min, .max - 1]),
      fee: mostly([0, 0, 1, 5], [-1, .max, .min]))
    let index = Int.random(in: 0..<draft.postings.count, using: &random)
    switch Int.random(in: 0..<28, using: &random) {
    case 0: draft.postings[index].amount &+= Int64.random(in: -2...2, using: &random)
    case 1: draft.postings[index].owner = odd.randomElement(using: &random) ?? ""
    case 2: draft.postings[index].kind = PBAccountKind.allCases.randomElement(using: &random) ?? .held
    case 3: draft.postings[index].asset = PBAsset(ledger.native)
    case 4: draft.postings.remove(at: index)
    case 5: draft.postings.append(draft.postings[index])
    case 6: draft.postings.swapAt(0, index)
    default: break
    }
    return draft
  }

  @Test("a frozen agent, a drift of the supply and an operator each send everything the long way")
  func outOfTheOrdinary() throws {
    let actor = try fixture.agent("alice")
    let draft = try draft("alice", "bob", 1, fee: 0)
    #expect(PlainPayment.holds([draft], actor: actor, in: ledger))
    for event in [
      PBEvent.with { $0.agentFrozen = .with { $0.name = "carol" } },
      PBEvent.with { $0.supplyDriftDetected = .with { $0.findings = 1 } },
      PBEvent.with { $0.operatorLicensed = .with { $0.operatorName = "acme" } },
    ] {
      var changed = ledger
      changed.evolve(RecordedEvent(event: event, bytes: .init()))
      #expect(!PlainPayment.holds([draft], actor: actor, in: changed), "\(event)")
    }
  }
}
